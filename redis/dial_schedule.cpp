#include "redis/dial_schedule.hpp"

namespace status2::redis {

void dial_schedule::addresses(std::size_t count) {
  count_ = count;
  next_ = 0;
  rounds_ = 0;
  // Other addresses than before are tried at once.
  last_failed_ = true;
  next_round_ = {};
}

std::optional<dial_schedule::time_point> dial_schedule::due() const {
  if (count_ == 0) return std::nullopt;
  if (next_ > 0)
    return last_failed_ ? time_point{} : last_begun_ + intervals_.race;
  if (rounds_ > 0 && !knocks_) return std::nullopt;
  return next_round_;
}

std::size_t dial_schedule::begin(time_point now) {
  constexpr double jitter = 0.2;
  const auto place = next_;
  last_failed_ = false;
  last_begun_ = now;
  if (++next_ < count_) return place;
  next_ = 0;
  ++rounds_;
  const double factor = 1 - jitter + 2 * jitter * chance_();
  next_round_ =
      now + std::chrono::duration_cast<std::chrono::nanoseconds>(
                std::chrono::duration<double>(intervals_.knock) * factor);
  return place;
}

}  // namespace status2::redis
