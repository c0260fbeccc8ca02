#include "service/memory_return.hpp"

#include <algorithm>
#include <chrono>
#include <malloc.h>
#include <utility>

namespace status2::service {

bool return_rule::due(std::int64_t kept) {
  constexpr std::int64_t worth_it = 8388608;
  peak_ = std::max(peak_, kept);
  const bool falls = kept < std::exchange(last_, kept);
  if (falls || peak_ - kept < worth_it) return false;
  peak_ = kept;
  return true;
}

memory_return::memory_return(boost::asio::io_context& loop,
                             std::vector<const transport::io_counters*> threads,
                             const actors::broker_counters& broker)
    : timer_(loop), threads_(std::move(threads)), broker_(broker) {
  look_later();
}

void memory_return::look_later() {
  constexpr std::chrono::seconds interval{5};
  timer_.expires_after(interval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    if (rule_.due(kept())) ::malloc_trim(0);
    look_later();
  });
}

std::int64_t memory_return::kept() const {
  // A connection takes this much beside what is counted in bytes.
  constexpr std::int64_t connection = 4096;
  std::int64_t bytes = broker_.tail_memory + broker_.latch_memory;
  for (const auto* thread : threads_)
    bytes += thread->inbound_memory.value() + thread->outbox_memory.value() +
             connection * thread->connections_active.value();
  return bytes;
}

}  // namespace status2::service
