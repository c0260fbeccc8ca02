/// Many sends in one system call: what Linux has for it. On the main path: a
/// frame_sender gives the sends of a fan-out to one of these.
#pragma once

#include "transport/counters.hpp"
#include "transport/frame.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace status2::transport {

class send_target;

/// One of a batch: `result` is how many bytes the socket took, or a negative
/// errno; nothing as long as it is not sent.
struct pending_send {
  int fd;
  const frame_block* block;
  send_target* target;
  std::optional<std::ptrdiff_t> result{};
};

/// Thread: that of its sender. Blocks: never, and no send waits for its socket.
class batch_call {
 public:
  virtual ~batch_call() = default;
  /// What stands in the way of using it here; empty if nothing does. Before the
  /// first send().
  virtual std::string obstacle() = 0;
  /// Sends all of `batch` in its order. Errors: false if the way itself failed;
  /// the call is of no more use then, and what has no result is not sent.
  virtual bool send(std::span<pending_send> batch) = 0;
  /// The system call, as log lines name it.
  virtual std::string_view name() const = 0;
};

/// Sends in one batch at most.
inline constexpr std::size_t most_in_a_batch = 512;

/// Through io_uring. `calls` counts the system calls and must outlive it.
/// Source: io_uring_enter(2), io_uring_prep_send(3).
std::unique_ptr<batch_call> make_uring_call(counter& calls);

/// Through Linux native AIO, which is older, allowed in more places, and takes
/// a second call for the results. The threads that use it must ignore or
/// block SIGPIPE: it cannot be told not to raise it.
/// Source: io_submit(2), io_getevents(2).
std::unique_ptr<batch_call> make_aio_call(counter& calls);

}  // namespace status2::transport
