/// What the subscription machine knows of one connection: its unanswered
/// requests, how long it has been silent, and up to when its messages are
/// complete. Pure.
#pragma once

#include "redis/link_action.hpp"
#include "redis/reply_reader.hpp"
#include "redis/request_ledger.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace status2::redis {

/// Thread: one.
struct subscribed_connection {
  using time_point = std::chrono::steady_clock::time_point;

  explicit subscribed_connection(link_id number) : id(number) {}

  link_id id;
  bool open = false;
  bool renewed = false;  ///< opened with the settings of a change
  /// The SUBSCRIBEs after the connect were answered, not all with errors.
  bool established = false;
  time_point last_read{};
  time_point last_asked{};  ///< when the last request was sent
  request_ledger ledger;
  /// Channels whose request Redis answered with "not now", and when to repeat
  /// it.
  std::vector<std::string> postponed;
  time_point postponed_until{};
  std::vector<reply_batch> kept;  ///< of a second one: until it serves

  /// A request has been unanswered, with nothing read, for `limit`.
  bool overdue(std::chrono::nanoseconds limit, time_point now) const;
  /// When overdue() comes true or the next PING is due.
  time_point next_deadline(std::chrono::nanoseconds limit) const;

  /// Notes a read; after its replies have gone through `ledger`. `ponged`: it
  /// has answered a PING. Sets `batch.complete_until`.
  void note_read(reply_batch& batch, bool ponged, time_point now);
  /// See reply_batch::complete_until.
  time_point complete_until() const { return complete_until_; }
  /// Redis may have written more than has arrived: only the answer to a PING
  /// sent now can tell.
  bool needs_marker(time_point now) const;

 private:
  std::chrono::nanoseconds delay() const;

  time_point complete_until_{};
  /// Round trips of the last PINGs; the first one of any request.
  std::array<std::chrono::nanoseconds, 4> round_trips_{};
  std::size_t measured_ = 0;
  bool behind_ = false;
  time_point behind_since_{};
};

}  // namespace status2::redis
