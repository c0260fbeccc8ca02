#include "service/publish.hpp"

#include "redis/connection.hpp"
#include "service/redis_settings.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <istream>
#include <memory>
#include <string_view>
#include <utility>

namespace status2::service {

namespace {

/// What has come back so far.
struct progress {
  bool open = false;
  std::uint64_t answers = 0;
  std::string error;
};

class answers_to final : public redis::connection_events {
 public:
  explicit answers_to(progress& seen) : seen_(seen) {}
  void on_open() override { seen_.open = true; }
  void on_read(redis::reply_batch&& batch) override {
    for (const auto& reply : batch.replies) {
      if (reply.kind == redis::reply_kind::error && seen_.error.empty())
        seen_.error = batch.first(reply);
      ++seen_.answers;
    }
  }
  void on_closed(const std::string& error, redis::failure_kind) override {
    if (seen_.error.empty()) seen_.error = error;
  }

 private:
  progress& seen_;
};

/// A connection that waits for each answer.
class publisher {
 public:
  publisher(const configuration& values, const std::string& channel)
      : limit_(values.redis_request_timeout),
        command_(publish_command(values)),
        channel_(channel),
        connection_(redis::open_connection(
            loop_, redis_settings_for(loop_, values, channel),
            std::make_unique<answers_to>(seen_))) {
    // Opening has deadlines of its own and ends with an event.
    while (!seen_.open && seen_.error.empty())
      loop_.run_one();
  }
  ~publisher() { connection_->close(); }
  publisher(const publisher&) = delete;
  publisher& operator=(const publisher&) = delete;

  const std::string& error() const { return seen_.error; }

  void publish(const std::string& text) {
    const auto wanted = seen_.answers + 1;
    const auto until = std::chrono::steady_clock::now() + limit_;
    connection_->send({command_, channel_, text});
    while (seen_.answers < wanted && seen_.error.empty()) {
      if (loop_.run_one_until(until) == 0) seen_.error = "no answer in time";
    }
  }

 private:
  boost::asio::io_context loop_{1};
  progress seen_;
  std::chrono::nanoseconds limit_;
  std::string_view command_;
  const std::string channel_;
  std::shared_ptr<redis::connection> connection_;
};

}  // namespace

std::string publish(const configuration& values, const std::string& channel,
                    const std::string& text, std::istream& input) {
  publisher redis(values, channel);
  if (text != "-") {
    if (redis.error().empty()) redis.publish(text);
  } else {
    for (std::string line; redis.error().empty() && std::getline(input, line);)
      redis.publish(line);
  }
  if (redis.error().empty()) return {};
  return redis::redacted(values.redis) + ": " + redis.error();
}

}  // namespace status2::service
