/// The decisions of the Redis link, without a socket or a clock: which channels
/// to subscribe on which connection, when a connection is dead, when to try
/// again. Events and the time come in, actions go out.
///
/// A connection that leaves a request unanswered is doubled, not dropped: a
/// second one is opened and subscribed beside it. Any word of the first one
/// proves it alive and ends the second. Only when the second is acknowledged
/// for every channel, and the first is still silent, the second takes over;
/// messages that it received meanwhile were kept and are delivered then. So a
/// Redis that hung loses nothing, and nothing comes twice.
#pragma once

#include "redis/attempt_pace.hpp"
#include "redis/backoff.hpp"
#include "redis/link_machine.hpp"
#include "redis/reply_reader.hpp"
#include "redis/subscribed_connection.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace status2::redis {

struct machine_settings {
  std::chrono::nanoseconds request_timeout{std::chrono::seconds{1}};
  /// Waits after attempts that cost Redis something.
  backoff retry;
  /// Time between two attempts while nobody answers, give or take a fifth.
  std::chrono::nanoseconds knock{std::chrono::milliseconds{50}};
  std::size_t max_retries = 5;  ///< 0: an outage is never surfaced
  std::size_t batch = 512;      ///< channels per SUBSCRIBE command
  /// Sharded Pub/Sub: a command may name channels of one slot only.
  bool sharded = false;
};

enum class link_state : std::uint8_t {
  waiting,      ///< no connection; the next attempt is due at a known time
  connecting,   ///< the first connection is being opened
  subscribing,  ///< it is open, and Redis has acknowledged no SUBSCRIBE on it
  serving,      ///< Redis has acknowledged a SUBSCRIBE on it
  doubted,      ///< it is silent; the next attempt at a second one waits
  doubled,      ///< it is silent; a second one is being opened or subscribed
};

class subscription_machine final : public link_machine {
 public:
  /// `chance` draws uniformly from [0, 1). After a connect the channels of
  /// greatest `weight` are subscribed first; without it in any order.
  subscription_machine(
      machine_settings settings, std::function<double()> chance,
      std::function<std::size_t(const std::string&)> weight = {});

  actions start(time_point now) override;
  actions want(const std::vector<std::string>& channels,
               time_point now) override;
  actions unwant(const std::string& channel, time_point now) override;
  actions opened(link_id link, time_point now) override;
  actions unanswered(link_id link, const std::string& error,
                     time_point now) override;
  actions read(link_id link, reply_batch& batch, time_point now,
               bool& serve) override;
  actions closed(link_id link, const std::string& error, failure_kind kind,
                 time_point now) override;
  actions moved(const std::string& why, std::optional<time_point> since,
                time_point now) override;
  actions renew(const std::string& marker, time_point now) override;
  actions unmarked(const std::string& error, time_point now) override;
  actions without_marker(bool elsewhere, time_point now) override;
  actions tick(time_point now) override;
  time_point next_tick() const override;

  link_state state() const { return state_; }
  bool wanted(const std::string& channel) const {
    return wanted_.contains(channel);
  }
  /// Closes all connections; no event counts afterwards.
  actions stop();

  bool live(const std::string& channel) const override;
  time_point complete_until() const override;
  /// Subscribed, requested, or waiting for a connection or for permission.
  bool subscribes(const std::string& channel) const;
  std::size_t live_count() const;
  std::size_t refused_count() const override { return refused_.size(); }

 private:
  using link = subscribed_connection;
  enum class event_kind : std::uint8_t {
    due,    ///< the next attempt
    moved,  ///< Redis is elsewhere
    first_opened,
    first_lost,        ///< or could not be opened
    first_spoke,       ///< while it was silent
    first_silent,      ///< a request was unanswered for too long
    first_subscribed,  ///< the first acknowledgement
    first_refused,     ///< all requests are answered, none is acknowledged
    second_opened,
    second_lost,
    second_silent,
    second_ready,  ///< acknowledged for every channel
    second_refused,
  };
  struct event {
    event_kind what;
    std::string error{};
    failure_kind failure = failure_kind::unreachable;
    std::optional<time_point> since{};  ///< of `moved`
  };
  /// The one place where the state changes.
  void handle(const event& what, time_point now, actions& out);
  void when_waiting(const event& what, time_point now, actions& out);
  void when_connecting(const event& what, time_point now, actions& out);
  void when_subscribing(const event& what, time_point now, actions& out);
  void when_serving(const event& what, time_point now, actions& out);
  void when_doubted(const event& what, time_point now, actions& out);
  void when_doubled(const event& what, time_point now, actions& out);

  link* find(link_id id);
  bool is_first(const link& l) const { return first_ && &l == &*first_; }
  // Transitions: subscription_machine_transitions.cpp.
  void open(std::optional<link>& slot, bool renewed, time_point now,
            actions& out);
  void open_first(time_point now, actions& out);
  void open_second(time_point now, actions& out);
  void close(std::optional<link>& slot, actions& out);
  void drop(std::optional<link>& slot, const event& cause, actions& out);
  void reopen(time_point now, actions& out);
  void serve(time_point now, actions& out);
  void wait_for_attempt(const event& failure, time_point now, actions& out);
  void come_back(const event& loss, time_point now, actions& out);
  void lose_first(const event& loss, actions& out);
  void promote_second(const event& loss, time_point now, actions& out);
  void take_over(time_point since, const std::vector<std::string>& before,
                 time_point now, actions& out);
  void trust_first(actions& out);

  void report_failure(const std::string& error, attempt_pace::failure failure,
                      actions& out);

  // Channels: subscription_machine_channels.cpp.
  std::vector<std::string> live_channels() const;
  std::vector<std::string> wanted_by_weight() const;
  void subscribe_all(link& l, time_point now, actions& out);
  void send_subscribe(link& l, std::vector<std::string> names, time_point now,
                      actions& out);
  void send_unsubscribe(link& l, const std::string& name, time_point now,
                        actions& out);
  void ping(link& l, time_point now, actions& out);
  void ask_again(link& l, time_point now, actions& out);
  void on_reply(link& l, const reply_batch& batch,
                const reply_batch::reply& reply, time_point now, actions& out);
  void on_answer(link& l, request_ledger::kind what, const std::string& name,
                 time_point now, actions& out);
  void on_error(link& l, const std::string& text, time_point now, actions& out);
  void refuse(link& l, std::vector<std::string> names, const std::string& text,
              time_point now, actions& out);
  bool ready(const link& l) const;
  void check_progress(link& l, time_point now, actions& out);

  // A change of settings: subscription_machine_renewal.cpp.
  /// A change that is not finished yet. In state `serving` a second connection
  /// shows that it is under way.
  struct renewal {
    std::string channel{};    ///< of the marker
    bool next_first = true;   ///< the next attempt without a serving connection
                              ///< uses the new settings, the one behind it not
    time_point due{};         ///< of the next attempt beside a serving one
    bool marking = false;     ///< the marker is to be, or was, published
    std::uint64_t round = 0;  ///< the marker's text
    bool first_marked = false;
    bool second_marked = false;
    time_point deadline{};              ///< of the marker
    time_point asked{};                 ///< PING to the first behind the marker
    time_point complete_until{};        ///< when the first was marked
    std::vector<reply_batch> before{};  ///< of the second, before the marker
    std::string refusal{};              ///< of a channel on the second
  };
  bool renewing() const {
    return renewal_ && second_ && state_ == link_state::serving;
  }
  bool renewed_next();
  void begin_renewal(time_point now, actions& out);
  void when_renewing(const event& what, time_point now, actions& out);
  void end_attempt(bool ended, time_point now, actions& out);
  void fail_renewal(const event& failure, time_point now, actions& out);
  void restart_marking(actions& out);
  bool covers() const;
  void check_renewal(time_point now, actions& out);
  bool take_marked(link& l, reply_batch& batch, time_point before,
                   time_point now, actions& out);
  void hand_over(bool with_before, time_point now, actions& out);
  void note_renewed(actions& out);

  const machine_settings settings_;
  const std::function<std::size_t(const std::string&)> weight_;
  link_state state_ = link_state::waiting;
  std::unordered_set<std::string> wanted_;
  std::map<std::string, time_point> refused_;  ///< channel: when to ask again
  std::string refusal_;                        ///< the last one's text
  std::optional<link> first_;   ///< the one that serves, or is being opened
  std::optional<link> second_;  ///< beside a silent first
  link_id next_id_ = 1;
  std::optional<time_point> retry_at_;
  attempt_pace pace_;
  std::optional<renewal> renewal_;
  attempt_pace renewal_pace_;
};

}  // namespace status2::redis
