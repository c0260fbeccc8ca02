// The channels of a connection: requests, answers and refusals.
#include "redis/subscription_machine.hpp"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <string_view>
#include <utility>

namespace status2::redis {

namespace {

using request = request_ledger::kind;

constexpr std::chrono::milliseconds not_now{100};

bool starts_with_any(std::string_view text,
                     std::initializer_list<std::string_view> codes) {
  return std::any_of(codes.begin(), codes.end(),
                     [text](auto code) { return text.starts_with(code); });
}

/// Redis is alive and asks for patience.
bool says_not_now(std::string_view text) {
  return starts_with_any(
      text, {"LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN"});
}

}  // namespace

bool subscription_machine::live(const std::string& channel) const {
  return first_ && wanted_.contains(channel) &&
         first_->ledger.subscribed(channel);
}

bool subscription_machine::subscribes(const std::string& channel) const {
  if (!wanted_.contains(channel)) return false;
  if (!first_ || !first_->open || refused_.contains(channel)) return true;
  const auto& again = first_->postponed;
  return first_->ledger.knows(channel) ||
         std::find(again.begin(), again.end(), channel) != again.end();
}

std::size_t subscription_machine::live_count() const {
  return live_channels().size();
}

std::vector<std::string> subscription_machine::live_channels() const {
  std::vector<std::string> names;
  for (const auto& name : wanted_)
    if (live(name)) names.push_back(name);
  return names;
}

std::vector<std::string> subscription_machine::wanted_by_weight() const {
  if (!weight_) return {wanted_.begin(), wanted_.end()};
  std::vector<std::pair<std::size_t, std::string>> weighed;
  weighed.reserve(wanted_.size());
  for (const auto& name : wanted_)
    weighed.emplace_back(weight_(name), name);
  std::stable_sort(weighed.begin(), weighed.end(),
                   [](auto& a, auto& b) { return a.first > b.first; });
  std::vector<std::string> names;
  names.reserve(weighed.size());
  for (auto& [weight, name] : weighed)
    names.push_back(std::move(name));
  return names;
}

// -- requests -----------------------------------------------------------------

void subscription_machine::subscribe_all(link& l, time_point now,
                                         actions& out) {
  l.open = true;
  l.last_read = now;
  l.last_asked = now;
  send_subscribe(l, wanted_by_weight(), now, out);
}

void subscription_machine::send_subscribe(link& l,
                                          std::vector<std::string> names,
                                          time_point now, actions& out) {
  if (settings_.sharded)
    std::stable_sort(names.begin(), names.end(), [](auto& a, auto& b) {
      return key_slot(a) < key_slot(b);
    });
  for (auto from = names.begin(); from != names.end();) {
    const auto left = static_cast<std::size_t>(names.end() - from);
    auto to =
        from + static_cast<std::ptrdiff_t>(std::min(settings_.batch, left));
    if (settings_.sharded)
      to = std::find_if(from, to, [slot = key_slot(*from)](const auto& name) {
        return key_slot(name) != slot;
      });
    std::vector<std::string> batch(from, to);
    l.ledger.subscribe(batch, now);
    l.last_asked = now;
    out.push_back({.kind = action_kind::subscribe,
                   .link = l.id,
                   .channels = std::move(batch)});
    from = to;
  }
}

void subscription_machine::send_unsubscribe(link& l, const std::string& name,
                                            time_point now, actions& out) {
  if (!l.ledger.unsubscribe(name, now)) return;
  l.last_asked = now;
  out.push_back(
      {.kind = action_kind::unsubscribe, .link = l.id, .channels = {name}});
}

void subscription_machine::ping(link& l, time_point now, actions& out) {
  l.ledger.ping(now);
  l.last_asked = now;
  out.push_back({.kind = action_kind::ping, .link = l.id});
}

/// Repeats requests that Redis had no time for.
void subscription_machine::ask_again(link& l, time_point now, actions& out) {
  std::vector<std::string> wanted;
  for (auto& name : std::exchange(l.postponed, {})) {
    if (wanted_.contains(name))
      wanted.push_back(std::move(name));
    else
      send_unsubscribe(l, name, now, out);
  }
  send_subscribe(l, std::move(wanted), now, out);
}

// -- answers ------------------------------------------------------------------

void subscription_machine::on_reply(link& l, const reply_batch& batch,
                                    const reply_batch::reply& reply,
                                    time_point now, actions& out) {
  switch (reply.kind) {
    case reply_kind::subscribed:
      return on_answer(l, request::subscribe, std::string(batch.first(reply)),
                       now, out);
    case reply_kind::unsubscribed:
      return on_answer(l, request::unsubscribe, std::string(batch.first(reply)),
                       now, out);
    case reply_kind::pong:
      return l.ledger.ponged();
    case reply_kind::error:
      return on_error(l, std::string(batch.first(reply)), now, out);
    case reply_kind::message:
    case reply_kind::too_large:
    case reply_kind::status:
    case reply_kind::other:
      return;
  }
}

void subscription_machine::on_answer(link& l, request what,
                                     const std::string& name, time_point now,
                                     actions& out) {
  using outcome = request_ledger::outcome;
  const auto result = l.ledger.answered(what, name);
  if (!wanted_.contains(name)) return;
  if (result == outcome::subscribed) {
    refused_.erase(name);
    if (!is_first(l)) return;
    out.push_back(
        {.kind = action_kind::live, .link = l.id, .channels = {name}});
    if (l.established)
      out.push_back(
          {.kind = action_kind::added, .link = l.id, .channels = {name}});
    handle({event_kind::first_subscribed}, now, out);
  } else if (result == outcome::dropped && is_first(l)) {
    out.push_back({.kind = action_kind::not_live,
                   .link = l.id,
                   .channels = {name},
                   .since = l.complete_until()});
    out.push_back(
        {.kind = action_kind::dropped, .link = l.id, .channels = {name}});
  }
}

void subscription_machine::on_error(link& l, const std::string& text,
                                    time_point now, actions& out) {
  auto refused = l.ledger.refused();
  // An answer to a PING, whatever it says, proves that Redis lives.
  if (!refused || refused->what == request::ping) return;
  auto& names = refused->channels;
  if (says_not_now(text)) {
    std::move(names.begin(), names.end(), std::back_inserter(l.postponed));
    l.postponed_until = now + not_now;
    return;
  }
  if (refused->what == request::subscribe)
    refuse(l, std::move(names), text, now, out);
}

/// Redis refused a SUBSCRIBE for `names`.
void subscription_machine::refuse(link& l, std::vector<std::string> names,
                                  const std::string& text, time_point now,
                                  actions& out) {
  const bool alone = names.size() == 1;
  // A channel that was left meanwhile must not be subscribed behind its
  // UNSUBSCRIBE.
  std::erase_if(names, [this](const auto& x) { return !wanted_.contains(x); });
  refusal_ = text;
  if (names.empty()) return;
  if (!alone && text.starts_with("NOPERM")) {
    // One refused channel fails the whole command: halve until it is alone.
    const auto middle =
        names.begin() + static_cast<std::ptrdiff_t>(names.size() / 2);
    if (middle != names.begin())
      send_subscribe(l, {names.begin(), middle}, now, out);
    send_subscribe(l, {middle, names.end()}, now, out);
    return;
  }
  // A channel that is elsewhere is not refused for long.
  if (renewing() && !is_first(l)) {
    // It says nothing of the connection that serves.
    renewal_->refusal = text;
    return;
  }
  if (!text.starts_with("MOVED"))
    for (const auto& name : names)
      refused_[name] = now + settings_.retry.max;
  out.push_back({.kind = action_kind::refused,
                 .link = l.id,
                 .channels = std::move(names),
                 .text = text});
}

/// Every wanted channel is acknowledged, but for those that Redis refuses.
bool subscription_machine::ready(const link& l) const {
  return l.open && !l.ledger.awaits(request::subscribe) &&
         l.postponed.empty() &&
         (wanted_.empty() || l.ledger.subscribed_count() > 0) &&
         std::all_of(wanted_.begin(), wanted_.end(), [&](const auto& name) {
           return refused_.contains(name) || l.ledger.subscribed(name);
         });
}

/// All requests of a connection may be answered now: it is established, or it
/// serves nothing.
void subscription_machine::check_progress(link& l, time_point now,
                                          actions& out) {
  if (!l.open || l.ledger.awaits(request::subscribe) || !l.postponed.empty())
    return;
  if (renewing()) return check_renewal(now, out);
  const bool none = !wanted_.empty() && l.ledger.subscribed_count() == 0;
  if (!is_first(l)) {
    if (none)
      handle({event_kind::second_refused, refusal_}, now, out);
    else if (ready(l))
      handle({event_kind::second_ready}, now, out);
  } else if (none && state_ == link_state::subscribing) {
    handle({event_kind::first_refused, refusal_}, now, out);
  } else if (!none && !l.established) {
    l.established = true;
    if (state_ == link_state::subscribing) pace_.forget();
    note_renewed(out);
    out.push_back({.kind = action_kind::established, .link = l.id});
  }
}

}  // namespace status2::redis
