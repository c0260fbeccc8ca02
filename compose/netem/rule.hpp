#pragma once

// Pure. The one iptables rule of a run, and how rules of ours are told from
// everybody else's: by their comment.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace status2::netem {

inline constexpr std::string_view mark_prefix = "status2-drill:";

enum class direction { out, in };

struct rule_settings {
  std::string interface;
  direction way = direction::out;
  /// Only asked for with a port.
  std::string protocol = "tcp";
  std::optional<std::uint16_t> peer_port;
  std::optional<std::uint16_t> local_port;
  std::uint16_t queue = 5742;
  std::string mark = "netem";
};

inline constexpr std::string_view rule_table = "mangle";

/// The chain and what follows it, for `iptables -A` and `-D`.
std::vector<std::string> rule_words(const rule_settings& settings);

struct found_rule {
  std::string table;
  /// The chain and what follows it.
  std::vector<std::string> words;
  /// As iptables-save wrote it.
  std::string text;
};

/// The rules whose comment begins with our mark, in the output of
/// iptables-save.
std::vector<found_rule> own_rules_in(std::string_view saved);

/// The first queueing discipline that somebody put on the interface, in the
/// output of `tc qdisc show dev`; nothing: only what the kernel puts there.
std::optional<std::string> foreign_qdisc_in(std::string_view shown);

}  // namespace status2::netem
