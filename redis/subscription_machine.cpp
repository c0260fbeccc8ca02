#include "redis/subscription_machine.hpp"

#include <algorithm>
#include <utility>

namespace status2::redis {

namespace {

using request = request_ledger::kind;

}  // namespace

subscription_machine::subscription_machine(
    machine_settings settings, std::function<double()> chance,
    std::function<std::size_t(const std::string&)> weight)
    : settings_(settings),
      weight_(std::move(weight)),
      pace_(settings.retry, settings.knock, chance),
      renewal_pace_(settings.retry, settings.knock, std::move(chance)) {}

// -- events -------------------------------------------------------------------

subscription_machine::actions subscription_machine::start(time_point now) {
  actions out;
  handle({event_kind::due}, now, out);
  return out;
}

subscription_machine::actions subscription_machine::stop() {
  actions out;
  for (auto* slot : {&first_, &second_})
    if (*slot) close(*slot, out);
  state_ = link_state::waiting;
  retry_at_.reset();
  return out;
}

subscription_machine::actions subscription_machine::want(
    const std::vector<std::string>& channels, time_point now) {
  actions out;
  std::vector<std::string> added;
  for (const auto& name : channels)
    if (wanted_.insert(name).second) added.push_back(name);
  if (!added.empty() && renewing()) restart_marking(out);
  for (auto* slot : {&first_, &second_})
    if (*slot && (*slot)->open) send_subscribe(**slot, added, now, out);
  return out;
}

subscription_machine::actions subscription_machine::unwant(
    const std::string& channel, time_point now) {
  actions out;
  if (wanted_.erase(channel) == 0) return out;
  refused_.erase(channel);
  for (auto* slot : {&first_, &second_})
    if (*slot && (*slot)->open) send_unsubscribe(**slot, channel, now, out);
  return out;
}

subscription_machine::actions subscription_machine::opened(link_id id,
                                                           time_point now) {
  actions out;
  if (const auto* l = find(id))
    handle(
        {is_first(*l) ? event_kind::first_opened : event_kind::second_opened},
        now, out);
  return out;
}

subscription_machine::actions subscription_machine::unanswered(
    link_id id, const std::string& error, time_point now) {
  actions out;
  if (find(id) == nullptr || renewing()) return out;
  if (const auto failure = pace_.unanswered(now))
    report_failure(error, *failure, out);
  return out;
}

subscription_machine::actions subscription_machine::closed(
    link_id id, const std::string& error, failure_kind kind, time_point now) {
  actions out;
  if (const auto* l = find(id))
    handle({is_first(*l) ? event_kind::first_lost : event_kind::second_lost,
            error, kind},
           now, out);
  return out;
}

subscription_machine::actions subscription_machine::moved(
    const std::string& why, std::optional<time_point> since, time_point now) {
  actions out;
  handle({event_kind::moved, why, failure_kind::unreachable, since}, now, out);
  return out;
}

subscription_machine::actions subscription_machine::read(link_id id,
                                                         reply_batch& batch,
                                                         time_point now,
                                                         bool& serve) {
  actions out;
  serve = false;
  link* l = find(id);
  if (l == nullptr) return out;
  if (is_first(*l)) handle({event_kind::first_spoke}, now, out);
  const auto before = l->complete_until();
  const bool pinged = l->ledger.awaits(request::ping);
  for (const auto& reply : batch.replies)
    on_reply(*l, batch, reply, now, out);
  l->note_read(batch, pinged && !l->ledger.awaits(request::ping), now);
  if (l->needs_marker(now)) ping(*l, now, out);
  serve = is_first(*l);
  if (renewing() && renewal_->marking) {
    serve = take_marked(*l, batch, before, now, out) && serve;
    l = find(id);
    if (l == nullptr) return out;
  } else if (!serve) {
    if (std::any_of(batch.replies.begin(), batch.replies.end(),
                    [](auto& r) { return r.pushed(); }))
      l->kept.push_back(std::move(batch));
    batch = {};
  }
  check_progress(*l, now, out);
  return out;
}

subscription_machine::actions subscription_machine::tick(time_point now) {
  actions out;
  // A thread that was late for this may be late for what Redis has said.
  const bool late = now - next_tick() > settings_.request_timeout / 2;
  for (auto* slot : {&first_, &second_})
    if (late && *slot) (*slot)->last_read = now;
  if (retry_at_ && now >= *retry_at_) {
    retry_at_.reset();
    handle({event_kind::due}, now, out);
  }
  for (auto* slot : {&first_, &second_}) {
    if (!*slot || !(*slot)->open) continue;
    auto& l = **slot;
    if (l.ledger.empty() && now - l.last_asked >= settings_.request_timeout)
      ping(l, now, out);
    if (!l.postponed.empty() && now >= l.postponed_until)
      ask_again(l, now, out);
  }
  if (renewal_ && state_ == link_state::serving) {
    if (!second_ && now >= renewal_->due)
      begin_renewal(now, out);
    else if (second_ && renewal_->marking && now >= renewal_->deadline)
      fail_renewal({event_kind::second_silent, "the marker did not come back"},
                   now, out);
  }
  if (first_ && first_->overdue(settings_.request_timeout, now))
    handle({event_kind::first_silent, "no answer in time"}, now, out);
  if (second_ && second_->overdue(settings_.request_timeout, now))
    handle({event_kind::second_silent, "no answer in time"}, now, out);
  for (auto& [name, again] : refused_) {
    if (now < again || state_ != link_state::serving) continue;
    again = now + settings_.retry.max;
    send_subscribe(*first_, {name}, now, out);
  }
  return out;
}

subscription_machine::time_point subscription_machine::next_tick() const {
  auto next = retry_at_.value_or(time_point::max());
  for (const auto* slot : {&first_, &second_}) {
    if (!*slot || !(*slot)->open) continue;
    const auto& l = **slot;
    if (!l.postponed.empty()) next = std::min(next, l.postponed_until);
    // A silent first one is only waited for; its second has deadlines.
    const bool silent = is_first(l) && (state_ == link_state::doubted ||
                                        state_ == link_state::doubled);
    if (!silent)
      next = std::min(next, l.next_deadline(settings_.request_timeout));
  }
  if (state_ == link_state::serving)
    for (const auto& [name, again] : refused_)
      next = std::min(next, again);
  if (renewal_ && state_ == link_state::serving) {
    if (!second_) next = std::min(next, renewal_->due);
    if (second_ && renewal_->marking) next = std::min(next, renewal_->deadline);
  }
  return next;
}

// -- states -------------------------------------------------------------------

void subscription_machine::handle(const event& what, time_point now,
                                  actions& out) {
  switch (state_) {
    case link_state::waiting:
      return when_waiting(what, now, out);
    case link_state::connecting:
      return when_connecting(what, now, out);
    case link_state::subscribing:
      return when_subscribing(what, now, out);
    case link_state::serving:
      return when_serving(what, now, out);
    case link_state::doubted:
      return when_doubted(what, now, out);
    case link_state::doubled:
      return when_doubled(what, now, out);
  }
}

void subscription_machine::when_waiting(const event& what, time_point now,
                                        actions& out) {
  if (what.what == event_kind::due || what.what == event_kind::moved)
    open_first(now, out);
}

void subscription_machine::when_connecting(const event& what, time_point now,
                                           actions& out) {
  if (what.what == event_kind::first_opened) {
    state_ = link_state::subscribing;
    subscribe_all(*first_, now, out);
    check_progress(*first_, now, out);
  } else if (what.what == event_kind::first_lost) {
    first_.reset();
    wait_for_attempt(what, now, out);
  } else if (what.what == event_kind::moved) {
    reopen(now, out);
  }
}

void subscription_machine::when_subscribing(const event& what, time_point now,
                                            actions& out) {
  switch (what.what) {
    case event_kind::first_subscribed:
      return serve(now, out);
    case event_kind::first_refused: {
      // The connection stays: a channel that is wanted meanwhile may be
      // allowed. The next attempt logs in anew.
      if (retry_at_) return;
      const auto failure = pace_.refused(now);
      retry_at_ = now + failure.wait;
      return report_failure(what.error, failure, out);
    }
    case event_kind::first_lost:
    case event_kind::first_silent: {
      if (first_->established) return come_back(what, now, out);
      drop(first_, what, out);
      // Redis has handled the login and requests for nothing.
      auto failure = what;
      if (what.what == event_kind::first_lost)
        failure.failure = failure_kind::refused;
      return wait_for_attempt(failure, now, out);
    }
    case event_kind::due:
    case event_kind::moved:
      return reopen(now, out);
    default:
      return;
  }
}

void subscription_machine::when_serving(const event& what, time_point now,
                                        actions& out) {
  if (renewing()) when_renewing(what, now, out);
  switch (what.what) {
    case event_kind::first_silent:
      out.push_back({.kind = action_kind::silent, .link = first_->id});
      return open_second(now, out);
    case event_kind::first_lost:
    case event_kind::moved:
      return come_back(what, now, out);
    default:
      return;
  }
}

void subscription_machine::when_doubted(const event& what, time_point now,
                                        actions& out) {
  switch (what.what) {
    case event_kind::due:
      return open_second(now, out);
    case event_kind::first_spoke:
      return trust_first(out);
    case event_kind::first_lost:
    case event_kind::moved:
      return come_back(what, now, out);
    default:
      return;
  }
}

void subscription_machine::when_doubled(const event& what, time_point now,
                                        actions& out) {
  switch (what.what) {
    case event_kind::first_spoke:
      return trust_first(out);
    case event_kind::first_lost:
      return promote_second(what, now, out);
    case event_kind::second_opened:
      return subscribe_all(*second_, now, out);
    case event_kind::second_ready: {
      out.push_back({.kind = action_kind::second_chosen, .link = second_->id});
      const auto since = first_->complete_until();
      return take_over(since, live_channels(), now, out);
    }
    case event_kind::second_lost:
    case event_kind::second_silent:
    case event_kind::second_refused: {
      // A second one that hangs as well proves nothing about the first.
      auto failure = what;
      if (second_->open && what.what != event_kind::second_silent)
        failure.failure = failure_kind::refused;
      drop(second_, what, out);
      return wait_for_attempt(failure, now, out);
    }
    case event_kind::moved:
      close(second_, out);
      return come_back(what, now, out);
    default:
      return;
  }
}

}  // namespace status2::redis
