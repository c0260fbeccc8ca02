#include "transport/timer_wheel.hpp"

#include <algorithm>

namespace status2::transport {

wheel_timer::~wheel_timer() {
  unlink();
}

void wheel_timer::unlink() {
  if (prev_ == nullptr) return;
  *prev_ = next_;
  if (next_ != nullptr) next_->prev_ = prev_;
  prev_ = nullptr;
  next_ = nullptr;
}

void wheel_timer::link(wheel_timer*& head) {
  next_ = head;
  if (next_ != nullptr) next_->prev_ = &next_;
  prev_ = &head;
  head = this;
}

timer_wheel::timer_wheel(time_point start) : start_(start) {}

timer_wheel::~timer_wheel() {
  while (due_ != nullptr)
    due_->unlink();
  for (auto*& head : slots_)
    while (head != nullptr)
      head->unlink();
}

timer_wheel::time_point timer_wheel::arm(wheel_timer& timer, time_point due) {
  timer.unlink();
  const auto since = std::max(due - start_, time_point::duration{0});
  const auto whole = static_cast<std::uint64_t>(since / tick);
  const bool between = since % tick != time_point::duration{0};
  timer.due_tick_ = std::max(whole + (between ? 1 : 0), done_tick_ + 1);
  timer.link(slots_[timer.due_tick_ % slot_count]);
  return time_of(timer.due_tick_);
}

void timer_wheel::disarm(wheel_timer& timer) {
  timer.unlink();
}

void timer_wheel::expire(time_point now) {
  if (now < time_of(done_tick_ + 1)) return;
  const auto now_tick = static_cast<std::uint64_t>((now - start_) / tick);
  const auto slots = std::min<std::uint64_t>(now_tick - done_tick_, slot_count);
  for (std::uint64_t i = 1; i <= slots; ++i) {
    auto* timer = slots_[(done_tick_ + i) % slot_count];
    while (timer != nullptr) {
      auto* const next = timer->next_;
      if (timer->due_tick_ <= now_tick) {
        timer->unlink();
        timer->link(due_);
      }
      timer = next;
    }
  }
  done_tick_ = now_tick;
  // A handler may disarm or destroy any timer, so the list is asked anew.
  while (due_ != nullptr) {
    auto& timer = *due_;
    timer.unlink();
    timer.on_timer();
  }
}

std::optional<timer_wheel::time_point> timer_wheel::next_due() const {
  for (std::uint64_t i = 1; i <= slot_count; ++i)
    if (slots_[(done_tick_ + i) % slot_count] != nullptr)
      return time_of(done_tick_ + i);
  return std::nullopt;
}

timer_wheel::time_point timer_wheel::time_of(std::uint64_t tick_count) const {
  return start_ + static_cast<time_point::rep>(tick_count) * tick;
}

}  // namespace status2::transport
