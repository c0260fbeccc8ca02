/// The frame_sender over io_uring, and what it shares with the other one.
#pragma once

#include "transport/frame_sender.hpp"

#include <memory>
#include <sys/socket.h>

namespace status2::transport {

inline constexpr int send_flags = MSG_NOSIGNAL | MSG_DONTWAIT;

/// One send() as frame_sender::send promises it.
std::ptrdiff_t send_at_once(int fd, const frame_block& block);

/// Null where io_uring is not to be had.
/// Source: io_uring_enter(2), io_uring_prep_send(3).
std::unique_ptr<frame_sender> make_uring_sender(io_counters& counters);

}  // namespace status2::transport
