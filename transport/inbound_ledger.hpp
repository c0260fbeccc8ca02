/// Memory that clients make the broker keep: parts of headers, bodies and
/// messages, requests that wait, answers that are not read. One budget for the
/// process; over it the largest and oldest holder goes.
#pragma once

#include "transport/counters.hpp"

#include <boost/intrusive/list.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace status2::transport {

/// Shared by the ledgers of all threads. Thread: any.
struct inbound_budget {
  explicit inbound_budget(std::size_t bytes, std::size_t threads_sharing)
      : limit(static_cast<std::int64_t>(bytes)),
        threads(static_cast<std::int64_t>(threads_sharing)) {}
  std::atomic<std::int64_t> limit;  ///< bytes
  const std::int64_t threads;       ///< that share it
  std::atomic<std::int64_t> used{0};
};

/// A connection that keeps memory for its client. Thread: that of its ledger.
class inbound_holder {
 public:
  inbound_holder() = default;
  inbound_holder(const inbound_holder&) = delete;
  inbound_holder& operator=(const inbound_holder&) = delete;

 protected:
  ~inbound_holder() = default;
  /// Frees the memory by ending the connection, which may destroy the holder.
  virtual void give_up_inbound() = 0;

 private:
  friend class inbound_ledger;
  using hook = boost::intrusive::list_member_hook<
      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  hook hook_;
  std::size_t bytes_ = 0;
};

/// The holders of one thread, by size class. Thread: that of its loop.
class inbound_ledger {
 public:
  explicit inbound_ledger(io_counters& counters) : counters_(counters) {}
  ~inbound_ledger();
  inbound_ledger(const inbound_ledger&) = delete;
  inbound_ledger& operator=(const inbound_ledger&) = delete;

  /// No budget: any number of bytes. Thread: any, before the loop runs.
  void share(std::shared_ptr<inbound_budget> budget) {
    budget_ = std::move(budget);
  }
  /// `holder` keeps `bytes` from now on; 0: it holds nothing and is forgotten.
  void hold(inbound_holder& holder, std::size_t bytes);
  /// While the process is over its budget and this thread holds its share, the
  /// oldest holder of the largest size class goes. Sizes in one class differ by
  /// less than a factor of two.
  void enforce();

 private:
  using list = boost::intrusive::list<
      inbound_holder,
      boost::intrusive::member_hook<inbound_holder, inbound_holder::hook,
                                    &inbound_holder::hook_>,
      boost::intrusive::constant_time_size<false>>;

  bool over() const;
  inbound_holder* largest();
  void count(std::int64_t more);

  io_counters& counters_;
  std::shared_ptr<inbound_budget> budget_;
  std::int64_t held_ = 0;
  std::array<list, 64> classes_;  ///< by the number of bits of the size
};

}  // namespace status2::transport
