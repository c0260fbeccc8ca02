#pragma once

// The netlink socket over which the kernel hands packets out and takes verdicts
// back.

#include "compose/netem/descriptor.hpp"
#include "compose/netem/nfqueue_message.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace status2::netem {

class nfqueue_socket {
 public:
  /// Binds the queue in this network namespace.
  /// Errors: throws a failure, exit_code::refused, when the queue belongs to
  /// another process or CAP_NET_ADMIN is missing.
  explicit nfqueue_socket(std::uint16_t queue);

  int descriptor_number() const { return socket_.number(); }

  /// Reads what is there, up to some hundred packets, and calls `handle` with
  /// each packet's id; false: nothing was there.
  bool read_packets(const std::function<void(std::uint32_t id)>& handle);

  /// Verdicts wait here until flush().
  void decide(std::uint32_t id, verdict decision);
  void accept_up_to(std::uint32_t id);
  /// Errors: throws a failure, exit_code::failed.
  void flush();

  /// Packets the kernel lost since the bind, because the queue or this socket
  /// was full.
  std::uint64_t kernel_dropped() const;

 private:
  void request(const std::string& message, const char* what);

  std::uint16_t queue_;
  descriptor socket_;
  std::string pending_;
  std::vector<char> buffer_;
};

}  // namespace status2::netem
