#include "service/options.hpp"

#include "service/configuration_keys.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace status2::service {

namespace {

void add_flags(CLI::App& app, variables& flags) {
  for (const auto& row : keys()) {
    if (row.fallback_only) continue;
    auto& text = flags[std::string(row.variable)];
    if (row.kind == key_kind::flag) {
      app.add_flag(flag_name(row), text);
    } else {
      // What was given last counts, as in most programs.
      app.add_option(flag_name(row), text)->take_last();
    }
  }
}

/// A subcommand and how many words follow its name.
CLI::App* add_command(CLI::App& app, const std::string& name) {
  auto* command = app.add_subcommand(name);
  command->set_help_flag();
  command->allow_extras();
  return command;
}

/// What is said of the first flag among `words`, which nothing has taken. What
/// stands behind its name may be a secret.
std::string unknown_flag(const std::vector<std::string>& words) {
  const auto flag =
      std::find_if(words.begin(), words.end(), [](const std::string& word) {
        return word.size() > 1 && word[0] == '-';
      });
  if (flag == words.end()) return {};
  const bool is_long = flag->starts_with("--");
  return "unknown flag " + flag->substr(0, is_long ? flag->find('=') : 2);
}

/// What is said of words that are neither flags nor commands. One that looks
/// like a command is named; another may be a secret.
std::string unknown_word(const std::vector<std::string>& words) {
  const bool plain = std::all_of(words[0].begin(), words[0].end(),
                                 [](char c) { return c >= 'a' && c <= 'z'; });
  return plain ? "no command " + words[0] : "a word that is no command";
}

/// Takes the words after a subcommand's name. Errors: a line.
std::string take_arguments(const CLI::App& command, std::size_t wanted,
                           const std::string& usage, options& result) {
  result.arguments = command.remaining();
  auto error = unknown_flag(result.arguments);
  if (!error.empty()) return error;
  result.arguments.insert(result.arguments.end(), result.literal.begin(),
                          result.literal.end());
  if (result.arguments.size() != wanted) return "usage: status2 " + usage;
  return {};
}

std::string take_chaos_arguments(const CLI::App& command, options& result) {
  const bool alone = command.remaining() == std::vector<std::string>{"tree"};
  auto error = take_arguments(command, alone ? 1 : 2,
                              "chaos tree | chaos kill ACTOR | chaos redis "
                              "drop|stall|delay [--ms N] [--for 10s]",
                              result);
  if (!error.empty() || alone) return error;
  const auto& what = result.arguments[0];
  return what == "kill" || what == "redis"
             ? std::string()
             : "chaos knows tree, kill and redis, not " + what;
}

std::string take_token_arguments(const CLI::App& command, options& result) {
  const std::string usage = "token explain run:channel";
  auto error = take_arguments(command, 2, usage, result);
  if (!error.empty()) return error;
  if (result.arguments[0] != "explain") return "usage: status2 " + usage;
  result.arguments.erase(result.arguments.begin());
  return {};
}

}  // namespace

options parse_command_line(std::vector<std::string> arguments) {
  options result;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  // At most one: a text to publish may be the name of another.
  app.require_subcommand(0, 1);
  bool help = false;
  bool version = false;
  bool check = false;
  bool print = false;
  app.add_flag("-h,--help", help);
  app.add_flag("--version", version);
  app.add_flag("--check-config", check);
  app.add_flag("--probe", result.probe);
  app.add_flag("--print-config", print);
  add_flags(app, result.flags);
  auto* healthcheck = add_command(app, "healthcheck");
  add_flags(*healthcheck, result.flags);
  auto* publish = add_command(app, "publish");
  add_flags(*publish, result.flags);
  publish->add_option("--rate", result.rate)->check(CLI::Range(0.01, 1e6));
  publish->add_option("--for", result.length);
  publish->add_option("--channels", result.channels)
      ->check(CLI::Range(1, 100000));
  publish->add_option("--size", result.size)->check(CLI::Range(1, 1 << 20));
  publish->add_flag("--reference", result.reference);
  auto* watch = add_command(app, "watch");
  watch->add_option("--count", result.count);
  watch->add_flag("--raw", result.raw);
  watch->add_flag("--sse", result.event_stream);
  watch->add_option("--tail", result.tail);
  watch->add_option("--since", result.since);
  watch->add_option("--ca-file", result.ca_file);
  watch->add_option("--token-file", result.token_file);
  auto* chaos = add_command(app, "chaos");
  add_flags(*chaos, result.flags);
  chaos->add_option("--ms", result.delay_ms);
  chaos->add_option("--for", result.length);
  auto* token = add_command(app, "token");
  add_flags(*token, result.flags);
  auto* docs = add_command(app, "docs");
  for (auto* command : {healthcheck, publish, watch, chaos, token, docs})
    command->add_flag("-h,--help", help);
  const auto separator = std::ranges::find(arguments, "--");
  if (separator != arguments.end()) {
    result.literal.assign(separator + 1, arguments.end());
    arguments.erase(separator, arguments.end());
  }
  try {
    std::reverse(arguments.begin(), arguments.end());
    app.parse(std::move(arguments));
  } catch (const CLI::Error& error) {
    result.error = error.what();
    return result;
  }
  if (const auto words = app.remaining(); !words.empty()) {
    result.error = unknown_flag(words);
    if (result.error.empty()) result.error = unknown_word(words);
  } else if (help) {
    result.what = verb::help;
  } else if (version) {
    result.what = verb::version;
  } else if (healthcheck->parsed()) {
    result.what = verb::healthcheck;
    result.error = take_arguments(*healthcheck, 0, "healthcheck", result);
  } else if (publish->parsed()) {
    result.what = verb::publish;
    result.error =
        result.rate > 0
            ? take_arguments(*publish, 1, "publish --rate N run:channel",
                             result)
            : take_arguments(*publish, 2,
                             "publish run:channel TEXT|-; a TEXT that begins "
                             "with - stands behind --",
                             result);
  } else if (watch->parsed()) {
    result.what = verb::watch;
    result.error = take_arguments(
        *watch, 1,
        "watch [--count N] [--tail N] [--since ID] [--sse] [--raw] "
        "[--ca-file FILE] "
        "[--token-file FILE] "
        "ws://host:port/run:channel",
        result);
  } else if (chaos->parsed()) {
    result.what = verb::chaos;
    result.error = take_chaos_arguments(*chaos, result);
  } else if (token->parsed()) {
    result.what = verb::token_explain;
    result.error = take_token_arguments(*token, result);
  } else if (docs->parsed()) {
    result.what = verb::docs;
    result.error =
        take_arguments(*docs, 1, "docs configuration|env|metrics|logs", result);
  } else if (check) {
    result.what = verb::check_config;
  } else if (result.probe) {
    result.error = "--probe needs --check-config";
  } else if (print) {
    result.what = verb::print_config;
  }
  return result;
}

std::string help_text() {
  std::string text =
      "usage: status2 [flags]                       serve\n"
      "       status2 --check-config [flags]        say whether the "
      "configuration is sound\n"
      "       status2 --check-config --probe [flags]\n"
      "                                             and whether Redis serves "
      "its user: one\n"
      "                                             line per step\n"
      "       status2 --print-config [flags]        show it, without "
      "passwords\n"
      "       status2 healthcheck [flags]           exit 0 if a broker "
      "answers, else 1\n"
      "       status2 watch [--count N] [--tail N] [--since ID] [--sse] "
      "[--raw]\n"
      "               [--ca-file FILE] [--token-file FILE]\n"
      "               ws[s]://host:port/run:channel | "
      "ws+unix:///path:/run:channel\n"
      "                                             print messages as they "
      "come, after the\n"
      "                                             last N, or those behind "
      "ID; --sse: by\n"
      "                                             an event stream. With any "
      "of the three it\n"
      "                                             goes on after a loss from "
      "where it was.\n"
      "                                             --raw: whole frames; "
      "--ca-file: who\n"
      "                                             may vouch for the server, "
      "if not whom\n"
      "                                             the system trusts; "
      "--token-file: a token,\n"
      "                                             read for each attempt\n"
      "       status2 publish [flags] run:channel TEXT|-\n"
      "                                             publish through Redis; -: "
      "a message a\n"
      "                                             line of standard input\n"
      "       status2 publish [flags] --rate N [--for 10s] [--channels N] "
      "[--size BYTES]\n"
      "               [--reference] run:channel     publish stamped, numbered "
      "messages at a\n"
      "                                             steady rate and report; "
      "--reference:\n"
      "                                             how late Redis alone is\n"
      "       status2 chaos [flags] tree            show the living actors of "
      "a broker\n"
      "       status2 chaos [flags] kill ACTOR      kill one, as the tree "
      "names it\n"
      "       status2 chaos [flags] redis drop|stall|delay [--ms N] [--for "
      "10s]\n"
      "                                             harm its connections to "
      "Redis\n"
      "       status2 token [flags] explain run:channel\n"
      "                                             say whether the token on "
      "standard input\n"
      "                                             opens the channel, and "
      "why: exit 0 or 1\n"
      "       status2 docs configuration|env|metrics|logs\n"
      "                                             print a generated "
      "document\n"
      "       status2 --version | --help\n"
      "\n"
      "Exit codes: 0, 1 (could not), 2 (bad configuration or usage), 70 (a "
      "bug ended\n"
      "the broker), 130, 131 or 143 (a second signal did).\n"
      "\n"
      "Flags, each beside the variable that it overrides and the default.\n"
      "Empty means default. SIGHUP reads the file of --config again: a change "
      "is live,\nor it waits for a restart.\n";
  for (const auto& row : keys()) {
    if (row.fallback_only) continue;
    text += "\n  " + flag_name(row) + "  " + std::string(row.variable);
    if (!row.standard.empty()) text += "  [" + std::string(row.standard) + "]";
    text += "\n      " + std::string(row.sentence) +
            "\n      Accepted: " + accepted(row) +
            ". Change: " + std::string(name_of(row.on_reload)) + ".\n";
  }
  text += "\nVariables that stand in for empty ones, without a flag:\n";
  for (const auto& row : keys()) {
    if (!row.fallback_only) continue;
    text += "\n  " + std::string(row.variable) + "\n      " +
            std::string(row.sentence) + "\n";
  }
  return text;
}

}  // namespace status2::service
