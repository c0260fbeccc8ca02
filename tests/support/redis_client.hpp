/// A blocking Redis client for tests: publishes, asks and configures.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct redisContext;

namespace status2::support {

/// A reply, flattened as far as tests need it.
struct redis_reply {
  bool error = false;
  std::int64_t number = 0;
  std::string text;  ///< of a string, a status or an error
  std::vector<redis_reply> items;
};

/// Thread: one. Errors: a connection that fails or stays silent for `patience`
/// throws.
class redis_client {
 public:
  explicit redis_client(
      std::uint16_t port, const std::string& password = {},
      std::chrono::milliseconds patience = std::chrono::seconds{10});
  ~redis_client();
  redis_client(redis_client&&) noexcept;
  redis_client& operator=(redis_client&&) noexcept;

  redis_reply command(const std::vector<std::string>& words);
  /// What Redis sends unasked to a subscriber, such as a message.
  redis_reply next() { return read_reply(); }
  /// Receivers of the message.
  std::int64_t publish(const std::string& channel, std::string_view payload);
  /// All payloads in one go, in order.
  void publish_all(const std::string& channel,
                   const std::vector<std::string>& payloads);
  /// Hands the command to the kernel and leaves the reply for later, so that
  /// a frozen Redis can be published to.
  void post(const std::string& channel, std::string_view payload);

 private:
  struct closer {
    void operator()(redisContext* context) const;
  };
  redis_reply read_reply();
  redis_reply read_one();
  void append(const std::vector<std::string_view>& words);

  std::unique_ptr<redisContext, closer> context_;
  std::size_t owed_ = 0;  ///< replies to post() not read yet
};

}  // namespace status2::support
