#include "transport/frame_sender.hpp"

#include "transport/uring_sender.hpp"

#include <cerrno>
#include <sys/syscall.h>
#include <unistd.h>

namespace status2::transport {

namespace {

class epoll_sender final : public frame_sender {
 public:
  explicit epoll_sender(io_counters& counters) : counters_(counters) {}

  std::optional<std::ptrdiff_t> send(int fd, const frame_block& block,
                                     send_target&) override {
    counters_.sends.add();
    counters_.send_calls.add();
    return send_at_once(fd, block);
  }
  void flush() override {}
  io_backend backend() const override { return io_backend::epoll; }

 private:
  io_counters& counters_;
};

}  // namespace

std::string_view name_of(io_backend backend) {
  switch (backend) {
    case io_backend::automatic:
      return "auto";
    case io_backend::epoll:
      return "epoll";
    case io_backend::io_uring:
      return "io_uring";
  }
  return {};
}

std::ptrdiff_t send_at_once(int fd, const frame_block& block) {
  // glibc's send() may be cancelled, which costs two locked instructions.
  const auto result = ::syscall(SYS_sendto, fd, block.bytes.data(),
                                block.bytes.size(), send_flags, nullptr, 0);
  return result < 0 ? -errno : result;
}

std::unique_ptr<frame_sender> make_frame_sender(io_backend wanted,
                                                io_counters& counters) {
  if (wanted != io_backend::epoll)
    if (auto sender = make_uring_sender(counters)) return sender;
  return std::make_unique<epoll_sender>(counters);
}

}  // namespace status2::transport
