#include "service/options.hpp"

#include "service/configuration_keys.hpp"
#include "service/exit_codes.hpp"

#include <caf/test/unit_test.hpp>

#include <csignal>

using namespace status2::service;

namespace {

options parse(std::vector<std::string> words) {
  return parse_command_line(std::move(words));
}

std::string flag_of(const options& chosen, const std::string& variable) {
  const auto found = chosen.flags.find(variable);
  return found == chosen.flags.end() ? "" : found->second;
}

}  // namespace

CAF_TEST(no words serve) {
  const auto chosen = parse({});
  CAF_CHECK_EQUAL(chosen.error, "");
  CAF_CHECK(chosen.what == verb::serve);
}

CAF_TEST(each verb is known) {
  CAF_CHECK(parse({"--check-config"}).what == verb::check_config);
  CAF_CHECK(parse({"--print-config"}).what == verb::print_config);
  CAF_CHECK(parse({"--version"}).what == verb::version);
  CAF_CHECK(parse({"--help"}).what == verb::help);
  CAF_CHECK(parse({"watch", "--help"}).what == verb::help);
  CAF_CHECK(parse({"healthcheck"}).what == verb::healthcheck);
  CAF_CHECK(parse({"docs", "env"}).what == verb::docs);
}

CAF_TEST(a probe goes with the check of the configuration) {
  const auto chosen = parse({"--check-config", "--probe"});
  CAF_CHECK_EQUAL(chosen.error, "");
  CAF_CHECK(chosen.what == verb::check_config);
  CAF_CHECK(chosen.probe);
  CAF_CHECK(!parse({"--check-config"}).probe);
  CAF_CHECK_EQUAL(parse({"--probe"}).error, "--probe needs --check-config");
}

CAF_TEST(every key has a flag that takes a text) {
  for (const auto& row : keys()) {
    if (row.fallback_only) continue;
    const auto chosen = parse({flag_name(row) + "=some text"});
    CAF_MESSAGE(row.variable);
    CAF_CHECK_EQUAL(chosen.error, "");
    CAF_CHECK(flag_of(chosen, std::string(row.variable)) == "some text");
    CAF_CHECK(chosen.what == verb::serve);
  }
}

CAF_TEST(a flag may stand apart from its text) {
  const auto chosen =
      parse({"--listen-addr", "[::1]:9002", "--ping-interval", "1s"});
  CAF_CHECK_EQUAL(chosen.error, "");
  CAF_CHECK(flag_of(chosen, "STATUS_LISTEN_ADDR") == "[::1]:9002");
  CAF_CHECK(flag_of(chosen, "STATUS_PING_INTERVAL") == "1s");
}

CAF_TEST(a boolean flag alone means true and takes nothing that follows) {
  const auto chosen = parse({"--hangup", "--metrics-enabled=false"});
  CAF_CHECK_EQUAL(chosen.error, "");
  CAF_CHECK(flag_of(chosen, "STATUS_HANGUP") == "true");
  CAF_CHECK(flag_of(chosen, "STATUS_METRICS_ENABLED") == "false");
}

CAF_TEST(the last of two flags counts) {
  const auto chosen = parse({"--ping-interval=1s", "--ping-interval=2s"});
  CAF_CHECK_EQUAL(chosen.error, "");
  CAF_CHECK(flag_of(chosen, "STATUS_PING_INTERVAL") == "2s");
}

CAF_TEST(flags may follow the verbs that use the configuration) {
  const auto chosen = parse({"healthcheck", "--listen-addr", ":9100"});
  CAF_CHECK_EQUAL(chosen.error, "");
  CAF_CHECK(flag_of(chosen, "STATUS_LISTEN_ADDR") == ":9100");
}

CAF_TEST(publish takes a channel and any text) {
  for (const char* text : {"hello", "-", "[1,2]", "a b", "watch", "{}", ""}) {
    const auto chosen = parse({"publish", "run:log", text});
    CAF_MESSAGE(text);
    CAF_CHECK_EQUAL(chosen.error, "");
    CAF_CHECK(chosen.what == verb::publish);
    const std::vector<std::string> words{"run:log", text};
    CAF_CHECK_EQUAL(chosen.arguments, words);
  }
}

CAF_TEST(watch takes an address and its settings) {
  const auto chosen =
      parse({"watch", "--count", "3", "ws://localhost:9002/a:b", "--raw"});
  CAF_CHECK_EQUAL(chosen.error, "");
  CAF_CHECK(chosen.what == verb::watch);
  CAF_CHECK_EQUAL(chosen.count, 3u);
  CAF_CHECK(chosen.raw);
  CAF_CHECK(!chosen.tail);
  CAF_CHECK(!chosen.event_stream);
  const std::vector<std::string> words{"ws://localhost:9002/a:b"};
  CAF_CHECK_EQUAL(chosen.arguments, words);
}

CAF_TEST(watch takes what to begin with) {
  const auto chosen = parse(
      {"watch", "--tail", "5", "--since", "a-1.2", "--sse", "ws://h/a:b"});
  CAF_CHECK_EQUAL(chosen.error, "");
  CAF_CHECK(chosen.tail == 5u);
  CAF_CHECK_EQUAL(chosen.since, "a-1.2");
  CAF_CHECK(chosen.event_stream);
}

CAF_TEST(chaos takes what to do and to whom) {
  const auto tree = parse({"chaos", "tree"});
  CAF_CHECK_EQUAL(tree.error, "");
  CAF_CHECK(tree.what == verb::chaos);
  const auto kill =
      parse({"chaos", "--listen-addr", ":9100", "kill", "subscriber:run:log"});
  CAF_CHECK_EQUAL(kill.error, "");
  CAF_CHECK(flag_of(kill, "STATUS_LISTEN_ADDR") == ":9100");
  const std::vector<std::string> words{"kill", "subscriber:run:log"};
  CAF_CHECK_EQUAL(kill.arguments, words);
  const auto delay =
      parse({"chaos", "redis", "delay", "--ms", "200", "--for", "1m"});
  CAF_CHECK_EQUAL(delay.error, "");
  CAF_CHECK_EQUAL(delay.delay_ms, 200u);
  CAF_CHECK_EQUAL(delay.length, "1m");
}

CAF_TEST(what is not understood is an error of one line) {
  const std::vector<std::vector<std::string>> wrong{
      {"--no-such-flag"},
      {"word"},
      {"--listen-addr"},
      {"publish"},
      {"publish", "run:log"},
      {"publish", "run:log", "a", "b"},
      {"publish", "run:log", "--oops"},
      {"watch"},
      {"watch", "--count", "many", "ws://h/a:b"},
      {"healthcheck", "now"},
      {"docs"},
      {"chaos"},
      {"chaos", "kill"},
      {"chaos", "dance", "now"},
      {"chaos", "tree", "redis-link"},
  };
  for (const auto& words : wrong) {
    const auto error = parse(words).error;
    CAF_MESSAGE(caf::deep_to_string(words));
    CAF_CHECK(!error.empty());
    CAF_CHECK(error.find('\n') == std::string::npos);
  }
}

CAF_TEST(a flag that is none is named without what may be a secret) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong{
      {{"--redis-ulr=redis://:secret@h/"}, "unknown flag --redis-ulr"},
      {{"--redis-ulr", "redis://:secret@h/"}, "unknown flag --redis-ulr"},
      {{"redis://:secret@h/"}, "a word that is no command"},
      {{"dance"}, "no command dance"},
      {{"-psecret"}, "unknown flag -p"},
      {{"publish", "--redis-ulr=secret", "run:log", "text"},
       "unknown flag --redis-ulr"},
  };
  for (const auto& [words, line] : wrong)
    CAF_CHECK_EQUAL(parse(words).error, line);
}

CAF_TEST(the help names every exit code) {
  const auto text = help_text();
  const auto line = text.substr(text.find("Exit codes: "));
  for (const int code : {exit_ok, exit_failed, exit_usage, exit_supervisor_died,
                         exit_signalled + SIGINT, exit_signalled + SIGTERM}) {
    const auto at = line.find(" " + std::to_string(code));
    CAF_MESSAGE(code);
    CAF_CHECK(at < line.find("\n\n"));
  }
}

CAF_TEST(the help names every variable and flag) {
  const auto text = help_text();
  for (const auto& row : keys()) {
    CAF_MESSAGE(row.variable);
    CAF_CHECK(text.find(std::string(row.variable)) != std::string::npos);
    if (!row.fallback_only)
      CAF_CHECK(text.find("\n  " + flag_name(row) + " ") != std::string::npos);
  }
}
