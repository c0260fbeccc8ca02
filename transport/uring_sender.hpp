/// The frame_sender over io_uring.
#pragma once

#include "transport/frame_sender.hpp"

#include <memory>

namespace status2::transport {

/// Null where io_uring is not to be had.
/// Source: io_uring_enter(2), io_uring_prep_send(3).
std::unique_ptr<frame_sender> make_uring_sender(io_counters& counters);

}  // namespace status2::transport
