/// In which order and when addresses are tried. Pure: time and chance come in
/// as arguments.
///
/// A round tries every address once: the next one when the last one has
/// failed, or 250 ms after it. A dial that knocks begins the next round 50 ms
/// after the last one, give or take a fifth, whether its attempts have failed
/// or still hang.
/// Source: RFC 8305, sections 4 and 5.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>

namespace status2::redis {

struct dial_intervals {
  std::chrono::nanoseconds race{std::chrono::milliseconds{250}};
  std::chrono::nanoseconds knock{std::chrono::milliseconds{50}};
};

/// Thread: that of its dial.
class dial_schedule {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `chance` draws uniformly from [0, 1).
  dial_schedule(dial_intervals intervals, bool knocks,
                std::function<double()> chance)
      : intervals_(intervals), knocks_(knocks), chance_(std::move(chance)) {}

  /// There are `count` addresses; a round that is under way begins anew with
  /// the first of them.
  void addresses(std::size_t count);
  /// When the next attempt is due: the epoch if at once, nothing if none is.
  std::optional<time_point> due() const;
  /// An attempt begins. Returns the place of its address.
  std::size_t begin(time_point now);
  /// An attempt has failed; `last` if it was the one that began last.
  void failed(bool last) { last_failed_ = last_failed_ || last; }
  /// Every address was tried at least once.
  bool round_complete() const { return rounds_ > 0; }

 private:
  const dial_intervals intervals_;
  const bool knocks_;
  const std::function<double()> chance_;
  std::size_t count_ = 0;
  std::size_t next_ = 0;  ///< place of the address that is tried next
  std::size_t rounds_ = 0;
  bool last_failed_ = false;
  time_point last_begun_{};
  time_point next_round_{};
};

}  // namespace status2::redis
