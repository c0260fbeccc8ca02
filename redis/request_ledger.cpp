#include "redis/request_ledger.hpp"

#include <utility>

namespace status2::redis {

void request_ledger::push(request what) {
  ++counts_[index(what.what)];
  requests_.push_back(std::move(what));
}

request_ledger::request request_ledger::pop() {
  auto oldest = std::move(requests_.front());
  requests_.pop_front();
  --counts_[index(oldest.what)];
  answered_sent_ = oldest.sent;
  return oldest;
}

void request_ledger::mark(channel_state& state, bool subscribed) {
  if (state.subscribed == subscribed) return;
  state.subscribed = subscribed;
  subscribed ? ++subscribed_ : --subscribed_;
}

void request_ledger::subscribe(std::vector<std::string> channels,
                               time_point now) {
  for (const auto& name : channels)
    ++channels_[name].unanswered;
  const auto answers = channels.size();
  push({kind::subscribe, std::move(channels), answers, now});
}

bool request_ledger::unsubscribe(const std::string& channel, time_point now) {
  const auto i = channels_.find(channel);
  if (i == channels_.end()) return false;
  ++i->second.unanswered;
  push({kind::unsubscribe, {channel}, 1, now});
  return true;
}

void request_ledger::ping(time_point now) {
  push({kind::ping, {}, 1, now});
}

request_ledger::outcome request_ledger::answered(kind what,
                                                 const std::string& channel) {
  const auto i = channels_.find(channel);
  const bool requested = i == channels_.end() || i->second.unanswered > 0;
  if (requested && !requests_.empty() && requests_.front().what == what &&
      --requests_.front().answers_left == 0)
    pop();
  if (i == channels_.end()) return outcome::open;
  auto& state = i->second;
  if (requested) --state.unanswered;
  mark(state, what == kind::subscribe);
  if (state.unanswered > 0) return outcome::open;
  if (state.subscribed) return outcome::subscribed;
  channels_.erase(i);
  return requested ? outcome::unsubscribed : outcome::dropped;
}

void request_ledger::ponged() {
  if (!requests_.empty() && requests_.front().what == kind::ping) pop();
}

std::optional<request_ledger::request> request_ledger::refused() {
  if (requests_.empty()) return std::nullopt;
  auto oldest = pop();
  for (const auto& name : oldest.channels) {
    const auto i = channels_.find(name);
    if (i == channels_.end()) continue;
    auto& state = i->second;
    if (state.unanswered > 0) --state.unanswered;
    if (state.unanswered == 0 && !state.subscribed) channels_.erase(i);
  }
  return oldest;
}

bool request_ledger::subscribed(const std::string& channel) const {
  const auto i = channels_.find(channel);
  return i != channels_.end() && i->second.subscribed &&
         i->second.unanswered == 0;
}

}  // namespace status2::redis
