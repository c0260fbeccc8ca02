/// What the Redis link decides, without a socket or a clock: which channels to
/// subscribe on which connection, when a link is dead, when to try again.
/// Events and the time come in, actions go out.
///
/// A link that leaves a request unanswered is doubled, not dropped: a second
/// one is opened and subscribed beside it. Whatever the first one still says
/// proves it alive and ends the second. Only when the second is acknowledged
/// for every channel, and the first is still silent, the second takes over;
/// what it received meanwhile was kept and is delivered then. So a Redis that
/// hung loses nothing, and nothing comes twice.
#pragma once

#include "redis/backoff.hpp"
#include "redis/reply_reader.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace status2::redis {

using link_id = std::uint64_t;

struct machine_settings {
  std::chrono::nanoseconds request_timeout{std::chrono::seconds{1}};
  backoff retry;
  std::size_t max_retries = 5;  ///< 0: an outage is never surfaced
  std::size_t batch = 512;      ///< channels a SUBSCRIBE command
};

enum class action_kind : std::uint8_t {
  open,           ///< link: open a connection
  close,          ///< link: close it, no event of it counts any more
  subscribe,      ///< link, channels: one command
  unsubscribe,    ///< link, channels: one command
  ping,           ///< link
  live,           ///< link, channels: Redis has acknowledged them
  not_live,       ///< channels: may miss messages, since `since`
  missed,         ///< channels: live again, may have missed some since `since`
  deliver,        ///< batch: messages kept while the link was doubled
  established,    ///< channels wanted are all acknowledged after a connect
  added,          ///< channels: one more acknowledged on a working link
  interrupted,    ///< text, wait: the serving link was lost
  failed,         ///< text, attempt, wait: an attempt failed
  refused,        ///< channels, text: Redis refuses this channel
  surfaced,       ///< attempt: so many failed in a row
  silent,         ///< a request went unanswered; a second link is opened
  first_chosen,   ///< the silent link spoke again; `established`: it served
  second_chosen,  ///< the second link took over
};

struct action {
  action_kind kind;
  link_id link = 0;
  std::vector<std::string> channels;
  std::string text;
  std::uint32_t attempt = 0;
  std::chrono::nanoseconds wait{0};
  std::chrono::steady_clock::time_point since{};
  bool established = false;
  reply_batch batch;
};

/// Thread: one. Each event returns what has to be done, in order.
class subscription_machine {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using actions = std::vector<action>;

  /// `chance` draws uniformly from [0, 1). After a connect the channels of
  /// greatest `weight` are subscribed first; without it in any order.
  subscription_machine(
      machine_settings settings, std::function<double()> chance,
      std::function<std::size_t(const std::string&)> weight = {});

  /// Opens the first link.
  actions start(time_point now);
  /// These channels are wanted from now on: subscribed on every link that is
  /// open, and on each that opens later.
  actions want(const std::vector<std::string>& channels, time_point now);
  /// The channel is wanted no longer: unsubscribed where a link is open.
  actions unwant(const std::string& channel, time_point now);
  /// The link is connected and logged in.
  actions opened(link_id link, time_point now);
  /// The link said something. True in `serve`: its messages are for viewers;
  /// otherwise `batch` was kept or dropped and is empty now.
  actions read(link_id link, reply_batch& batch, time_point now, bool& serve);
  /// The link is gone, or an attempt to open it failed.
  actions closed(link_id link, const std::string& error, time_point now);
  /// Does what is due: liveness PINGs, requests without an answer, the next
  /// attempt, channels that Redis refused.
  actions tick(time_point now);
  /// When tick() has to run next.
  time_point next_tick() const;

  bool wanted(const std::string& channel) const {
    return wanted_.contains(channel);
  }
  /// Acknowledged on the serving link, and not on its way out.
  bool live(const std::string& channel) const;
  std::size_t live_count() const;

 private:
  enum class request_kind : std::uint8_t { subscribe, unsubscribe, ping };
  struct request {
    request_kind kind;
    std::vector<std::string> channels;
    std::size_t answers_left;
    time_point sent;
  };
  struct channel_state {
    std::uint32_t in_flight = 0;  ///< commands not answered yet
    bool acknowledged = false;    ///< the last answer was to a SUBSCRIBE
  };
  struct link {
    // clang does not construct it in an optional without this.
    link() {}  // NOLINT(modernize-use-equals-default)
    link_id id = 0;
    bool open = false;
    bool established = false;  ///< every wanted channel was acknowledged once
    time_point opened_at{};
    time_point last_read{};
    std::deque<request> requests;
    std::unordered_map<std::string, channel_state> channels;
    std::vector<reply_batch> kept;  ///< second link: messages until it serves
  };

  link* find(link_id id);
  bool serving(const link& l) const { return &l == &*first_; }
  void open_link(std::optional<link>& slot, time_point now, actions& out);
  void schedule_retry(const std::string& error, time_point now, actions& out);
  void send_subscribe(link& l, std::vector<std::string> names, time_point now,
                      actions& out);
  void send_unsubscribe(link& l, const std::string& name, time_point now,
                        actions& out);
  void on_reply(link& l, const reply_batch& batch,
                const reply_batch::reply& reply, time_point now, actions& out);
  void on_answer(link& l, request_kind kind, const std::string& name,
                 actions& out);
  /// Notes the answer; whether it makes a wanted channel live.
  bool acknowledge(link& l, request_kind kind, const std::string& name);
  void on_error(link& l, const std::string& text, time_point now, actions& out);
  bool all_acknowledged(const link& l) const;
  void check_established(link& l, actions& out);
  std::vector<std::string> wanted_by_weight() const;
  void take_over(time_point since, actions& out);
  void drop_second(actions& out);
  bool overdue(const link& l, time_point now) const;
  void lose_first(const std::string& error, time_point now, actions& out);

  const machine_settings settings_;
  const std::function<double()> chance_;
  const std::function<std::size_t(const std::string&)> weight_;
  std::unordered_set<std::string> wanted_;
  std::map<std::string, time_point> refused_;  ///< channel: when to ask again
  std::optional<link> first_;   ///< the one that serves, or is being opened
  std::optional<link> second_;  ///< beside a silent first
  bool first_silent_ = false;
  link_id next_id_ = 1;
  std::uint32_t failures_ = 0;
  std::optional<time_point> retry_at_;
};

}  // namespace status2::redis
