/// How frames reach many sockets, one object a thread. On the main path: a
/// fan-out hands the block of each subscriber to it, and flushes it once.
#pragma once

#include "transport/batch_call.hpp"
#include "transport/byte_stream.hpp"
#include "transport/counters.hpp"
#include "transport/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace status2::transport {

/// The call that takes the frames of a fan-out: `io_uring` all of them, native
/// AIO all of them with a second call for the results, `sendto` one frame.
/// `automatic` is the first of these that kernel and container allow.
enum class io_backend : std::uint8_t { automatic, io_uring, aio, sendto };

/// As configuration and log lines have it: `auto`, `io_uring`, `aio` or
/// `sendto`.
std::string_view name_of(io_backend backend);
/// The backend of that name. `epoll`, an older name, is `aio`.
/// Errors: nothing if there is none.
std::optional<io_backend> backend_named(std::string_view name);

/// Whose frames are sent.
class send_target {
 public:
  /// How many bytes the socket took, or a negative errno.
  /// Order: once for each send(), in that, a later one or flush(). Calls no
  /// member of a frame_sender.
  virtual void on_sent(std::ptrdiff_t result) noexcept = 0;

 protected:
  ~send_target() = default;
};

/// Thread: that of its loop. Blocks: never.
class frame_sender {
 public:
  /// Takes `wanted`, or the next one of the enum that is available. `counters`,
  /// where it counts what it does, must outlive it.
  frame_sender(io_backend wanted, io_counters& counters);
  ~frame_sender();

  /// Sends `block` to `stream`, here or in flush(). Keep the block, the target
  /// and the stream alive, and send nothing else for the target, until that
  /// is told.
  void send(byte_stream& stream, const frame_block& block,
            send_target& target) {
    if (!stream.batchable()) return encrypt(stream, block, target);
    waiting_.push_back({stream.fd(), &block, &target});
    if (waiting_.size() == most_in_a_batch) flush();
  }
  /// Sends all that was kept back; every target has been told after it.
  void flush();

  /// The backend in use, never `automatic`. A backend that fails is given up
  /// for good.
  io_backend backend() const { return backend_; }
  /// The system call that takes the frames of many, as log lines name it.
  std::string_view call_name() const;
  /// Reason for the fallback, for the log. Empty if the requested backend is in
  /// use.
  const std::string& obstacle() const { return obstacle_; }
  /// `told` is called in flush(), after the targets, when a way was given up.
  void on_given_up(std::function<void()> told) { given_up_ = std::move(told); }

 private:
  /// A send that cannot be part of a batch.
  struct encrypted_send {
    byte_stream* stream;
    const frame_block* block;
    send_target* target;
    std::ptrdiff_t result = 0;
  };

  void encrypt(byte_stream& stream, const frame_block& block,
               send_target& target);
  void flush_encrypted();
  void choose(io_backend wanted);
  /// Whether `call` is of use here; if not, why goes to the obstacles.
  bool take(std::unique_ptr<batch_call> call);
  void send_the_rest();
  void give_up();

  io_counters& counters_;
  std::vector<pending_send> waiting_;
  std::vector<encrypted_send> encrypted_;
  std::unique_ptr<batch_call> call_;  ///< null: a call for each
  io_backend backend_ = io_backend::sendto;
  std::string obstacle_;
  std::function<void()> given_up_;
};

}  // namespace status2::transport
