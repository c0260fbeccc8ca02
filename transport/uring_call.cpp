#include "transport/batch_call.hpp"
#include "transport/frame_sender.hpp"

#include <cerrno>
#include <liburing.h>
#include <memory>
#include <string>
#include <system_error>

namespace status2::transport {

namespace {

/// Owns: a ring.
class uring_call final : public batch_call {
 public:
  explicit uring_call(counter& calls)
      : calls_(calls),
        error_(::io_uring_queue_init(most_in_a_batch, &ring_, 0)) {}
  ~uring_call() override {
    if (error_ == 0) ::io_uring_queue_exit(&ring_);
  }
  uring_call(const uring_call&) = delete;
  uring_call& operator=(const uring_call&) = delete;

  std::string obstacle() override {
    if (error_ != 0)
      return "io_uring_setup: " +
             std::error_code(-error_, std::generic_category()).message();
    auto* const probe = ::io_uring_get_probe_ring(&ring_);
    const bool sends = probe != nullptr &&
                       ::io_uring_opcode_supported(probe, IORING_OP_SEND) != 0;
    ::io_uring_free_probe(probe);
    return sends ? "" : "the kernel's io_uring cannot send";
  }

  bool send(std::span<pending_send> batch) override {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      auto* const entry = ::io_uring_get_sqe(&ring_);
      const auto& bytes = batch[i].block->bytes;
      ::io_uring_prep_send(entry, batch[i].fd, bytes.data(), bytes.size(),
                           send_flags);
      ::io_uring_sqe_set_data64(entry, i);
    }
    for (auto left = batch.size(); left > 0;) {
      // None of them waits for its socket, so all results are there at once.
      const auto result =
          ::io_uring_submit_and_wait(&ring_, static_cast<unsigned>(left));
      calls_.add();
      left -= reap(batch);
      if (result < 0 && result != -EINTR) return false;
    }
    return true;
  }

  std::string_view name() const override { return "io_uring_enter"; }

 private:
  std::size_t reap(std::span<pending_send> batch) {
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* event = nullptr;
    io_uring_for_each_cqe(&ring_, head, event) {
      batch[event->user_data].result = event->res;
      ++count;
    }
    ::io_uring_cq_advance(&ring_, count);
    return count;
  }

  counter& calls_;
  io_uring ring_{};
  int error_;
};

}  // namespace

std::unique_ptr<batch_call> make_uring_call(counter& calls) {
  return std::make_unique<uring_call>(calls);
}

}  // namespace status2::transport
