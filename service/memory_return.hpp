/// Returns memory to the kernel after clients made the broker keep much of it.
/// The allocator keeps freed memory for later use; after an attack, or after
/// thousands of clients left, that is more than the broker needs.
#pragma once

#include "actors/counters.hpp"
#include "transport/counters.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace status2::service {

/// When memory is returned: the broker keeps at least 8 MB less than at its
/// peak, and no less than at the last look. Pure.
class return_rule {
 public:
  /// A look at the bytes that are kept now. Returns whether to return memory.
  bool due(std::int64_t kept);

 private:
  std::int64_t peak_ = 0;  ///< since memory was returned
  std::int64_t last_ = 0;
};

/// Looks every 5 s, and calls malloc_trim(). Thread: that of `loop`. The
/// counters must outlive it.
class memory_return {
 public:
  memory_return(boost::asio::io_context& loop,
                std::vector<const transport::io_counters*> threads,
                const actors::broker_counters& broker);

 private:
  void look_later();
  std::int64_t kept() const;

  boost::asio::steady_timer timer_;
  std::vector<const transport::io_counters*> threads_;
  const actors::broker_counters& broker_;
  return_rule rule_;
};

}  // namespace status2::service
