#include "redis/dialer.hpp"

#include "redis/dial_schedule.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

namespace status2::redis {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using clock = std::chrono::steady_clock;

const char* const no_answer = "no answer in time";

/// An endpoint and what is known of its addresses.
struct destination {
  endpoint where;
  bool resolving = false;
  std::vector<dialed_address> addresses{};
};

/// Why a socket that connect() has accepted is no connection to a server;
/// success if it is one.
error_code connection_problem(const dialed_socket& socket) {
  error_code error;
  // A Unix socket with a full backlog has nobody at the other end.
  const auto remote = socket.remote_endpoint(error);
  if (error) return asio::error::try_again;
  // TCP connects a port to itself if nobody listens there and the kernel picks
  // the same port for the client.
  const bool tcp = remote.protocol().family() != AF_UNIX;
  if (tcp && socket.local_endpoint(error) == remote)
    return asio::error::connection_refused;
  return {};
}

/// A connection that is being opened to an address of `destinations_[place]`.
struct attempt {
  attempt(asio::io_context& loop, std::size_t of)
      : place(of), socket(loop), deadline(loop) {}
  std::size_t place;
  dialed_socket socket;
  asio::steady_timer deadline;
};

class running_dial final : public dialer,
                           public std::enable_shared_from_this<running_dial> {
  dial_intervals intervals() const {
    dial_intervals chosen;
    chosen.race = std::min(chosen.race, settings_.timeout);
    return chosen;
  }

  /// A handler for a timer that does nothing once the dial is over.
  template <class Action>
  auto unless_over(Action action) {
    return [me = shared_from_this(), action](error_code cancelled) {
      if (!cancelled && !me->over_) action();
    };
  }

 public:
  running_dial(asio::io_context& loop, const std::vector<endpoint>& endpoints,
               dial_settings settings, dial_events events)
      : loop_(loop),
        settings_(std::move(settings)),
        events_(std::make_shared<dial_events>(std::move(events))),
        resolver_(loop),
        resolve_deadline_(loop),
        known_(loop),
        again_(loop),
        preference_(loop),
        next_(loop),
        end_(loop),
        schedule_(intervals(), settings_.knocks, [this] {
          return std::uniform_real_distribution<double>{0, 1}(random_);
        }) {
    for (const auto& each : endpoints)
      destinations_.push_back({each});
  }

  void start() {
    for (std::size_t place = 0; place < destinations_.size(); ++place)
      look_up(place);
    resolve_deadline_.expires_after(settings_.timeout);
    resolve_deadline_.async_wait(unless_over([this] { end_resolving(); }));
    if (settings_.knocks) {
      // A lookup that answers soon is right; one that hangs says nothing.
      known_.expires_after(intervals().knock);
      known_.async_wait(unless_over([this] {
        for (auto& each : destinations_)
          if (each.resolving) take_known(each);
        update_candidates();
      }));
    }
    look_up_again();
    preference_.expires_after(intervals().race);
    preference_.async_wait(unless_over([this] {
      prefers_ = false;
      update_candidates();
    }));
    asio::post(loop_, [me = shared_from_this()] {
      if (!me->over_) me->update_candidates();
    });
  }

  void cancel() override {
    events_.reset();
    stop();
  }

 private:
  void look_up(std::size_t place) {
    auto& [where, resolving, addresses] = destinations_[place];
    if (!where.unix_path.empty()) return take_unix_path(place);
    error_code not_numeric;
    const auto address = asio::ip::make_address(where.host, not_numeric);
    if (!not_numeric) {
      addresses = {tcp::endpoint(address, where.port)};
      return;
    }
    resolving = true;
    resolver_.async_resolve(
        where.host, std::to_string(where.port),
        [me = shared_from_this(), place](
            error_code error, const tcp::resolver::results_type& results) {
          if (!me->over_) me->on_resolved(place, error, results);
        });
  }

  void take_unix_path(std::size_t place) {
    auto& each = destinations_[place];
    try {
      each.addresses = {
          asio::local::stream_protocol::endpoint(each.where.unix_path)};
    } catch (const boost::system::system_error& too_long) {
      error_ = too_long.code().message();
    }
  }

  /// A name may lead elsewhere while its addresses are knocked at.
  void look_up_again() {
    constexpr std::chrono::milliseconds interval{100};
    if (!settings_.knocks) return;
    again_.expires_after(interval);
    again_.async_wait(unless_over([this] {
      for (std::size_t place = 0; place < destinations_.size(); ++place)
        if (!destinations_[place].resolving) look_up(place);
      look_up_again();
    }));
  }

  /// The addresses that the name had when it was found last.
  void take_known(destination& each) {
    each.addresses = settings_.memory->addresses[to_text(each.where)];
  }

  bool resolving() const {
    return std::any_of(destinations_.begin(), destinations_.end(),
                       [](const auto& each) { return each.resolving; });
  }

  void on_resolved(std::size_t place, error_code error,
                   const tcp::resolver::results_type& results) {
    auto& each = destinations_[place];
    if (!std::exchange(each.resolving, false)) return;  // too late
    if (error) {
      unanswered(error.message());
      if (over_) return;
      const bool no_verdict = error == asio::error::host_not_found_try_again;
      if (no_verdict && settings_.knocks)
        take_known(each);
      else
        each.addresses.clear();
    } else {
      std::vector<dialed_address> addresses;
      for (const auto& found : results)
        addresses.emplace_back(found.endpoint());
      each.addresses = in_race_order(addresses);
      settings_.memory->addresses[to_text(each.where)] = each.addresses;
    }
    update_candidates();
  }

  void end_resolving() {
    if (!resolving()) return;
    for (auto& each : destinations_)
      each.resolving = false;
    resolver_.cancel();
    unanswered(no_answer);
    if (!over_) update_candidates();
  }

  /// Whether endpoints after this one wait for its addresses.
  bool holds_back_others(const destination& each) const {
    return prefers_ && each.resolving && each.addresses.empty();
  }

  void update_candidates() {
    decltype(candidates_) found;
    for (std::size_t place = 0; place < destinations_.size(); ++place) {
      for (const auto& address : destinations_[place].addresses)
        found.emplace_back(place, address);
      if (holds_back_others(destinations_[place])) break;
    }
    if (found != std::exchange(candidates_, found)) {
      schedule_.addresses(candidates_.size());
      restart_end();
    }
    plan();
  }

  /// A dial that knocks ends when the last address of a round had its whole
  /// timeout; another ends with its last attempt.
  void restart_end() {
    if (!settings_.knocks) return;
    const auto others = candidates_.empty() ? 0 : candidates_.size() - 1;
    end_.expires_after(settings_.timeout +
                       intervals().race * static_cast<std::int64_t>(others));
    end_.async_wait(unless_over([this] { fail(); }));
  }

  std::optional<clock::time_point> next_attempt(clock::time_point now) const {
    const auto due = schedule_.due();
    if (!due) return std::nullopt;
    return std::max(*due, settings_.memory->budget.next(now));
  }

  /// Waits for the next attempt, or ends if nothing more can come.
  void plan() {
    const auto when = next_attempt(clock::now());
    if (!when) {
      if (!resolving() && attempts_.empty()) fail();
      return;
    }
    next_.expires_at(*when);
    next_.async_wait(unless_over([this] { try_next(); }));
  }

  void try_next() {
    const auto now = clock::now();
    const auto when = next_attempt(now);
    // Another dial of the same owner may have spent the budget meanwhile.
    if (!when || *when > now) return plan();
    settings_.memory->budget.spend(now);
    const auto& [place, address] = candidates_[schedule_.begin(now)];
    const auto made = std::make_shared<attempt>(loop_, place);
    attempts_.push_back(made);
    made->deadline.expires_after(settings_.timeout);
    made->deadline.async_wait(unless_over(
        [this, made] { on_connected(made, asio::error::timed_out); }));
    made->socket.async_connect(
        address, [me = shared_from_this(), made](error_code error) {
          if (!me->over_) me->on_connected(made, error);
        });
    plan();
  }

  void on_connected(const std::shared_ptr<attempt>& which, error_code error) {
    const auto found = std::find(attempts_.begin(), attempts_.end(), which);
    if (found == attempts_.end()) return;  // its deadline was first
    const bool last = which == attempts_.back();
    attempts_.erase(found);
    which->deadline.cancel();
    if (!error) error = connection_problem(which->socket);
    if (!error) return succeed(*which);
    error_code ignored;
    which->socket.close(ignored);
    schedule_.failed(last);
    unanswered(error == asio::error::timed_out ? no_answer : error.message());
    if (!over_) plan();
  }

  void succeed(attempt& which) {
    auto socket = std::move(which.socket);
    const auto events = std::move(events_);
    stop();
    events->connected(std::move(socket), destinations_[which.place].where);
  }

  void unanswered(const std::string& error) {
    error_ = error;
    const auto events = events_;  // cancel() may be called meanwhile
    events->unanswered(error);
  }

  void fail() {
    const auto events = std::move(events_);
    stop();
    events->failed(error_.empty() ? no_answer : error_);
  }

  void stop() {
    over_ = true;
    resolver_.cancel();
    for (auto* timer :
         {&resolve_deadline_, &known_, &again_, &preference_, &next_, &end_})
      timer->cancel();
    error_code ignored;
    for (const auto& each : std::exchange(attempts_, {})) {
      each->deadline.cancel();
      each->socket.close(ignored);
    }
  }

  asio::io_context& loop_;
  const dial_settings settings_;
  /// Null once the dial is over, so that no owner is kept alive.
  std::shared_ptr<const dial_events> events_;
  tcp::resolver resolver_;
  asio::steady_timer resolve_deadline_;
  asio::steady_timer known_;
  asio::steady_timer again_;
  asio::steady_timer preference_;
  asio::steady_timer next_;
  asio::steady_timer end_;
  std::minstd_rand random_{std::random_device{}()};
  dial_schedule schedule_;
  std::vector<destination> destinations_;  ///< the first is preferred
  bool prefers_ = true;  ///< endpoints wait for the lookup of earlier ones
  /// Place of the destination, and one of its addresses.
  std::vector<std::pair<std::size_t, dialed_address>> candidates_;
  std::vector<std::shared_ptr<attempt>> attempts_;  ///< in their order
  std::string error_;                               ///< the last one
  bool over_ = false;
};

bool is_v6(const dialed_address& address) {
  return address.protocol().family() == AF_INET6;
}

}  // namespace

std::shared_ptr<dialer> dial(asio::io_context& loop,
                             const std::vector<endpoint>& endpoints,
                             const dial_settings& settings,
                             dial_events events) {
  auto made = std::make_shared<running_dial>(loop, endpoints, settings,
                                             std::move(events));
  made->start();
  return made;
}

std::vector<dialed_address> in_race_order(
    const std::vector<dialed_address>& addresses) {
  std::vector<dialed_address> v6;
  std::vector<dialed_address> v4;
  for (const auto& each : addresses)
    (is_v6(each) ? v6 : v4).push_back(each);
  std::vector<dialed_address> ordered;
  for (std::size_t i = 0; i < std::max(v6.size(), v4.size()); ++i) {
    if (i < v6.size()) ordered.push_back(v6[i]);
    if (i < v4.size()) ordered.push_back(v4[i]);
  }
  return ordered;
}

}  // namespace status2::redis
