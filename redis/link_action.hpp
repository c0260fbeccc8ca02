/// The actions that the Redis link's machines demand.
#pragma once

#include "redis/endpoint.hpp"
#include "redis/reply_reader.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace status2::redis {

/// One connection of the link, never used again after it.
using link_id = std::uint64_t;

enum class action_kind : std::uint8_t {
  open,           ///< link: open a connection
  close,          ///< link: close it, no event of it counts any more
  subscribe,      ///< link, channels: one command
  unsubscribe,    ///< link, channels: one command
  ping,           ///< link
  live,           ///< link, channels: Redis has acknowledged them
  not_live,       ///< channels: may miss messages, since `since`
  missed,         ///< channels: live again, may have missed some since `since`
  deliver,        ///< batch: messages kept while the link was doubled
  established,    ///< all SUBSCRIBEs after a connect are answered, one at least
                  ///< is acknowledged
  added,          ///< channels: one more acknowledged on a working link
  interrupted,    ///< text, wait: the serving connection was lost
  failed,         ///< text, attempt, wait: an attempt failed
  refused,        ///< channels, text: Redis refuses these channels
  surfaced,       ///< attempt: so many failed in a row
  silent,         ///< a request went unanswered; a second one is opened
  first_chosen,   ///< the silent one spoke again; `established`: it served
  second_chosen,  ///< the second one took over
  dropped,        ///< link, channels: Redis ended the subscription by itself
  topology,       ///< read the cluster's topology
  mark,           ///< link, channels, text: publish text there, see renew()
  cannot_mark,    ///< link: answer with link_machine::without_marker()
  renewed,        ///< link: it serves, opened with the new settings
  renewal_failed,  ///< text, attempt, wait: the old connection serves on
};

struct action {
  action_kind kind;
  link_id link = 0;
  /// Of `open`: where; nothing if the endpoint source decides.
  std::optional<endpoint> where{};
  std::vector<std::string> channels{};
  std::string text{};
  std::uint32_t attempt = 0;
  std::chrono::nanoseconds wait{0};
  std::optional<std::chrono::steady_clock::time_point> since{};
  bool established = false;
  bool renewed = false;  ///< of `open`: with the new settings, see renew()
  reply_batch batch{};
};

}  // namespace status2::redis
