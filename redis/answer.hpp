/// Answers of Redis as trees of values, for questions about where Redis is.
/// Messages take another way: redis/reply_reader.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace status2::redis {

struct answer {
  enum class type : std::uint8_t { nil, error, status, integer, text, array };
  type kind = type::nil;
  std::string text{};  ///< of an error, a status or a text
  std::int64_t integer = 0;
  std::vector<answer> elements{};  ///< of an array

  bool is(type wanted) const { return kind == wanted; }
  bool operator==(const answer&) const = default;
};

/// Limits of one answer: 8 MB and 262144 values, arrays at most 7 deep. Beyond
/// them, or on bytes that are not RESP, the reader is broken for good. The size
/// that an array announces takes no memory before its elements arrive.
/// Source: https://redis.io/docs/reference/protocol-spec/
class answer_reader {
 public:
  answer_reader();
  ~answer_reader();
  answer_reader(const answer_reader&) = delete;
  answer_reader& operator=(const answer_reader&) = delete;

  static constexpr std::size_t most_bytes = 8388608;
  static constexpr std::size_t most_values = 262144;

  /// Parses `data` whole and appends the answers that it completed to `out`.
  /// Errors: false with error(); `out` has the answers before the error. The
  /// caller closes the connection.
  bool feed(std::string_view data, std::vector<answer>& out);
  const std::string& error() const { return error_; }

 private:
  struct hooks;
  struct builder;
  std::unique_ptr<builder> builder_;
  std::size_t unfinished_ = 0;  ///< bytes fed since the last answer ended
  std::string error_;
};

}  // namespace status2::redis
