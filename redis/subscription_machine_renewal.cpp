// A change of the settings of connections: the second connection is opened with
// them beside the one that serves, and takes over at a marker that both read.
#include "redis/subscription_machine.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <utility>

namespace status2::redis {

namespace {

using request = request_ledger::kind;

bool has_messages(const reply_batch& batch) {
  return std::any_of(batch.replies.begin(), batch.replies.end(),
                     [](const auto& reply) { return reply.pushed(); });
}

/// Keeps what `batch` has of messages.
void keep(std::vector<reply_batch>& kept, reply_batch&& batch) {
  if (has_messages(batch)) kept.push_back(std::move(batch));
}

void append(std::vector<reply_batch>& to, std::vector<reply_batch>&& more) {
  std::move(more.begin(), more.end(), std::back_inserter(to));
  more.clear();
}

}  // namespace

// -- events -------------------------------------------------------------------

subscription_machine::actions subscription_machine::renew(
    const std::string& marker, time_point now) {
  actions out;
  if (renewing()) end_attempt(false, now, out);
  renewal_ = renewal{};
  renewal_->channel = marker;
  renewal_->due = now;
  renewal_pace_.forget();
  if (state_ == link_state::serving)
    begin_renewal(now, out);
  else if (state_ == link_state::subscribing && first_->established)
    reopen(now, out);  // nothing is wanted
  return out;
}

subscription_machine::actions subscription_machine::unmarked(
    const std::string& error, time_point now) {
  actions out;
  if (renewing()) fail_renewal({event_kind::second_refused, error}, now, out);
  return out;
}

subscription_machine::actions subscription_machine::without_marker(
    bool elsewhere, time_point now) {
  actions out;
  if (!renewing()) return out;
  if (elsewhere) {
    hand_over(true, now, out);
    return out;
  }
  end_attempt(false, now, out);
  renewal_.reset();
  out.push_back({.kind = action_kind::renewed});
  return out;
}

subscription_machine::time_point subscription_machine::complete_until() const {
  if (renewing() && renewal_->first_marked) return renewal_->complete_until;
  return first_ ? first_->complete_until() : time_point{};
}

/// Without a connection that serves, old and new settings take turns: nobody
/// knows which of them Redis accepts.
bool subscription_machine::renewed_next() {
  return renewal_ && std::exchange(renewal_->next_first, !renewal_->next_first);
}

/// A connection with the new settings serves by itself.
void subscription_machine::note_renewed(actions& out) {
  if (!renewal_ || !first_->renewed) return;
  renewal_.reset();
  out.push_back({.kind = action_kind::renewed, .link = first_->id});
}

// -- beside a connection that serves ------------------------------------------

void subscription_machine::begin_renewal(time_point now, actions& out) {
  second_.emplace(next_id_++);
  second_->renewed = true;
  out.push_back(
      {.kind = action_kind::open, .link = second_->id, .renewed = true});
  renewal_->marking = false;
  renewal_->due = now;
}

void subscription_machine::when_renewing(const event& what, time_point now,
                                         actions& out) {
  switch (what.what) {
    case event_kind::second_opened:
      subscribe_all(*second_, now, out);
      for (auto* slot : {&first_, &second_})
        if (!(*slot)->ledger.knows(renewal_->channel))
          send_subscribe(**slot, {renewal_->channel}, now, out);
      return;
    case event_kind::second_lost:
    case event_kind::second_silent:
    case event_kind::second_refused:
      return fail_renewal(what, now, out);
    case event_kind::first_silent:
    case event_kind::first_lost:
    case event_kind::moved:
      // The first has other worries; the change waits until one serves again.
      return end_attempt(false, now, out);
    default:
      return;
  }
}

/// The second connection goes, and the first serves all that it has read.
/// `ended`: the second is closed already.
void subscription_machine::end_attempt(bool ended, time_point now,
                                       actions& out) {
  restart_marking(out);
  if (ended)
    second_.reset();
  else
    close(second_, out);
  send_unsubscribe(*first_, renewal_->channel, now, out);
}

void subscription_machine::fail_renewal(const event& failure, time_point now,
                                        actions& out) {
  end_attempt(failure.what == event_kind::second_lost, now, out);
  const auto next = renewal_pace_.refused(now);
  renewal_->due = now + next.wait;
  out.push_back({.kind = action_kind::renewal_failed,
                 .text = failure.error,
                 .attempt = next.count,
                 .wait = next.wait});
}

/// A marker that was published counts no more.
void subscription_machine::restart_marking(actions& out) {
  for (auto& batch : std::exchange(first_->kept, {}))
    out.push_back({.kind = action_kind::deliver,
                   .link = first_->id,
                   .batch = std::move(batch)});
  auto kept = std::exchange(renewal_->before, {});
  append(kept, std::move(second_->kept));
  second_->kept = std::move(kept);
  renewal_->marking = false;
  renewal_->first_marked = false;
  renewal_->second_marked = false;
}

/// Whether the second has every channel that the first has.
bool subscription_machine::covers() const {
  return std::all_of(wanted_.begin(), wanted_.end(), [this](const auto& name) {
    return !first_->ledger.subscribed(name) || second_->ledger.subscribed(name);
  });
}

/// Requests of one of the two are answered.
void subscription_machine::check_renewal(time_point now, actions& out) {
  if (renewal_->marking) return;
  for (const auto* slot : {&first_, &second_}) {
    const auto& l = **slot;
    if (!l.open || l.ledger.awaits(request::subscribe) || !l.postponed.empty())
      return;
  }
  if (!covers()) {
    auto why = renewal_->refusal;
    if (why.empty()) why = "not all channels are subscribed";
    return handle({event_kind::second_refused, std::move(why)}, now, out);
  }
  if (!first_->ledger.subscribed(renewal_->channel) ||
      !second_->ledger.subscribed(renewal_->channel)) {
    out.push_back({.kind = action_kind::cannot_mark, .link = second_->id});
    return;
  }
  renewal_->marking = true;
  renewal_->deadline = now + 2 * settings_.request_timeout;
  out.push_back({.kind = action_kind::mark,
                 .link = second_->id,
                 .channels = {renewal_->channel},
                 .text = std::to_string(++renewal_->round)});
}

/// Sorts what `l` has read by the marker. Returns whether `batch` is to be
/// served, if `l` is the first. `before`: how complete it was without `batch`.
bool subscription_machine::take_marked(link& l, reply_batch& batch,
                                       time_point before, time_point now,
                                       actions& out) {
  const auto text = std::to_string(renewal_->round);
  const auto marker = std::find_if(
      batch.replies.begin(), batch.replies.end(), [&](const auto& reply) {
        return reply.kind == reply_kind::message &&
               batch.first(reply) == renewal_->channel &&
               batch.payload(reply) == text;
      });
  const bool marks = marker != batch.replies.end();
  reply_batch rest;
  if (marks) {
    rest = batch;
    rest.replies.erase(
        rest.replies.begin(),
        rest.replies.begin() + (marker - batch.replies.begin() + 1));
    batch.replies.erase(marker, batch.replies.end());
  }
  if (!is_first(l)) {
    keep(l.kept, std::exchange(batch, {}));
    if (!marks) return false;
    renewal_->second_marked = true;
    append(renewal_->before, std::move(l.kept));
    keep(l.kept, std::move(rest));
    if (renewal_->first_marked) {
      hand_over(false, now, out);
    } else {
      // A Redis that published the marker has it before this answer.
      renewal_->asked = now;
      ping(*first_, now, out);
    }
    return false;
  }
  if (renewal_->first_marked) {
    keep(l.kept, std::exchange(batch, {}));
    return false;
  }
  if (!marks) {
    if (!renewal_->second_marked || l.ledger.answered_sent() < renewal_->asked)
      return true;
    // Another Redis: both serve what they have read.
    out.push_back({.kind = action_kind::deliver,
                   .link = l.id,
                   .batch = std::exchange(batch, {})});
    hand_over(true, now, out);
    return false;
  }
  renewal_->first_marked = true;
  renewal_->complete_until = before;
  batch.complete_until = before;
  keep(l.kept, std::move(rest));
  if (!renewal_->second_marked) return true;
  out.push_back({.kind = action_kind::deliver,
                 .link = l.id,
                 .batch = std::exchange(batch, {})});
  hand_over(false, now, out);
  return false;
}

/// The second connection takes the first one's place. `with_before`: also with
/// what it read before the marker.
void subscription_machine::hand_over(bool with_before, time_point now,
                                     actions& out) {
  const auto before = live_channels();
  const auto since = complete_until();
  auto kept = std::exchange(second_->kept, {});
  if (with_before) {
    auto all = std::exchange(renewal_->before, {});
    append(all, std::move(kept));
    kept = std::move(all);
  }
  close(first_, out);
  first_ = std::move(second_);
  second_.reset();
  first_->established = true;
  send_unsubscribe(*first_, renewal_->channel, now, out);
  note_renewed(out);
  const std::unordered_set<std::string> were_live(before.begin(), before.end());
  action gained{.kind = action_kind::live, .link = first_->id};
  action lost{
      .kind = action_kind::not_live, .link = first_->id, .since = since};
  for (const auto& name : wanted_) {
    const bool was = were_live.contains(name);
    if (live(name) && !was) gained.channels.push_back(name);
    if (!live(name) && was) lost.channels.push_back(name);
  }
  for (auto* one : {&gained, &lost})
    if (!one->channels.empty()) out.push_back(std::move(*one));
  for (auto& batch : kept)
    out.push_back({.kind = action_kind::deliver,
                   .link = first_->id,
                   .batch = std::move(batch)});
}

}  // namespace status2::redis
