#include "service/cli.hpp"

#include "service/chaos.hpp"
#include "service/documents.hpp"
#include "service/duration.hpp"
#include "service/exit_codes.hpp"
#include "service/healthcheck.hpp"
#include "service/options.hpp"
#include "service/paced_publish.hpp"
#include "service/probe.hpp"
#include "service/publish.hpp"
#include "service/token_explain.hpp"
#include "service/version.hpp"
#include "service/watch.hpp"
#include "transport/target.hpp"

#include <iostream>

namespace status2::service {

namespace {

int complain(int code, const std::string& line) {
  std::cerr << "status2: " << line << std::endl;
  return code;
}

int show(const std::string& text) {
  std::cout << text << std::flush;
  return std::cout ? exit_ok : exit_failed;
}

int print_document(const std::string& name) {
  const auto text = document(name);
  if (!text) return complain(exit_usage, "no such document: " + name);
  return show(*text);
}

/// Whether a viewer could ask for the channel.
bool can_be_watched(const std::string& channel) {
  const auto parsed = transport::parse_channel("/" + channel, {});
  return !parsed.refused && parsed.channel.full == channel &&
         !transport::is_reserved(parsed.channel);
}

int run_publish(const configuration& values, const options& chosen) {
  std::string error;
  if (!can_be_watched(chosen.arguments[0]))
    return complain(exit_usage, chosen.arguments[0] +
                                    " is not a channel that can be watched; "
                                    "such as run:channel");
  if (chosen.rate > 0) {
    const auto length = parse_duration(chosen.length);
    if (!length || length->count() <= 0)
      return complain(exit_usage, "--for=" + chosen.length +
                                      " is no duration; such as 30s or 5m");
    error = publish_paced(values,
                          {.channel = chosen.arguments[0],
                           .channels = chosen.channels,
                           .rate = chosen.rate,
                           .length = *length,
                           .size = chosen.size,
                           .reference = chosen.reference},
                          std::cout);
  } else {
    error = publish(values, chosen.arguments[0], chosen.arguments[1], std::cin);
  }
  return error.empty() ? exit_ok : complain(exit_failed, error);
}

int run_token_explain(const configuration& values, const std::string& channel) {
  if (!can_be_watched(channel))
    return complain(exit_usage, channel +
                                    " is not a channel that can be watched; "
                                    "such as run:channel");
  if (values.jwt_keys.empty())
    return complain(exit_usage,
                    "STATUS_JWT_KEY_FILE is empty: no client needs a token");
  return explain_token(values, channel, std::cin, std::cout) ? exit_ok
                                                             : exit_failed;
}

int check_config(const configuration& values, bool with_probe) {
  const auto shown = show(check_report(values));
  if (shown != exit_ok || !with_probe) return shown;
  return probe(values, std::cout) ? exit_ok : exit_failed;
}

/// The verbs that need a configuration.
int run_configured(const options& chosen, const serve_function& serve) {
  const configuration_loader load = [environment = read_environment(),
                                     flags = chosen.flags] {
    return load_configuration(environment, flags);
  };
  const auto loaded = load();
  if (!loaded.error.empty()) return complain(exit_usage, loaded.error);
  switch (chosen.what) {
    case verb::check_config:
      return check_config(loaded.values, chosen.probe);
    case verb::print_config:
      return show(print_configuration(loaded));
    case verb::healthcheck: {
      const auto error = healthcheck(loaded.values);
      return error.empty() ? exit_ok : complain(exit_failed, error);
    }
    case verb::publish:
      return run_publish(loaded.values, chosen);
    case verb::chaos: {
      const auto error = chaos(loaded.values, chosen, std::cout);
      return error.empty() ? exit_ok : complain(exit_failed, error);
    }
    case verb::token_explain:
      return run_token_explain(loaded.values, chosen.arguments[0]);
    default:
      return serve(loaded, load);
  }
}

int run_watch(const options& chosen) {
  const auto target = parse_watch_url(chosen.arguments[0]);
  if (!target)
    return complain(exit_usage, chosen.arguments[0] +
                                    " is not accepted; accepted: "
                                    "ws://host[:port]/run:channel, the same "
                                    "with wss, or "
                                    "ws+unix:///path/of/socket:/run:channel");
  const auto error =
      watch(*target,
            {chosen.count, chosen.raw, chosen.event_stream, chosen.tail,
             chosen.since, chosen.ca_file, chosen.token_file},
            std::cout, std::cerr);
  return error.empty() ? exit_ok : complain(exit_failed, error);
}

}  // namespace

int run_command(std::vector<std::string> arguments,
                const serve_function& serve) {
  const auto chosen = parse_command_line(std::move(arguments));
  if (!chosen.error.empty())
    return complain(exit_usage, chosen.error + "; see status2 --help");
  switch (chosen.what) {
    case verb::help:
      return show(help_text());
    case verb::version:
      return show("status2 " + std::string(version()) + " (" +
                  std::string(commit()) + ")\n");
    case verb::docs:
      return print_document(chosen.arguments[0]);
    case verb::watch:
      return run_watch(chosen);
    default:
      return run_configured(chosen, serve);
  }
}

}  // namespace status2::service
