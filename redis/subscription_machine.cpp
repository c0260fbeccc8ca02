#include "redis/subscription_machine.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace status2::redis {

namespace {

action make(action_kind kind, link_id link = 0) {
  action result{};
  result.kind = kind;
  result.link = link;
  return result;
}

action with_channels(action_kind kind, link_id link,
                     std::vector<std::string> channels) {
  auto result = make(kind, link);
  result.channels = std::move(channels);
  return result;
}

}  // namespace

subscription_machine::subscription_machine(
    machine_settings settings, std::function<double()> chance,
    std::function<std::size_t(const std::string&)> weight)
    : settings_(settings),
      chance_(std::move(chance)),
      weight_(std::move(weight)) {}

subscription_machine::actions subscription_machine::start(time_point now) {
  actions out;
  open_link(first_, now, out);
  return out;
}

// -- what is wanted -----------------------------------------------------------

subscription_machine::actions subscription_machine::want(
    const std::vector<std::string>& channels, time_point now) {
  actions out;
  std::vector<std::string> added;
  for (const auto& name : channels)
    if (wanted_.insert(name).second) added.push_back(name);
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

bool subscription_machine::live(const std::string& channel) const {
  if (!first_ || !wanted_.contains(channel)) return false;
  auto i = first_->channels.find(channel);
  return i != first_->channels.end() && i->second.acknowledged &&
         i->second.in_flight == 0;
}

std::size_t subscription_machine::live_count() const {
  return static_cast<std::size_t>(
      std::count_if(wanted_.begin(), wanted_.end(),
                    [this](const auto& name) { return live(name); }));
}

void subscription_machine::send_subscribe(link& l,
                                          std::vector<std::string> names,
                                          time_point now, actions& out) {
  for (auto from = names.begin(); from != names.end();) {
    auto left = static_cast<std::size_t>(names.end() - from);
    auto to =
        from + static_cast<std::ptrdiff_t>(std::min(settings_.batch, left));
    std::vector<std::string> batch(from, to);
    for (const auto& name : batch)
      ++l.channels[name].in_flight;
    l.requests.push_back({request_kind::subscribe, batch, batch.size(), now});
    out.push_back(
        with_channels(action_kind::subscribe, l.id, std::move(batch)));
    from = to;
  }
}

void subscription_machine::send_unsubscribe(link& l, const std::string& name,
                                            time_point now, actions& out) {
  auto i = l.channels.find(name);
  if (i == l.channels.end()) return;  // refused before: nothing to leave
  ++i->second.in_flight;
  l.requests.push_back({request_kind::unsubscribe, {name}, 1, now});
  out.push_back(with_channels(action_kind::unsubscribe, l.id, {name}));
}

// -- links --------------------------------------------------------------------

subscription_machine::link* subscription_machine::find(link_id id) {
  if (first_ && first_->id == id) return &*first_;
  if (second_ && second_->id == id) return &*second_;
  return nullptr;
}

void subscription_machine::open_link(std::optional<link>& slot, time_point now,
                                     actions& out) {
  slot.emplace();
  slot->id = next_id_++;
  slot->opened_at = now;
  retry_at_.reset();
  out.push_back(make(action_kind::open, slot->id));
}

subscription_machine::actions subscription_machine::opened(link_id id,
                                                           time_point now) {
  actions out;
  link* l = find(id);
  if (l == nullptr) return out;
  l->open = true;
  l->last_read = now;
  if (serving(*l)) failures_ = 0;
  send_subscribe(*l, wanted_by_weight(), now, out);
  check_established(*l, out);
  return out;
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

subscription_machine::actions subscription_machine::closed(
    link_id id, const std::string& error, time_point now) {
  actions out;
  link* l = find(id);
  if (l == nullptr) return out;
  if (!serving(*l)) {
    // The first is still silent: it is suspected, not lost.
    second_.reset();
    schedule_retry(error, now, out);
    return out;
  }
  lose_first(error, now, out);
  return out;
}

void subscription_machine::lose_first(const std::string& error, time_point now,
                                      actions& out) {
  bool was_open = first_->open;
  auto since = first_->last_read;
  std::vector<std::string> lost;
  for (const auto& name : wanted_)
    if (live(name)) lost.push_back(name);
  first_silent_ = false;
  first_.reset();
  if (!lost.empty()) {
    out.push_back(with_channels(action_kind::not_live, 0, std::move(lost)));
    out.back().since = since;
  }
  auto told = make(action_kind::interrupted);
  told.text = error;
  if (second_) {
    out.push_back(std::move(told));
    take_over(since, out);
  } else if (!was_open) {
    schedule_retry(error, now, out);
  } else {
    // The loss is no failed attempt yet; the first attempt waits like one.
    told.wait = settings_.retry.after(1, chance_());
    if (!retry_at_) retry_at_ = now + told.wait;
    out.push_back(std::move(told));
  }
}

void subscription_machine::schedule_retry(const std::string& error,
                                          time_point now, actions& out) {
  ++failures_;
  auto failed = make(action_kind::failed);
  failed.text = error;
  failed.attempt = failures_;
  failed.wait = settings_.retry.after(failures_, chance_());
  retry_at_ = now + failed.wait;
  out.push_back(std::move(failed));
  if (settings_.max_retries != 0 && failures_ == settings_.max_retries) {
    auto surfaced = make(action_kind::surfaced);
    surfaced.attempt = failures_;
    out.push_back(std::move(surfaced));
  }
}

void subscription_machine::take_over(time_point since, actions& out) {
  std::unordered_set<std::string> before;
  for (const auto& name : wanted_)
    if (live(name)) before.insert(name);
  if (first_) out.push_back(make(action_kind::close, first_->id));
  first_ = std::move(second_);
  second_.reset();
  first_silent_ = false;
  if (!first_->open) return;
  failures_ = 0;
  std::vector<std::string> gained;
  std::vector<std::string> kept;
  std::vector<std::string> lost;
  for (const auto& name : wanted_) {
    bool was = before.contains(name);
    if (live(name))
      (was ? kept : gained).push_back(name);
    else if (was)
      lost.push_back(name);
  }
  // What was published after the first link died, before the second one was
  // acknowledged, is gone.
  if (!kept.empty()) {
    out.push_back(
        with_channels(action_kind::missed, first_->id, std::move(kept)));
    out.back().since = since;
  }
  if (!gained.empty())
    out.push_back(
        with_channels(action_kind::live, first_->id, std::move(gained)));
  if (!lost.empty()) {
    out.push_back(
        with_channels(action_kind::not_live, first_->id, std::move(lost)));
    out.back().since = since;
  }
  for (auto& batch : std::exchange(first_->kept, {})) {
    auto deliver = make(action_kind::deliver, first_->id);
    deliver.batch = std::move(batch);
    out.push_back(std::move(deliver));
  }
  first_->established = false;
  check_established(*first_, out);
}

void subscription_machine::drop_second(actions& out) {
  first_silent_ = false;
  retry_at_.reset();
  failures_ = 0;
  if (second_) out.push_back(make(action_kind::close, second_->id));
  second_.reset();
  out.push_back(make(action_kind::first_chosen, first_->id));
  out.back().established = first_->established;
}

// -- replies ------------------------------------------------------------------

subscription_machine::actions subscription_machine::read(link_id id,
                                                         reply_batch& batch,
                                                         time_point now,
                                                         bool& serve) {
  actions out;
  serve = false;
  link* l = find(id);
  if (l == nullptr) return out;
  l->last_read = now;
  serve = serving(*l);
  if (serve && first_silent_) drop_second(out);
  for (const auto& reply : batch.replies) {
    on_reply(*l, batch, reply, now, out);
    if (find(id) == nullptr) return out;  // a fatal error closed it
  }
  if (!serve) {
    if (std::any_of(batch.replies.begin(), batch.replies.end(),
                    [](auto& r) { return r.kind == reply_kind::message; }))
      l->kept.push_back(std::move(batch));
    batch = {};
    if (l->open && first_silent_ && all_acknowledged(*l)) {
      out.push_back(make(action_kind::second_chosen, l->id));
      take_over(first_->last_read, out);
    }
  }
  return out;
}

void subscription_machine::on_reply(link& l, const reply_batch& batch,
                                    const reply_batch::reply& reply,
                                    time_point now, actions& out) {
  switch (reply.kind) {
    case reply_kind::subscribed:
      on_answer(l, request_kind::subscribe, std::string(batch.first(reply)),
                out);
      break;
    case reply_kind::unsubscribed:
      on_answer(l, request_kind::unsubscribe, std::string(batch.first(reply)),
                out);
      break;
    case reply_kind::pong:
      if (!l.requests.empty() && l.requests.front().kind == request_kind::ping)
        l.requests.pop_front();
      break;
    case reply_kind::error:
      on_error(l, std::string(batch.first(reply)), now, out);
      break;
    case reply_kind::message:
    case reply_kind::status:
    case reply_kind::other:
      break;
  }
}

void subscription_machine::on_answer(link& l, request_kind kind,
                                     const std::string& name, actions& out) {
  if (!l.requests.empty() && l.requests.front().kind == kind &&
      --l.requests.front().answers_left == 0)
    l.requests.pop_front();
  if (acknowledge(l, kind, name)) {
    out.push_back(with_channels(action_kind::live, l.id, {name}));
    if (l.established)
      out.push_back(with_channels(action_kind::added, l.id, {name}));
  }
  check_established(l, out);
}

bool subscription_machine::acknowledge(link& l, request_kind kind,
                                       const std::string& name) {
  auto i = l.channels.find(name);
  if (i == l.channels.end()) return false;
  auto& state = i->second;
  if (state.in_flight > 0) --state.in_flight;
  state.acknowledged = kind == request_kind::subscribe;
  if (state.in_flight > 0) return false;  // a later command decides
  if (!state.acknowledged) {
    l.channels.erase(i);
    return false;
  }
  refused_.erase(name);
  return serving(l) && wanted_.contains(name);
}

void subscription_machine::on_error(link& l, const std::string& text,
                                    time_point now, actions& out) {
  bool about_channels = text.starts_with("NOPERM") && !l.requests.empty() &&
                        l.requests.front().kind == request_kind::subscribe;
  if (!about_channels) {
    // LOADING, a limit, a login that was revoked: not fit to serve.
    auto id = l.id;
    out.push_back(make(action_kind::close, id));
    auto more = closed(id, text, now);
    std::move(more.begin(), more.end(), std::back_inserter(out));
    return;
  }
  auto names = std::move(l.requests.front().channels);
  l.requests.pop_front();
  for (const auto& name : names)
    --l.channels[name].in_flight;
  // What was left meanwhile must not be subscribed behind its UNSUBSCRIBE.
  bool alone = names.size() == 1;
  std::erase_if(names, [this](const auto& x) { return !wanted_.contains(x); });
  if (names.empty()) return check_established(l, out);
  if (!alone) {
    // One refused channel fails the whole command: halve until it is alone.
    auto middle = names.begin() + static_cast<std::ptrdiff_t>(names.size() / 2);
    if (middle != names.begin())
      send_subscribe(l, {names.begin(), middle}, now, out);
    send_subscribe(l, {middle, names.end()}, now, out);
    return;
  }
  l.channels.erase(names.front());
  refused_[names.front()] = now + settings_.retry.max;
  auto refused = with_channels(action_kind::refused, l.id, std::move(names));
  refused.text = text;
  out.push_back(std::move(refused));
  check_established(l, out);
}

bool subscription_machine::all_acknowledged(const link& l) const {
  return std::all_of(wanted_.begin(), wanted_.end(), [&](const auto& name) {
    auto i = l.channels.find(name);
    return refused_.contains(name) ||
           (i != l.channels.end() && i->second.acknowledged &&
            i->second.in_flight == 0);
  });
}

void subscription_machine::check_established(link& l, actions& out) {
  if (!l.open || l.established || !serving(l)) return;
  // Counting answers keeps a reconnect with many channels linear.
  bool waiting = std::any_of(
      l.requests.begin(), l.requests.end(),
      [](const auto& r) { return r.kind == request_kind::subscribe; });
  if (waiting) return;
  l.established = true;
  out.push_back(make(action_kind::established, l.id));
}

// -- time ---------------------------------------------------------------------

bool subscription_machine::overdue(const link& l, time_point now) const {
  if (!l.open || l.requests.empty()) return false;
  auto since = std::max(l.last_read, l.requests.front().sent);
  return now - since >= settings_.request_timeout;
}

subscription_machine::actions subscription_machine::tick(time_point now) {
  actions out;
  if (retry_at_ && now >= *retry_at_)
    open_link(first_ ? second_ : first_, now, out);
  for (auto* slot : {&first_, &second_}) {
    if (!*slot || !(*slot)->open) continue;
    auto& l = **slot;
    if (l.requests.empty() && now - l.last_read >= settings_.request_timeout) {
      l.requests.push_back({request_kind::ping, {}, 1, now});
      out.push_back(make(action_kind::ping, l.id));
    }
  }
  if (first_ && !first_silent_ && overdue(*first_, now)) {
    first_silent_ = true;
    out.push_back(make(action_kind::silent, first_->id));
    open_link(second_, now, out);
  } else if (second_ && overdue(*second_, now)) {
    // A second that hangs as well proves nothing about the first.
    auto id = second_->id;
    out.push_back(make(action_kind::close, id));
    second_.reset();
    schedule_retry("no answer in time", now, out);
  }
  for (auto& [name, again] : refused_) {
    if (now < again || !first_ || !first_->open) continue;
    again = now + settings_.retry.max;
    send_subscribe(*first_, {name}, now, out);
  }
  return out;
}

subscription_machine::time_point subscription_machine::next_tick() const {
  auto next = time_point::max();
  if (retry_at_) next = std::min(next, *retry_at_);
  for (const auto* slot : {&first_, &second_}) {
    if (!*slot || !(*slot)->open) continue;
    const auto& l = **slot;
    auto since = l.requests.empty()
                     ? l.last_read
                     : std::max(l.last_read, l.requests.front().sent);
    // A silent first is only waited for; its second has deadlines of its own.
    if (slot == &first_ && first_silent_) continue;
    next = std::min(next, since + settings_.request_timeout);
  }
  if (first_ && first_->open)
    for (const auto& [name, again] : refused_)
      next = std::min(next, again);
  return next;
}

}  // namespace status2::redis
