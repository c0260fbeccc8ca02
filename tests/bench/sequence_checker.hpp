/// What one viewer received of a numbered channel: nothing missing, nothing
/// twice, nothing out of order? Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace status2::bench {

/// Numbers start at 0 and go up by one. Order: as received.
class sequence_checker {
 public:
  void receive(std::uint64_t number) {
    if (number == next_)
      ++next_;
    else
      receive_out_of_turn(number);
  }

  /// How many of the first `published` numbers never came.
  std::uint64_t lost(std::uint64_t published) const;
  /// Came although it had come before.
  std::uint64_t duplicated() const { return duplicated_; }
  /// Came after a higher one.
  std::uint64_t reordered() const { return reordered_; }

 private:
  struct gap {
    std::uint64_t begin;
    std::uint64_t end;
  };

  void receive_out_of_turn(std::uint64_t number);
  bool fill(std::uint64_t number);

  std::uint64_t next_ = 0;
  std::uint64_t duplicated_ = 0;
  std::uint64_t reordered_ = 0;
  std::vector<gap> gaps_;
};

}  // namespace status2::bench
