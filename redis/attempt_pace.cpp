#include "redis/attempt_pace.hpp"

#include <algorithm>
#include <utility>

namespace status2::redis {

attempt_pace::attempt_pace(backoff retry, std::chrono::nanoseconds knock,
                           std::function<double()> chance)
    : retry_(retry), knock_(knock), chance_(std::move(chance)) {}

attempt_pace::failure attempt_pace::refused(time_point now) {
  ++failures_;
  const auto wait = retry_.after(failures_, chance_());
  count_at_ = now + wait;
  return {failures_, wait};
}

std::optional<attempt_pace::failure> attempt_pace::unanswered(time_point now) {
  if (now < count_at_) return std::nullopt;
  ++failures_;
  count_at_ = now + retry_.after(failures_, chance_());
  return failure{failures_, knock_};
}

attempt_pace::time_point attempt_pace::next_knock(time_point now) {
  constexpr double jitter = 0.2;
  const auto wait = std::chrono::duration<double>(knock_) *
                    (1 - jitter + 2 * jitter * chance_());
  return std::max(
      now,
      begun_at_ + std::chrono::duration_cast<std::chrono::nanoseconds>(wait));
}

void attempt_pace::forget() {
  failures_ = 0;
  count_at_ = {};
}

attempt_pace::time_point attempt_pace::after_loss(time_point now) {
  constexpr std::size_t forgiven = 20;
  constexpr std::chrono::seconds window{10};
  while (!losses_.empty() && now - losses_.front() >= window)
    losses_.pop_front();
  losses_.push_back(now);
  if (losses_.size() <= forgiven) return next_knock(now);
  const auto failures = static_cast<std::uint32_t>(losses_.size() - forgiven);
  return now + retry_.after(failures, chance_());
}

}  // namespace status2::redis
