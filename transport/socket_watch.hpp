/// Readiness of many sockets. Asio keeps half a kilobyte a socket and another
/// for each operation that waits; here a socket costs its entry in an epoll of
/// our own, which waits inside the loop's, and a read buffer is shared by all.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <sys/epoll.h>

namespace status2::transport {

/// Who owns a socket that is watched.
class watched_socket {
 public:
  /// `events` as epoll(7) has them: EPOLLIN, EPOLLOUT if asked for, EPOLLHUP
  /// and EPOLLERR. What is not dealt with is told again.
  virtual void on_ready(std::uint32_t events) noexcept = 0;

 protected:
  ~watched_socket() = default;

 private:
  friend class socket_watch;
  using hook = boost::intrusive::list_member_hook<
      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  hook hook_;
  std::shared_ptr<watched_socket> held_;
};

/// Owns: what it watches. Thread: that of the loop. Blocks: never.
class socket_watch {
 public:
  explicit socket_watch(boost::asio::io_context& loop);
  ~socket_watch();
  socket_watch(const socket_watch&) = delete;
  socket_watch& operator=(const socket_watch&) = delete;

  /// Watches `fd` until remove() or release(). Errors: the system's.
  boost::system::error_code add(int fd, std::shared_ptr<watched_socket> owner,
                                std::uint32_t events = EPOLLIN);
  /// What else to wait for; EPOLLHUP and EPOLLERR always are.
  void change(int fd, watched_socket& owner, std::uint32_t events);
  /// Stops watching; events already fetched are dropped too. The caller closes
  /// the descriptor next; the owner lives as long as the result, which is null
  /// if it was not watched.
  std::shared_ptr<watched_socket> remove(watched_socket& owner);
  /// The same for a descriptor that stays open, watched or not.
  std::shared_ptr<watched_socket> release(int fd, watched_socket& owner);

  /// Where whoever is told may read to, for the length of on_ready().
  std::span<char> scratch() { return scratch_; }

 private:
  using list = boost::intrusive::list<
      watched_socket,
      boost::intrusive::member_hook<watched_socket, watched_socket::hook,
                                    &watched_socket::hook_>,
      boost::intrusive::constant_time_size<false>>;

  void wait();
  void tell();

  boost::asio::posix::basic_stream_descriptor<
      boost::asio::io_context::executor_type>
      epoll_;
  /// Of the batch that is being told.
  std::array<epoll_event, 256> ready_{};
  std::size_t told_ = 0;
  std::size_t count_ = 0;
  std::array<char, 16384> scratch_{};
  list sockets_;
};

}  // namespace status2::transport
