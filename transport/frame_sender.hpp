/// How frames reach many sockets: one interface, two ways, one object a thread.
/// On the main path: a fan-out hands the block of each subscriber to it, and
/// flushes it once.
#pragma once

#include "transport/counters.hpp"
#include "transport/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace status2::transport {

/// `epoll`: a send() a subscriber. `io_uring`: the sends of a whole fan-out in
/// one system call.
enum class io_backend : std::uint8_t { automatic, epoll, io_uring };

/// As configuration and log lines have it: `auto`, `epoll` or `io_uring`.
std::string_view name_of(io_backend backend);

/// Whose frames are sent.
class send_target {
 public:
  /// How many bytes the socket took, or a negative errno.
  /// Order: once for each send() that gave no result. Calls no member of a
  /// frame_sender.
  virtual void on_sent(std::ptrdiff_t result) noexcept = 0;

 protected:
  ~send_target() = default;
};

/// Thread: that of its loop. Blocks: never.
class frame_sender {
 public:
  virtual ~frame_sender() = default;
  /// Sends `block` to `fd`: the result, as on_sent() takes it, or nothing if
  /// `target` is told, here or in flush(). Keep the block, the target and the
  /// descriptor alive, and send nothing else for the target, until then.
  virtual std::optional<std::ptrdiff_t> send(int fd, const frame_block& block,
                                             send_target& target) = 0;
  /// Sends all that was kept back; every target has been told after it.
  virtual void flush() = 0;
  /// How it sends now: a ring that fails is given up for good.
  virtual io_backend backend() const = 0;
};

/// Of every send: it neither waits nor raises a signal.
inline constexpr int send_flags = MSG_NOSIGNAL | MSG_DONTWAIT;

/// Sends `block` alone: how many bytes the socket took, or a negative errno.
std::ptrdiff_t send_at_once(int fd, const frame_block& block);

/// Why this process cannot use io_uring; empty if it can.
std::string io_uring_obstacle();

/// A sender that counts what it does in `counters`, which must outlive it.
/// `automatic`, and `io_uring` where it is not to be had, become what there is.
std::unique_ptr<frame_sender> make_frame_sender(io_backend wanted,
                                                io_counters& counters);

}  // namespace status2::transport
