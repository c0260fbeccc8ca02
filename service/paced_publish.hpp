/// `status2 publish --rate`: a steady producer for drills. Its messages carry
/// their number and their time, so that whoever receives them can tell what is
/// missing and how late they are.
#pragma once

#include "service/configuration.hpp"

#include <chrono>
#include <cstddef>
#include <iosfwd>
#include <string>

namespace status2::service {

struct paced_settings {
  std::string channel;
  std::size_t channels = 1;  ///< above 1: channel-0, channel-1 and so on
  double rate = 0;           ///< messages a second over all channels
  std::chrono::nanoseconds length{std::chrono::seconds{10}};
  std::size_t size = 128;  ///< bytes of a message, if its stamp is shorter
  /// Subscribe as well: how late is Redis alone?
  bool reference = false;
};

/// Publishes at a steady rate, each channel with numbers of its own from 0,
/// until the time is over or SIGINT or SIGTERM comes; then writes one JSON
/// object to `out`. An outage of Redis does not end it: what was due meanwhile
/// counts as skipped and takes no number. What was sent and not answered counts
/// as unanswered: it may or may not have been delivered.
/// Blocks: for the whole time. Errors: a line, if nothing was answered, or if
/// Redis refuses the SUBSCRIBE of a reference.
std::string publish_paced(const configuration& values,
                          const paced_settings& settings, std::ostream& out);

}  // namespace status2::service
