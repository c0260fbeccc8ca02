#include "transport/uring_sender.hpp"

#include <cerrno>
#include <liburing.h>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace status2::transport {

namespace {

// Sends in one system call: beyond some hundreds the call itself is too small
// a part to matter, and the queues stay in the cache.
constexpr unsigned most_at_once = 512;

/// Owns: a ring, unless it could not be made; obstacle() tells.
class ring {
 public:
  ring() : error_(::io_uring_queue_init(most_at_once, &ring_, 0)) {}
  ~ring() {
    if (error_ == 0) ::io_uring_queue_exit(&ring_);
  }
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;

  io_uring* get() { return &ring_; }

  /// What is in the way of sending through it; empty if nothing is.
  std::string obstacle() {
    if (error_ != 0)
      return "io_uring_setup: " +
             std::error_code(-error_, std::generic_category()).message();
    auto* const probe = ::io_uring_get_probe_ring(&ring_);
    const bool sends = probe != nullptr &&
                       ::io_uring_opcode_supported(probe, IORING_OP_SEND) != 0;
    ::io_uring_free_probe(probe);
    return sends ? "" : "the kernel's io_uring cannot send";
  }

 private:
  io_uring ring_{};
  int error_;
};

class uring_sender final : public frame_sender {
 public:
  uring_sender(io_counters& counters, std::unique_ptr<ring> ring)
      : counters_(counters), ring_(std::move(ring)) {
    waiting_.reserve(most_at_once);
    counters_.io_uring_threads.add();
  }

  std::optional<std::ptrdiff_t> send(int fd, const frame_block& block,
                                     send_target& target) override {
    waiting_.push_back({fd, &block, &target});
    if (waiting_.size() == most_at_once) flush();
    return std::nullopt;
  }

  void flush() override {
    if (waiting_.empty()) return;
    counters_.sends.add(static_cast<std::int64_t>(waiting_.size()));
    // A lone one needs no ring.
    if (ring_ && waiting_.size() > 1) submit();
    tell();
  }

  io_backend backend() const override {
    return ring_ ? io_backend::io_uring : io_backend::epoll;
  }

 private:
  struct entry {
    int fd;
    const frame_block* block;
    send_target* target;
    std::optional<std::ptrdiff_t> result{};
  };

  /// Sends all that waits and notes what became of each. A ring that fails is
  /// given up; what it did not send goes without it.
  void submit() {
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      auto* const call = ::io_uring_get_sqe(ring_->get());
      const auto& bytes = waiting_[i].block->bytes;
      ::io_uring_prep_send(call, waiting_[i].fd, bytes.data(), bytes.size(),
                           send_flags);
      ::io_uring_sqe_set_data64(call, i);
    }
    std::size_t left = waiting_.size();
    while (left > 0) {
      // None of them waits for its socket, so all results are there at once.
      const auto result =
          ::io_uring_submit_and_wait(ring_->get(), static_cast<unsigned>(left));
      counters_.send_calls.add();
      left -= reap();
      if (result >= 0 || result == -EINTR) continue;
      ring_.reset();
      counters_.io_uring_threads.sub();
      return;
    }
  }

  std::size_t reap() {
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* event = nullptr;
    io_uring_for_each_cqe(ring_->get(), head, event) {
      waiting_[event->user_data].result = event->res;
      ++count;
    }
    ::io_uring_cq_advance(ring_->get(), count);
    return count;
  }

  /// All are sent before the first is told: what a target does then cannot
  /// take the descriptor from under another one's bytes.
  void tell() {
    for (auto& one : waiting_) {
      if (!one.result) {
        counters_.send_calls.add();
        one.result = send_at_once(one.fd, *one.block);
      }
      one.target->on_sent(*one.result);
    }
    waiting_.clear();
  }

  io_counters& counters_;
  std::unique_ptr<ring> ring_;
  std::vector<entry> waiting_;
};

}  // namespace

std::string io_uring_obstacle() {
  return ring().obstacle();
}

std::unique_ptr<frame_sender> make_uring_sender(io_counters& counters) {
  auto own = std::make_unique<ring>();
  if (!own->obstacle().empty()) return nullptr;
  return std::make_unique<uring_sender>(counters, std::move(own));
}

}  // namespace status2::transport
