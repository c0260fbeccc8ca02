#include "transport/socket_watch.hpp"

#include <boost/asio/error.hpp>

#include <cerrno>
#include <system_error>
#include <utility>

namespace status2::transport {

namespace {

using boost::system::error_code;

epoll_event event_of(watched_socket& owner, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &owner;
  return event;
}

int make_epoll() {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::system_category(), "epoll");
  return fd;
}

}  // namespace

socket_watch::socket_watch(boost::asio::io_context& loop)
    : epoll_(loop, make_epoll()) {
  wait();
}

socket_watch::~socket_watch() {
  while (!sockets_.empty()) {
    auto& socket = sockets_.front();
    sockets_.pop_front();
    const auto last = std::move(socket.held_);
  }
}

error_code socket_watch::add(int fd, std::shared_ptr<watched_socket> owner,
                             std::uint32_t events) {
  auto event = event_of(*owner, events);
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &event) != 0)
    return {errno, boost::system::system_category()};
  sockets_.push_back(*owner);
  auto& held = owner->held_;
  held = std::move(owner);
  return {};
}

void socket_watch::change(int fd, watched_socket& owner, std::uint32_t events) {
  auto event = event_of(owner, events);
  ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, fd, &event);
}

std::shared_ptr<watched_socket> socket_watch::remove(watched_socket& owner) {
  if (!owner.held_) return nullptr;
  for (auto i = told_; i < count_; ++i)
    if (ready_[i].data.ptr == &owner) ready_[i].data.ptr = nullptr;
  owner.hook_.unlink();
  return std::exchange(owner.held_, nullptr);
}

std::shared_ptr<watched_socket> socket_watch::release(int fd,
                                                      watched_socket& owner) {
  auto held = remove(owner);
  if (held) ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
  return held;
}

void socket_watch::wait() {
  epoll_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                    [this](const error_code& error) {
                      if (error) return;
                      tell();
                      wait();
                    });
}

void socket_watch::tell() {
  const auto found = ::epoll_wait(epoll_.native_handle(), ready_.data(),
                                  static_cast<int>(ready_.size()), 0);
  count_ = found > 0 ? static_cast<std::size_t>(found) : 0;
  for (told_ = 0; told_ < count_;) {
    const auto& event = ready_[told_++];
    if (auto* owner = static_cast<watched_socket*>(event.data.ptr))
      owner->on_ready(event.events);
  }
  count_ = 0;
}

}  // namespace status2::transport
