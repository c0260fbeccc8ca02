#include "compose/netem/rule.hpp"

#include <algorithm>
#include <array>
#include <sstream>

namespace status2::netem {

namespace {

// iptables-save quotes a word with spaces; inside, a backslash protects.
std::vector<std::string> split_words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  bool open = false;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (c == '"') {
      quoted = !quoted;
      open = true;
    } else if (c == ' ' && !quoted) {
      if (open) words.push_back(std::move(word));
      word.clear();
      open = false;
    } else {
      word += c == '\\' && at + 1 < line.size() ? line[++at] : c;
      open = true;
    }
  }
  if (open) words.push_back(std::move(word));
  return words;
}

bool carries_mark(const std::vector<std::string>& words) {
  for (std::size_t at = 0; at + 1 < words.size(); ++at)
    if (words[at] == "--comment" && words[at + 1].starts_with(mark_prefix))
      return true;
  return false;
}

}  // namespace

std::vector<std::string> rule_words(const rule_settings& settings) {
  const bool out = settings.way == direction::out;
  std::vector<std::string> words = {out ? "OUTPUT" : "INPUT", out ? "-o" : "-i",
                                    settings.interface};
  const auto add = [&words](std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
  };
  if (settings.peer_port || settings.local_port) add({"-p", settings.protocol});
  if (settings.peer_port)
    add({out ? "--dport" : "--sport", std::to_string(*settings.peer_port)});
  if (settings.local_port)
    add({out ? "--sport" : "--dport", std::to_string(*settings.local_port)});
  add({"-m", "comment", "--comment", std::string(mark_prefix) + settings.mark});
  // Without us the queue lets everything pass, so a killed tool harms nobody.
  add({"-j", "NFQUEUE", "--queue-num", std::to_string(settings.queue),
       "--queue-bypass"});
  return words;
}

std::vector<found_rule> own_rules_in(std::string_view saved) {
  std::vector<found_rule> found;
  std::istringstream lines{std::string(saved)};
  std::string table;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('*')) table = line.substr(1);
    if (!line.starts_with("-A ")) continue;
    std::vector<std::string> words = split_words(line.substr(3));
    if (carries_mark(words)) found.push_back({table, std::move(words), line});
  }
  return found;
}

std::optional<std::string> foreign_qdisc_in(std::string_view shown) {
  static constexpr std::array defaults = {"noqueue", "pfifo_fast", "fq_codel",
                                          "mq"};
  std::istringstream lines{std::string(shown)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first, kind, handle;
    words >> first >> kind >> handle;
    if (first != "qdisc" || handle == "0:") continue;  // 0: is the kernel's own
    if (std::ranges::find(defaults, kind) == defaults.end())
      return kind.append(" ").append(handle);
  }
  return std::nullopt;
}

}  // namespace status2::netem
