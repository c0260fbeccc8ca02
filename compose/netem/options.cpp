#include "compose/netem/options.hpp"

#include "compose/netem/failure.hpp"
#include "compose/netem/tally.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <string>

namespace status2::netem {

const std::string_view usage_text =
    R"(usage: status2_netem run --interface NAME --direction out|in [flags]
       status2_netem status    list own rules; exit 0: none, 5: some left
       status2_netem cleanup   remove every rule marked status2-drill:
       status2_netem probe     say which ways to delay packets work here

flags of run
  --delay TIME            200ms, 1500us, 1s (0)
  --jitter TIME           delay - jitter to delay + jitter (0)
  --distribution SHAPE    uniform, or normal: jitter is one sigma (uniform)
  --loss SHARE            2%, 0.5% (0%)
  --peer-port N           only packets to (out) or from (in) this port
  --local-port N          only packets from (out) or to (in) this port
  --protocol tcp|udp      what a port belongs to (tcp)
  --for TIME              end by itself; else SIGTERM or SIGINT ends it
  --mark NAME             comment status2-drill:NAME (netem)
  --seed N                of the losses and delays (1)
  --queue N               NFQUEUE's number (5742)
)";

namespace {

[[noreturn]] void reject(std::string_view flag, std::string_view value,
                         const char* wanted) {
  throw failure(exit_code::usage, std::string(flag) + " " + std::string(value) +
                                      ": wanted is " + wanted);
}

// The number at the start of `text` and the rest of it.
std::optional<std::pair<double, std::string_view>> leading_number(
    std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] =
      std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || !(number >= 0)) return std::nullopt;
  return std::pair{number, text.substr(stop - text.data())};
}

duration time_of(std::string_view flag, std::string_view value) {
  static const std::map<std::string_view, double> units = {
      {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}};
  const auto parts = leading_number(value);
  const auto unit = parts ? units.find(parts->second) : units.end();
  // A day: nobody means more, and it fits.
  if (unit == units.end() || parts->first * unit->second > 86400e9)
    reject(flag, value, "a time such as 200ms");
  return duration(static_cast<duration::rep>(parts->first * unit->second));
}

double share_of(std::string_view flag, std::string_view value) {
  const auto parts = leading_number(value);
  if (!parts || parts->second != "%" || parts->first > 100)
    reject(flag, value, "0% to 100%");
  return parts->first / 100;
}

template <class Number>
Number number_of(std::string_view flag, std::string_view value) {
  Number number = 0;
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || stop != end) reject(flag, value, "a number");
  return number;
}

// A comment or the name of an interface: nothing that iptables reads otherwise.
std::string name_of(std::string_view flag, std::string_view value,
                    std::size_t longest) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  if (value.empty() || value.size() > longest || value.front() == '-' ||
      !std::ranges::all_of(value, plain))
    reject(flag, value, "a name of letters, digits and - _ .");
  return std::string(value);
}

template <class Choice>
Choice choice_of(
    std::string_view flag, std::string_view value,
    std::initializer_list<std::pair<std::string_view, Choice>> choices) {
  std::string names;
  for (const auto& [name, choice] : choices) {
    if (name == value) return choice;
    names += (names.empty() ? "" : " or ") + std::string(name);
  }
  reject(flag, value, names.c_str());
}

using setter = std::function<void(options&, std::string_view flag,
                                  std::string_view value)>;

const std::map<std::string_view, setter>& flags() {
  using text = std::string_view;
  static const std::map<text, setter> table = {
      {"--interface", [](options& o, text f,
                         text v) { o.rule.interface = name_of(f, v, 15); }},
      {"--direction",
       [](options& o, text f, text v) {
         o.rule.way = choice_of<direction>(
             f, v, {{"out", direction::out}, {"in", direction::in}});
       }},
      {"--protocol",
       [](options& o, text f, text v) {
         o.rule.protocol =
             choice_of<std::string>(f, v, {{"tcp", "tcp"}, {"udp", "udp"}});
       }},
      {"--peer-port",
       [](options& o, text f, text v) {
         o.rule.peer_port = number_of<std::uint16_t>(f, v);
       }},
      {"--local-port",
       [](options& o, text f, text v) {
         o.rule.local_port = number_of<std::uint16_t>(f, v);
       }},
      {"--queue",
       [](options& o, text f, text v) {
         o.rule.queue = number_of<std::uint16_t>(f, v);
       }},
      {"--mark",
       [](options& o, text f, text v) { o.rule.mark = name_of(f, v, 64); }},
      {"--delay",
       [](options& o, text f, text v) { o.link.delay = time_of(f, v); }},
      {"--jitter",
       [](options& o, text f, text v) { o.link.jitter = time_of(f, v); }},
      {"--loss",
       [](options& o, text f, text v) { o.link.loss = share_of(f, v); }},
      {"--distribution",
       [](options& o, text f, text v) {
         o.link.shape =
             choice_of<distribution>(f, v,
                                     {{"uniform", distribution::uniform},
                                      {"normal", distribution::normal}});
       }},
      {"--seed", [](options& o, text f,
                    text v) { o.link.seed = number_of<std::uint64_t>(f, v); }},
      {"--for", [](options& o, text f, text v) { o.run_for = time_of(f, v); }},
  };
  return table;
}

void check_run(const options& parsed, bool direction_given) {
  const auto fail = [](const char* why) {
    throw failure(exit_code::usage, why);
  };
  if (parsed.rule.interface.empty())
    fail(
        "--interface is missing: without it loopback and healthchecks are "
        "delayed too");
  if (!direction_given) fail("--direction is missing: out or in");
  if (parsed.link.jitter > parsed.link.delay)
    fail(
        "--jitter is larger than --delay: a packet cannot arrive before it is "
        "sent");
  if (parsed.link.delay + parsed.link.jitter > longest_delay)
    fail("--delay and --jitter together are longer than 10 s");
}

}  // namespace

options parse_options(std::span<const std::string_view> words) {
  options parsed;
  if (words.empty()) throw failure(exit_code::usage, "which command?");
  if (words[0] == "help" || words[0] == "--help" || words[0] == "-h")
    return parsed;
  parsed.what = choice_of<verb>("command", words[0],
                                {{"run", verb::run},
                                 {"status", verb::status},
                                 {"cleanup", verb::cleanup},
                                 {"probe", verb::probe}});
  bool direction_given = false;
  for (std::size_t at = 1; at < words.size(); at += 2) {
    const auto flag = flags().find(words[at]);
    if (flag == flags().end() || parsed.what != verb::run)
      throw failure(exit_code::usage,
                    "no such flag: " + std::string(words[at]));
    if (at + 1 == words.size())
      throw failure(exit_code::usage,
                    std::string(words[at]) + " needs a value");
    flag->second(parsed, words[at], words[at + 1]);
    direction_given |= words[at] == "--direction";
  }
  if (parsed.what == verb::run) check_run(parsed, direction_given);
  return parsed;
}

}  // namespace status2::netem
