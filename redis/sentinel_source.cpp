#include "redis/sentinel_source.hpp"

#include <algorithm>
#include <utility>

namespace status2::redis {

namespace asio = boost::asio;

namespace {

/// Announcements bring a question forward, but no closer to the last one.
constexpr std::chrono::milliseconds least_interval{50};
/// Sentinels tell each other of a new master within two seconds.
constexpr std::chrono::seconds spread{3};

}  // namespace

sentinel_source::sentinel_source(asio::io_context& loop,
                                 sentinel_settings settings)
    : loop_(loop),
      settings_(std::move(settings)),
      view_(settings_.sentinels),
      round_(loop, for_sentinels()),
      tick_(loop) {}

query_settings sentinel_source::for_sentinels() const {
  query_settings result;
  result.user = settings_.user;
  result.password = settings_.password;
  result.tls = settings_.tls;
  result.timeout = settings_.timeout;
  result.memory = memory;
  return result;
}

void sentinel_source::locate(located done) {
  waiting_.push_back(std::move(done));
  ask();
}

bool sentinel_source::unfit(const endpoint& where) {
  if (!named_) return false;
  if (*named_ != where) return true;
  view_.misled(named_by_);
  return false;
}

void sentinel_source::fit(const endpoint& where) {
  watched_ = where;
  listen();
  watch_at(asked_at_ + settings_.interval);
}

void sentinel_source::stop() {
  ++stops_;
  waiting_.clear();
  watched_.reset();
  tick_.cancel();
  round_.close();
  listener_.reset();
}

void sentinel_source::ask() {
  if (round_.running()) return;
  asked_at_ = clock::now();
  hinted_ = false;
  round_.ask(
      view_.order(),
      {{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", settings_.master_name},
       {"SENTINEL", "SENTINELS", settings_.master_name}},
      [this](const endpoint& who, const std::vector<answer>& answers) {
        return judge(who, answers);
      },
      [this](const std::string& error) { on_round(error); });
}

std::string sentinel_source::judge(const endpoint& who,
                                   const std::vector<answer>& answers) {
  const auto result = read_master(answers[0], settings_.master_name);
  if (!result.master) return result.problem;
  named_ = result.master;
  named_by_ = who;
  note_named();
  view_.learn(who, answers[1]);
  view_.answered(who);
  return {};
}

void sentinel_source::note_named() {
  constexpr std::size_t most = 4;
  std::erase_if(named_at_,
                [this](const auto& one) { return one.first == *named_; });
  named_at_.insert(named_at_.begin(), {*named_, asked_at_});
  if (named_at_.size() > most) named_at_.pop_back();
}

std::optional<endpoint_source::time_point> sentinel_source::certain_until(
    const endpoint& where) const {
  for (const auto& [server, when] : named_at_)
    if (server == where) return when - spread;
  return std::nullopt;
}

void sentinel_source::on_round(const std::string& error) {
  const auto me = shared_from_this();  // a callback may release the source
  location where;
  if (error.empty()) where = {{*named_}, server_role::master};
  const auto stops = stops_;
  const bool located = !waiting_.empty();
  for (const auto& done : std::exchange(waiting_, {})) {
    done(where, error);
    if (stops_ != stops) return;
  }
  if (!watched_) return;
  if (error.empty()) {
    // A caller that was told the new master just now has its own way there.
    if (!located) compare();
    if (!watched_) return;
    listen();
  }
  watch_at(hinted_ ? clock::now() : asked_at_ + settings_.interval);
}

void sentinel_source::compare() {
  if (*named_ == *watched_) return;
  const auto why = "the sentinels name " + to_text(*named_) +
                   " as the master, and no longer " + to_text(*watched_);
  const auto since = certain_until(*watched_);
  watched_.reset();
  tick_.cancel();
  listener_.reset();
  moved(why, since);
}

void sentinel_source::watch_at(clock::time_point when) {
  tick_.expires_at(std::max(when, asked_at_ + least_interval));
  tick_.async_wait(
      [weak = weak_from_this()](boost::system::error_code cancelled) {
        const auto me = weak.lock();
        if (!cancelled && me) me->on_tick();
      });
}

void sentinel_source::on_tick() {
  if (watched_) ask();
}

/// Subscribes to the announcements of the sentinel that answered last.
void sentinel_source::listen() {
  const auto& first = view_.order().front();
  if (listener_ && listening_to_ == first) return;
  auto settings = for_sentinels();
  settings.where = listening_to_ = first;
  listener_ = std::make_unique<query_client>(loop_, std::move(settings));
  listener_->pushed = [this](const answer& push) { on_push(push); };
  // The next round after a loss subscribes again.
  listener_->lost = [this](const std::string&) { listener_.reset(); };
  listener_->ask({{"SUBSCRIBE", "+switch-master"}},
                 [](const std::vector<answer>&, const std::string&) {});
}

void sentinel_source::on_push(const answer& push) {
  if (!watched_ || !says_switched(push, settings_.master_name)) return;
  hinted_ = round_.running();
  if (!hinted_) watch_at(clock::now());
}

}  // namespace status2::redis
