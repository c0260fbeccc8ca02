#include "redis/subscribed_connection.hpp"

#include <algorithm>

namespace status2::redis {

bool subscribed_connection::overdue(std::chrono::nanoseconds limit,
                                    time_point now) const {
  if (!open || ledger.empty()) return false;
  return now - std::max(last_read, ledger.oldest_sent()) >= limit;
}

subscribed_connection::time_point subscribed_connection::next_deadline(
    std::chrono::nanoseconds limit) const {
  return limit + (ledger.empty() ? last_asked
                                 : std::max(last_read, ledger.oldest_sent()));
}

// A message is read some time after Redis took it. Two facts bound that time.
// Redis answers in the order of its work: messages that it took before a
// request was sent are read before the answer. And with nothing left to read,
// a message that is still on its way is younger than the connection's delay.
void subscribed_connection::note_read(reply_batch& batch, bool ponged,
                                      time_point now) {
  // With more bytes at once Redis may still have some that did not fit.
  constexpr std::size_t much = 16384;
  const auto read_at = batch.read_at == time_point{} ? now : batch.read_at;
  const auto answered = ledger.answered_sent();
  if (answered != time_point{} && (ponged || measured_ == 0)) {
    round_trips_[measured_ % round_trips_.size()] = read_at - answered;
    ++measured_;
  }
  if (!batch.drained || batch.bytes.size() > much) {
    if (!behind_) behind_since_ = read_at;
    behind_ = true;
  }
  if (behind_ && answered >= behind_since_) behind_ = false;
  complete_until_ = std::max(complete_until_, answered);
  if (!behind_ && measured_ > 0)
    complete_until_ = std::max(complete_until_, read_at - delay());
  batch.complete_until = complete_until_;
  last_read = now;
}

bool subscribed_connection::needs_marker(time_point now) const {
  constexpr std::chrono::milliseconds between{50};
  return behind_ && ledger.empty() && now - last_asked >= between;
}

std::chrono::nanoseconds subscribed_connection::delay() const {
  return *std::max_element(round_trips_.begin(), round_trips_.end());
}

}  // namespace status2::redis
