/// A reserve of memory for the moment in which an allocation fails: it is given
/// back, so that what is under way can end, and new clients are refused until
/// it could be taken again.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace status2::service {

/// Where the reserve comes from. Neither function may allocate otherwise.
struct reserve_source {
  void* (*take)(std::size_t bytes) noexcept;  ///< null: there is no memory
  void (*give_back)(void* memory, std::size_t bytes) noexcept;
};

/// Pages of the kernel, which every thread's allocator can use afterwards. They
/// are not touched: the reserve costs address space, but no resident memory.
reserve_source kernel_pages();

/// Thread: any.
class memory_reserve {
 public:
  static constexpr std::size_t size = 4194304;  ///< bytes

  explicit memory_reserve(reserve_source source = kernel_pages());
  ~memory_reserve();
  memory_reserve(const memory_reserve&) = delete;
  memory_reserve& operator=(const memory_reserve&) = delete;

  /// Whether the reserve is there. If not, new clients are refused.
  bool held() const { return block_ != nullptr; }
  /// An allocation failed: gives the reserve back. Returns whether the caller
  /// may try once more, which each thread may once for each time that the
  /// reserve was given back. `seen` is the caller's, 0 at first; one for each
  /// thread.
  bool on_failure(std::uint64_t& seen) noexcept;
  /// Takes the reserve unless it is there. Returns whether it is there now.
  bool take() noexcept;
  /// Allocations that failed although the reserve was given back.
  std::int64_t failures() const { return failures_; }

 private:
  const reserve_source source_;
  std::atomic<void*> block_{nullptr};
  std::atomic<std::uint64_t> given_back_{0};  ///< how often
  std::atomic<std::int64_t> failures_{0};
};

/// The reserve of the process.
memory_reserve& process_reserve();
/// Has every `new` that fails use process_reserve() before it throws
/// std::bad_alloc.
void install_memory_reserve();

/// Looks every second, takes a reserve that was given back, and logs both.
/// Thread: that of `loop`.
class reserve_watch {
 public:
  reserve_watch(boost::asio::io_context& loop, memory_reserve& reserve);

 private:
  void look_later();
  void look();

  boost::asio::steady_timer timer_;
  memory_reserve& reserve_;
  bool logged_ = false;  ///< that the reserve is gone
};

}  // namespace status2::service
