#include "compose/netem/nfqueue_socket.hpp"

#include "compose/netem/failure.hpp"

#include <array>
#include <cerrno>
#include <fstream>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sstream>
#include <sys/socket.h>

namespace status2::netem {

namespace {

constexpr std::uint32_t queue_length = 100'000;
// A packet without its contents is below 300 bytes here.
constexpr std::size_t slot_size = 1024;
constexpr std::size_t slots = 128;
// Two seconds of a gigabit's small packets.
constexpr int receive_buffer = 64 << 20;
constexpr std::size_t send_at = 32 << 10;

failure broken(exit_code code, const std::string& what, int error) {
  return failure(code, what + ": " + error_text(error));
}

int open_socket() {
  const int number = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                            NETLINK_NETFILTER);
  if (number < 0)
    throw broken(exit_code::refused, "netlink socket for netfilter", errno);
  return number;
}

}  // namespace

nfqueue_socket::nfqueue_socket(std::uint16_t queue)
    : queue_(queue), socket_(open_socket()), buffer_(slots * slot_size) {
  // Without this a full socket turns the next read into ENOBUFS and holds the
  // kernel back until we have read all of it. Lost packets are counted anyway.
  const int on = 1;
  setsockopt(socket_.number(), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
  // Forced it passes net.core.rmem_max, where CAP_NET_ADMIN is good for that.
  if (setsockopt(socket_.number(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer,
                 sizeof receive_buffer) != 0)
    setsockopt(socket_.number(), SOL_SOCKET, SO_RCVBUF, &receive_buffer,
               sizeof receive_buffer);
  const std::string name = "NFQUEUE " + std::to_string(queue);
  std::string message;
  append_bind(message, queue);
  request(message, (name + ": bind").c_str());
  message.clear();
  append_copy_meta(message, queue);
  request(message, (name + ": copy mode").c_str());
  message.clear();
  append_queue_length(message, queue, queue_length);
  request(message, (name + ": length").c_str());
}

void nfqueue_socket::request(const std::string& message, const char* what) {
  if (send(socket_.number(), message.data(), message.size(), 0) < 0)
    throw broken(exit_code::refused, what, errno);
  pollfd waiting{socket_.number(), POLLIN, 0};
  if (poll(&waiting, 1, 5000) <= 0)
    throw broken(exit_code::refused, what, ETIMEDOUT);
  const ssize_t got = recv(socket_.number(), buffer_.data(), buffer_.size(), 0);
  if (got < 0) throw broken(exit_code::refused, what, errno);
  int code = EPROTO;
  for_each_reply({buffer_.data(), static_cast<std::size_t>(got)},
                 [&code](const reply& answer) {
                   if (answer.kind == reply_kind::error) code = answer.code;
                 });
  if (code != 0) throw broken(exit_code::refused, what, code);
}

bool nfqueue_socket::read_packets(
    const std::function<void(std::uint32_t id)>& handle) {
  std::array<mmsghdr, slots> headers{};
  std::array<iovec, slots> parts{};
  for (std::size_t slot = 0; slot < slots; ++slot) {
    parts[slot] = {buffer_.data() + slot * slot_size, slot_size};
    headers[slot].msg_hdr.msg_iov = &parts[slot];
    headers[slot].msg_hdr.msg_iovlen = 1;
  }
  const int got =
      recvmmsg(socket_.number(), headers.data(), slots, MSG_DONTWAIT, nullptr);
  if (got < 0) {
    // ENOBUFS is of a kernel that does not know NETLINK_NO_ENOBUFS.
    if (errno == EINTR || errno == ENOBUFS) return true;
    if (errno == EAGAIN) return false;
    throw broken(exit_code::failed, "reading packets", errno);
  }
  for (int at = 0; at < got; ++at)
    // An error is a verdict on a packet that is gone, with its interface for
    // one: nothing to do.
    for_each_reply(
        {static_cast<const char*>(parts[at].iov_base), headers[at].msg_len},
        [&handle](const reply& message) {
          if (message.kind == reply_kind::packet) handle(message.id);
        });
  return true;
}

void nfqueue_socket::decide(std::uint32_t id, verdict decision) {
  append_verdict(pending_, queue_, id, decision);
  if (pending_.size() >= send_at) flush();
}

void nfqueue_socket::accept_up_to(std::uint32_t id) {
  append_accept_up_to(pending_, queue_, id);
}

void nfqueue_socket::flush() {
  if (pending_.empty()) return;
  // The kernel works it off within the call.
  while (send(socket_.number(), pending_.data(), pending_.size(), 0) < 0)
    if (errno != EINTR) throw broken(exit_code::failed, "verdicts", errno);
  pending_.clear();
}

std::uint64_t nfqueue_socket::kernel_dropped() const {
  std::ifstream file("/proc/net/netfilter/nfnetlink_queue");
  for (std::string line; std::getline(file, line);) {
    std::istringstream columns(line);
    std::uint64_t queue = 0, port = 0, waiting = 0, mode = 0, range = 0;
    std::uint64_t queue_full = 0, socket_full = 0;
    columns >> queue >> port >> waiting >> mode >> range >> queue_full >>
        socket_full;
    if (queue == queue_) return queue_full + socket_full;
  }
  return 0;
}

}  // namespace status2::netem
