/// The requests that one connection has sent and Redis has not answered, and
/// what their answers make of its channels. Pure.
///
/// Redis answers in the order of the requests, one answer per channel of a
/// SUBSCRIBE or UNSUBSCRIBE, or a single error for the whole command.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace status2::redis {

/// Thread: one.
class request_ledger {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  enum class kind : std::uint8_t { subscribe, unsubscribe, ping };

  struct request {
    kind what;
    std::vector<std::string> channels;
    std::size_t answers_left;
    time_point sent;
  };

  void subscribe(std::vector<std::string> channels, time_point now);
  /// Returns false, and notes nothing, if the channel was never asked for.
  bool unsubscribe(const std::string& channel, time_point now);
  void ping(time_point now);

  /// What an answer has made of its channel.
  enum class outcome : std::uint8_t {
    open,          ///< a later request for it decides, or it is unknown
    subscribed,    ///< and no later request for it is unanswered
    unsubscribed,  ///< as requested
    dropped,       ///< Redis ended the subscription by itself
  };
  /// Redis has answered a SUBSCRIBE or an UNSUBSCRIBE for `channel`.
  outcome answered(kind what, const std::string& channel);
  /// A PING was answered.
  void ponged();
  /// Redis has answered the oldest request with an error. Returns it; nothing
  /// if there was none. Its channels that have no other request and no
  /// subscription are forgotten.
  std::optional<request> refused();

  /// Subscribed, and no later request for it is unanswered.
  bool subscribed(const std::string& channel) const;
  /// Subscribed, or an unanswered request names it.
  bool knows(const std::string& channel) const {
    return channels_.contains(channel);
  }
  /// How many channels Redis has subscribed, whatever was asked since.
  std::size_t subscribed_count() const { return subscribed_; }
  bool empty() const { return requests_.empty(); }
  bool awaits(kind what) const { return counts_[index(what)] > 0; }
  /// When the oldest unanswered request was sent; there must be one.
  time_point oldest_sent() const { return requests_.front().sent; }
  /// When the last request that was answered was sent: Redis had handled every
  /// message before it in the stream. The epoch if there was none.
  time_point answered_sent() const { return answered_sent_; }

 private:
  struct channel_state {
    std::uint32_t unanswered = 0;
    bool subscribed = false;
  };
  static std::size_t index(kind what) { return static_cast<std::size_t>(what); }
  void push(request what);
  request pop();
  void mark(channel_state& state, bool subscribed);

  std::deque<request> requests_;
  std::size_t counts_[3] = {0, 0, 0};  ///< unanswered, per kind
  std::unordered_map<std::string, channel_state> channels_;
  std::size_t subscribed_ = 0;
  time_point answered_sent_{};
};

}  // namespace status2::redis
