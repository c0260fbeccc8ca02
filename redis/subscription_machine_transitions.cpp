// How the machine passes from one state to another: connections opened, lost,
// doubled and chosen.
#include "redis/subscription_machine.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace status2::redis {

namespace {

action with_channels(action_kind kind, link_id link,
                     std::vector<std::string> channels) {
  return {.kind = kind, .link = link, .channels = std::move(channels)};
}

}  // namespace

subscription_machine::link* subscription_machine::find(link_id id) {
  if (first_ && first_->id == id) return &*first_;
  if (second_ && second_->id == id) return &*second_;
  return nullptr;
}

void subscription_machine::open_first(time_point now, actions& out) {
  state_ = link_state::connecting;
  open(first_, renewed_next(), now, out);
}

void subscription_machine::open_second(time_point now, actions& out) {
  state_ = link_state::doubled;
  open(second_, renewed_next(), now, out);
}

void subscription_machine::open(std::optional<link>& slot, bool renewed,
                                time_point now, actions& out) {
  retry_at_.reset();
  pace_.begun(now);
  slot.emplace(next_id_++);
  slot->renewed = renewed;
  out.push_back(
      {.kind = action_kind::open, .link = slot->id, .renewed = renewed});
}

void subscription_machine::close(std::optional<link>& slot, actions& out) {
  out.push_back({.kind = action_kind::close, .link = slot->id});
  slot.reset();
}

/// Forgets a connection, and closes it unless it has ended by itself.
void subscription_machine::drop(std::optional<link>& slot, const event& cause,
                                actions& out) {
  const bool ended = cause.what == event_kind::first_lost ||
                     cause.what == event_kind::second_lost;
  if (!ended) return close(slot, out);
  slot.reset();
}

void subscription_machine::reopen(time_point now, actions& out) {
  close(first_, out);
  open_first(now, out);
}

void subscription_machine::serve(time_point now, actions& out) {
  state_ = link_state::serving;
  note_renewed(out);
  retry_at_.reset();
  pace_.forget();
}

/// An attempt has failed: the first one's or, beside a silent first, the
/// second one's.
void subscription_machine::wait_for_attempt(const event& failure,
                                            time_point now, actions& out) {
  state_ = first_ ? link_state::doubted : link_state::waiting;
  if (failure.failure == failure_kind::refused) {
    const auto refused = pace_.refused(now);
    retry_at_ = now + refused.wait;
    return report_failure(failure.error, refused, out);
  }
  retry_at_ = pace_.next_knock(now);
  if (const auto counted = pace_.unanswered(now))
    report_failure(failure.error, *counted, out);
}

/// The serving connection is lost: its channels are not live.
void subscription_machine::come_back(const event& loss, time_point now,
                                     actions& out) {
  lose_first(loss, out);
  retry_at_ = pace_.after_loss(now);
  out.back().wait = *retry_at_ - now;
  state_ = link_state::waiting;
  if (*retry_at_ <= now) open_first(now, out);
}

/// Ends the first connection. The last action is `interrupted`.
void subscription_machine::lose_first(const event& loss, actions& out) {
  auto lost = live_channels();
  auto since = first_->complete_until();
  if (loss.since) since = std::min(since, *loss.since);
  drop(first_, loss, out);
  if (!lost.empty()) {
    out.push_back(with_channels(action_kind::not_live, 0, std::move(lost)));
    out.back().since = since;
  }
  out.push_back({.kind = action_kind::interrupted, .text = loss.error});
}

/// The silent first connection broke: the second one is the first now, as far
/// as it has come.
void subscription_machine::promote_second(const event& loss, time_point now,
                                          actions& out) {
  const auto since = first_->complete_until();
  lose_first(loss, out);
  take_over(since, {}, now, out);
}

/// The second connection takes the first one's place. `before`: channels that
/// were live on the first one until now.
void subscription_machine::take_over(time_point since,
                                     const std::vector<std::string>& before,
                                     time_point now, actions& out) {
  if (first_) close(first_, out);
  first_ = std::move(second_);
  second_.reset();
  if (!first_->open) {
    state_ = link_state::connecting;
    return;
  }
  state_ = link_state::subscribing;
  if (first_->ledger.subscribed_count() > 0) serve(now, out);
  const std::unordered_set<std::string> were_live(before.begin(), before.end());
  std::vector<std::string> gained;
  std::vector<std::string> kept;
  std::vector<std::string> lost;
  for (const auto& name : wanted_) {
    const bool was = were_live.contains(name);
    if (live(name))
      (was ? kept : gained).push_back(name);
    else if (was)
      lost.push_back(name);
  }
  // Messages that were published after the first connection died, before the
  // second one was acknowledged, are gone.
  const auto push = [&](action_kind kind, std::vector<std::string> names) {
    if (names.empty()) return;
    out.push_back(with_channels(kind, first_->id, std::move(names)));
    if (kind != action_kind::live) out.back().since = since;
  };
  push(action_kind::missed, std::move(kept));
  push(action_kind::live, std::move(gained));
  push(action_kind::not_live, std::move(lost));
  for (auto& batch : std::exchange(first_->kept, {}))
    out.push_back({.kind = action_kind::deliver,
                   .link = first_->id,
                   .batch = std::move(batch)});
  check_progress(*first_, now, out);
}

void subscription_machine::trust_first(actions& out) {
  if (second_) close(second_, out);
  retry_at_.reset();
  state_ = link_state::serving;
  pace_.forget();
  out.push_back({.kind = action_kind::first_chosen,
                 .link = first_->id,
                 .established = first_->established});
}

void subscription_machine::report_failure(const std::string& error,
                                          attempt_pace::failure failure,
                                          actions& out) {
  out.push_back({.kind = action_kind::failed,
                 .text = error,
                 .attempt = failure.count,
                 .wait = failure.wait});
  if (settings_.max_retries != 0 && failure.count == settings_.max_retries)
    out.push_back({.kind = action_kind::surfaced, .attempt = failure.count});
}

}  // namespace status2::redis
