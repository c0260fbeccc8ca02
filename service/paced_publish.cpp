#include "service/paced_publish.hpp"

#include "redis/standing_connection.hpp"
#include "service/process_stats.hpp"
#include "service/redis_settings.hpp"
#include "service/stamped_message.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <csignal>
#include <ostream>
#include <utility>

namespace status2::service {

namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using steady = std::chrono::steady_clock;
using wall_clock = std::chrono::system_clock;
using milliseconds = std::chrono::duration<double, std::milli>;

/// Sleeping for less costs more than it evens out.
constexpr std::chrono::milliseconds shortest_wait{1};
constexpr std::chrono::seconds last_answers_within{1};

json::object percentiles(std::vector<double> values) {
  json::object result;
  result["p50"] = percentile(values, 0.5);
  result["p95"] = percentile(values, 0.95);
  result["p99"] = percentile(values, 0.99);
  result["max"] = percentile(values, 1);
  return result;
}

/// One run.
class pacer {
 public:
  pacer(const configuration& values, const paced_settings& settings)
      : settings_(settings),
        request_timeout_(values.redis_request_timeout),
        publish_(publish_command(values)),
        subscribe_(subscribe_command(values)),
        producer_(loop_, redis_settings_for(loop_, values, settings.channel)),
        listener_(loop_, redis_settings_for(loop_, values, settings.channel)) {
    channels_.reserve(settings.channels);
    for (std::size_t i = 0; i < settings.channels; ++i)
      channels_.push_back({settings.channels == 1
                               ? settings.channel
                               : settings.channel + "-" + std::to_string(i)});
  }

  /// Errors: a line, if Redis answered nothing, or refused the subscription.
  std::string run();
  json::object report() const;

 private:
  struct channel {
    std::string name;
    std::uint64_t next = 0;
  };

  bool begun() const { return start_ != steady::time_point{}; }
  void begin();
  void subscribe();
  void on_subscribed();
  void give_up(const std::string& error);
  void on_answers(const redis::reply_batch& batch);
  void on_messages(const redis::reply_batch& batch);
  void on_lost();
  steady::time_point due_at(std::uint64_t number) const;
  void pace();
  void publish_one();
  void await_the_rest();
  template <class Action>
  void after(steady::time_point when, Action action);

  const paced_settings settings_;
  const std::chrono::nanoseconds request_timeout_;
  asio::io_context loop_{1};
  const std::string_view publish_;
  const std::string_view subscribe_;
  redis::standing_connection producer_;
  redis::standing_connection listener_;
  asio::steady_timer timer_{loop_};
  std::vector<channel> channels_;
  std::size_t turn_ = 0;
  steady::time_point start_;
  std::uint64_t due_ = 0;  ///< messages whose time has come
  std::uint64_t published_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t unanswered_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t in_flight_ = 0;
  std::string error_;  ///< why there is nothing to report
  std::vector<double> behind_ms_;
  std::vector<double> reference_ms_;
};

std::string pacer::run() {
  asio::signal_set signals(loop_, SIGINT, SIGTERM);
  signals.async_wait([this](auto, int) { loop_.stop(); });
  producer_.opened = [this] { begin(); };
  producer_.read = [this](const auto& batch) { on_answers(batch); };
  producer_.lost = [this] { on_lost(); };
  listener_.opened = [this] { subscribe(); };
  listener_.read = [this](const auto& batch) { on_messages(batch); };
  listener_.lost = [this] { on_lost(); };
  auto& first = settings_.reference ? listener_ : producer_;
  first.open();
  loop_.run();
  if (!error_.empty()) return error_;
  if (answered_ > 0) return {};
  return first.error().empty() ? "nothing was answered" : first.error();
}

void pacer::begin() {
  if (begun()) return;  // opened again
  start_ = steady::now();
  pace();
}

void pacer::subscribe() {
  std::vector<std::string_view> words{subscribe_};
  words.reserve(1 + channels_.size());
  for (const auto& each : channels_)
    words.push_back(each.name);
  listener_.send(words);
  if (begun()) return;  // opened again
  after(steady::now() + request_timeout_,
        [this] { give_up("SUBSCRIBE: no answer in time"); });
}

/// The last channel is subscribed.
void pacer::on_subscribed() {
  timer_.cancel();
  producer_.open();
}

void pacer::give_up(const std::string& error) {
  error_ = error;
  loop_.stop();
}

void pacer::on_answers(const redis::reply_batch& batch) {
  for (const auto& reply : batch.replies)
    ++(reply.kind == redis::reply_kind::error ? refused_ : answered_);
  in_flight_ -= std::min<std::uint64_t>(in_flight_, batch.replies.size());
}

void pacer::on_messages(const redis::reply_batch& batch) {
  const auto now = wall_clock::now();
  for (const auto& reply : batch.replies) {
    if (reply.kind == redis::reply_kind::message) {
      if (const auto stamp = stamp_of(batch.payload(reply)))
        reference_ms_.push_back(milliseconds(now - *stamp).count());
    } else if (reply.kind == redis::reply_kind::error) {
      return give_up("SUBSCRIBE: " + std::string(batch.first(reply)));
    } else if (!begun() && batch.first(reply) == channels_.back().name) {
      on_subscribed();
    }
  }
}

void pacer::on_lost() {
  if (!producer_.is_open()) unanswered_ += std::exchange(in_flight_, 0);
  // Without a first connection there is nothing to measure.
  if (!begun()) loop_.stop();
}

steady::time_point pacer::due_at(std::uint64_t number) const {
  const std::chrono::duration<double> since(static_cast<double>(number) /
                                            settings_.rate);
  return start_ + std::chrono::duration_cast<steady::duration>(since);
}

void pacer::pace() {
  const auto now = steady::now();
  const auto end = start_ + settings_.length;
  for (; due_at(due_) <= now && due_at(due_) < end; ++due_) {
    if (producer_.is_open())
      publish_one();
    else
      ++skipped_;
  }
  if (now >= end) return await_the_rest();
  after(std::max(now + shortest_wait, std::min(end, due_at(due_))),
        [this] { pace(); });
}

void pacer::publish_one() {
  behind_ms_.push_back(milliseconds(steady::now() - due_at(due_)).count());
  auto& each = channels_[turn_++ % channels_.size()];
  const auto text =
      stamped_message(each.next++, wall_clock::now(), settings_.size);
  producer_.send({publish_, each.name, text});
  ++published_;
  ++in_flight_;
}

void pacer::await_the_rest() {
  const bool all = in_flight_ == 0 &&
                   (!settings_.reference || reference_ms_.size() >= answered_);
  const auto now = steady::now();
  if (all || now > start_ + settings_.length + last_answers_within)
    return loop_.stop();
  after(now + shortest_wait, [this] { await_the_rest(); });
}

template <class Action>
void pacer::after(steady::time_point when, Action action) {
  timer_.expires_at(when);
  timer_.async_wait([action](boost::system::error_code cancelled) {
    if (!cancelled) action();
  });
}

json::object pacer::report() const {
  const auto seconds =
      std::chrono::duration<double>(
          std::min(steady::now() - start_, steady::duration(settings_.length)))
          .count();
  json::object result{
      {"published", published_},
      {"answered", answered_},
      {"unanswered", unanswered_ + in_flight_},
      {"refused", refused_},
      {"skipped", skipped_},
      {"seconds", seconds},
      {"rate", static_cast<double>(published_) / seconds},
      {"behind_ms", percentiles(behind_ms_)},
      {"cpu_percent", 100 * read_process_stats().cpu_seconds / seconds},
  };
  if (settings_.reference)
    result["reference"] =
        json::object{{"received", reference_ms_.size()},
                     {"latency_ms", percentiles(reference_ms_)}};
  return result;
}

}  // namespace

std::string publish_paced(const configuration& values,
                          const paced_settings& settings, std::ostream& out) {
  if (values.redis_sharded && settings.channels > 1)
    return "with sharded Pub/Sub --rate publishes to one channel";
  pacer one(values, settings);
  const auto error = one.run();
  if (!error.empty()) return redis::redacted(values.redis) + ": " + error;
  out << json::serialize(one.report()) << std::endl;
  return {};
}

}  // namespace status2::service
