#include "service/probe.hpp"

#include "redis/connection.hpp"
#include "service/redis_settings.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace status2::service {

namespace {

struct answer {
  redis::reply_kind kind = redis::reply_kind::other;
  std::string text;     ///< or channel
  std::string payload;  ///< of a message
  bool came = true;     ///< false: `text` says why none did
};

/// What has come back over a connection so far.
struct inbox {
  bool open = false;
  std::string closed;  ///< why; empty: it is not
  std::deque<answer> answers;
};

class answers_to final : public redis::connection_events {
 public:
  explicit answers_to(std::shared_ptr<inbox> to) : to_(std::move(to)) {}
  void on_open() override { to_->open = true; }
  void on_read(redis::reply_batch&& batch) override {
    for (const auto& reply : batch.replies)
      to_->answers.push_back({reply.kind, std::string(batch.first(reply)),
                              std::string(batch.payload(reply))});
  }
  void on_closed(const std::string& error, redis::failure_kind) override {
    to_->closed = error;
  }

 private:
  std::shared_ptr<inbox> to_;
};

/// A connection whose answers are waited for one by one.
class conversation {
 public:
  conversation(boost::asio::io_context& loop, const configuration& values,
               const std::string& channel)
      : loop_(loop),
        limit_(values.redis_request_timeout),
        connection_(redis::open_connection(
            loop, redis_settings_for(loop, values, channel),
            std::make_unique<answers_to>(inbox_))) {}
  ~conversation() { connection_->close(); }
  conversation(const conversation&) = delete;
  conversation& operator=(const conversation&) = delete;

  /// Waits until it is open. Errors: why it is not; empty if it is.
  std::string opened() {
    // Opening has deadlines of its own and ends with an event.
    while (!inbox_->open && inbox_->closed.empty())
      loop_.run_one();
    return inbox_->closed;
  }
  void say(const std::vector<std::string_view>& words) {
    connection_->send(words);
  }
  /// The next answer; an error if the connection closes or stays silent.
  answer listen() {
    const auto until = std::chrono::steady_clock::now() + limit_;
    while (inbox_->answers.empty()) {
      if (!inbox_->closed.empty())
        return {redis::reply_kind::error, inbox_->closed, {}, false};
      if (loop_.run_one_until(until) == 0 && inbox_->closed.empty())
        return {redis::reply_kind::error, "no answer in time", {}, false};
    }
    auto first = std::move(inbox_->answers.front());
    inbox_->answers.pop_front();
    return first;
  }
  answer ask(const std::vector<std::string_view>& words) {
    say(words);
    return listen();
  }

 private:
  boost::asio::io_context& loop_;
  const std::chrono::nanoseconds limit_;
  std::shared_ptr<inbox> inbox_ = std::make_shared<inbox>();
  std::shared_ptr<redis::connection> connection_;
};

class probing {
 public:
  probing(const configuration& values, std::ostream& out)
      : values_(values), out_(out), listener_(loop_, values, channel_) {}

  bool run() {
    return opens() && tries_what_is_not_needed() && delivers() &&
           passes("unsubscribe",
                  listener_.ask(
                      {values_.redis_sharded ? "SUNSUBSCRIBE" : "UNSUBSCRIBE",
                       channel_}),
                  redis::reply_kind::unsubscribed);
  }

 private:
  bool ok(const std::string& step) {
    out_ << step << ": ok" << std::endl;
    return true;
  }
  bool failed(const std::string& step, const std::string& reason) {
    out_ << step << ": failed: " << reason << std::endl;
    return false;
  }
  bool passes(const std::string& step, const answer& got,
              redis::reply_kind wanted) {
    if (got.kind == wanted) return ok(step);
    return failed(step, got.kind == redis::reply_kind::error
                            ? got.text
                            : "an answer of another kind");
  }

  /// A connection that does not open names the step at which it failed.
  bool opens() {
    const auto error = listener_.opened();
    std::vector<std::pair<std::string, std::string>> steps{
        {"connect", "connect " + redis::redacted(values_.redis)}};
    if (values_.redis.tls) steps.emplace_back("TLS", "TLS");
    steps.emplace_back("login", "login");
    std::size_t reached = error.empty() ? steps.size() : 0;
    std::string reason = error;
    for (std::size_t i = 0; i < steps.size() && !error.empty(); ++i) {
      const auto start = steps[i].first + ": ";
      if (!error.starts_with(start)) continue;
      reached = i;
      reason = error.substr(start.size());
    }
    for (std::size_t i = 0; i < reached; ++i)
      ok(steps[i].second);
    return error.empty() || failed(steps[reached].second, reason);
  }

  /// What the broker can do without.
  bool tries_what_is_not_needed() {
    const auto database = std::to_string(values_.redis.database);
    const bool selects = values_.redis.database != 0;
    return (!selects || tries("select " + database, {"SELECT", database})) &&
           tries("client setname", {"CLIENT", "SETNAME", "status2-probe"}) &&
           tries("ping", {"PING"});
  }
  bool tries(const std::string& step,
             const std::vector<std::string_view>& words) {
    const auto got = listener_.ask(words);
    if (got.kind != redis::reply_kind::error) return ok(step);
    if (!got.came) return failed(step, got.text);
    out_ << step << ": refused: " << got.text << std::endl;
    return true;
  }

  bool delivers() {
    if (!passes("subscribe " + channel_,
                listener_.ask({subscribe_command(values_), channel_}),
                redis::reply_kind::subscribed))
      return false;
    // A connection that has subscribed may not publish.
    conversation producer(loop_, values_, channel_);
    if (const auto error = producer.opened(); !error.empty())
      return failed("publish", error);
    if (!passes("publish",
                producer.ask({publish_command(values_), channel_, text}),
                redis::reply_kind::other))
      return false;
    auto got = listener_.listen();
    if (got.kind == redis::reply_kind::message && got.payload != text)
      got = {redis::reply_kind::error, "another message", {}};
    return passes("received", got, redis::reply_kind::message);
  }

  static constexpr std::string_view text = "probe";

  const configuration& values_;
  std::ostream& out_;
  const std::string channel_ = random_canary_channel();
  boost::asio::io_context loop_{1};
  conversation listener_;
};

}  // namespace

bool probe(const configuration& values, std::ostream& out) {
  return probing(values, out).run();
}

}  // namespace status2::service
