/// Tickets: single-use stand-ins for tokens, for clients that can send nothing
/// but an address. Pure: time comes in as an argument.
#pragma once

#include "transport/token.hpp"

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace status2::transport {

/// Thread: one at a time.
class ticket_store {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds lifetime{30};

  /// At most `most` tickets that are neither used nor too old, whose patterns
  /// of channels take at most `most_bytes` together.
  explicit ticket_store(std::size_t most = 10'000,
                        std::size_t most_bytes = 4U << 20U);

  /// A new ticket, which stands for `claims`: 43 characters that nobody can
  /// guess. Errors: nothing if there are too many.
  std::optional<std::string> add(token_claims claims, time_point now);
  /// Takes the ticket out. Errors: nothing if it is unknown, was used or is too
  /// old.
  std::optional<token_claims> take(std::string_view ticket, time_point now);

  std::size_t size() const { return tickets_.size(); }
  std::size_t bytes() const { return bytes_; }
  /// Drops those that are too old.
  void expire(time_point now);

 private:
  struct entry {
    std::string ticket;
    token_claims claims;
    std::size_t bytes;
    time_point end;
  };
  using entries = std::list<entry>;

  void drop(entries::iterator at);

  const std::size_t most_;
  const std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  entries tickets_;  ///< the oldest first
  std::unordered_map<std::string_view, entries::iterator> by_text_;
};

}  // namespace status2::transport
