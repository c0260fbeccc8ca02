#include "transport/batch_call.hpp"
#include "transport/upgrade.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <linux/aio_abi.h>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>

namespace status2::transport {

namespace {

std::string error_text(const char* call) {
  return call + (": " + std::system_category().message(errno));
}

/// Owns: a context of the kernel.
class aio_call final : public batch_call {
 public:
  explicit aio_call(counter& calls) : calls_(calls) {
    if (::syscall(SYS_io_setup, most_in_a_batch, &context_) != 0)
      setup_error_ = error_text("io_setup");
    for (std::size_t i = 0; i < most_in_a_batch; ++i) {
      requests_[i].aio_data = i;
      requests_[i].aio_lio_opcode = IOCB_CMD_PWRITE;
      requests_[i].aio_rw_flags = RWF_NOWAIT;
      pointers_[i] = &requests_[i];
    }
  }
  ~aio_call() override {
    if (context_ != 0) ::syscall(SYS_io_destroy, context_);
  }
  aio_call(const aio_call&) = delete;
  aio_call& operator=(const aio_call&) = delete;

  /// Found by sending a byte: a kernel may know the calls and not the flag,
  /// and a container may be allowed some of them only.
  std::string obstacle() override {
    if (!setup_error_.empty()) return setup_error_;
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      return error_text("socketpair");
    const unique_fd first(ends[0]);
    const unique_fd second(ends[1]);
    frame_block block;
    block.bytes = "x";
    pending_send probe{first.value(), &block, nullptr};
    counter uncounted;
    if (!send({&probe, 1}, uncounted)) return error_text("io_submit");
    return probe.result == 1 ? "" : "native AIO does not send";
  }

  bool send(std::span<pending_send> batch) override {
    return send(batch, calls_);
  }

  std::string_view name() const override { return "io_submit"; }

 private:
  bool send(std::span<pending_send> batch, counter& calls) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      auto& request = requests_[i];
      const auto& bytes = batch[i].block->bytes;
      request.aio_fildes = static_cast<std::uint32_t>(batch[i].fd);
      request.aio_buf = reinterpret_cast<std::uintptr_t>(bytes.data());
      request.aio_nbytes = bytes.size();
    }
    for (std::size_t done = 0; done < batch.size();) {
      calls.add();
      const auto taken = ::syscall(SYS_io_submit, context_, batch.size() - done,
                                   &pointers_[done]);
      // It stops before one that it cannot begin, and says why if that is the
      // first. Of ours only a descriptor can be at fault.
      if (taken < 0 && errno == EBADF) {
        batch[done++].result = -EBADF;
        continue;
      }
      if (taken <= 0) return false;
      const auto begun = static_cast<std::size_t>(taken);
      if (!reap(batch, begun, calls)) {
        // Nobody knows what became of these, and nothing may come twice.
        for (auto& one : batch.subspan(done, begun))
          one.result = one.result.value_or(-EIO);
        return false;
      }
      done += begun;
    }
    return true;
  }

  /// None of them waits for its socket, so all results are there at once.
  bool reap(std::span<pending_send> batch, std::size_t count, counter& calls) {
    while (count > 0) {
      calls.add();
      const auto found = ::syscall(SYS_io_getevents, context_, count, count,
                                   events_.data(), nullptr);
      if (found < 0 && errno != EINTR) return false;
      for (long i = 0; i < found; ++i) {
        const auto& event = events_[static_cast<std::size_t>(i)];
        batch[event.data].result = event.res;
      }
      if (found > 0) count -= static_cast<std::size_t>(found);
    }
    return true;
  }

  counter& calls_;
  aio_context_t context_ = 0;
  std::string setup_error_;
  std::array<iocb, most_in_a_batch> requests_{};
  std::array<iocb*, most_in_a_batch> pointers_{};
  std::array<io_event, most_in_a_batch> events_{};
};

}  // namespace

std::unique_ptr<batch_call> make_aio_call(counter& calls) {
  return std::make_unique<aio_call>(calls);
}

}  // namespace status2::transport
