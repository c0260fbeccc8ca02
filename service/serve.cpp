#include "service/serve.hpp"

#include "actors/log.hpp"
#include "redis/url.hpp"
#include "service/broker.hpp"
#include "service/descriptor_limit.hpp"
#include "service/documents.hpp"
#include "service/logging.hpp"
#include "service/memory_reserve.hpp"
#include "service/version.hpp"

#include <boost/algorithm/string/join.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <unistd.h>
#include <utility>

namespace status2::service {

namespace {

using actors::log;
using actors::log_event;

/// Browsers slow the timers of hidden tabs to one a minute.
constexpr std::chrono::minutes least_pong_timeout{1};

void warn_of(const configuration& values) {
  if (values.allowed_origins.empty()) log(log_event::any_origin);
  if (values.pong_timeout < least_pong_timeout)
    log(log_event::short_pong_timeout);
  if (!values.jwt_keys.empty())
    log(log_event::tokens_needed,
        {{"keys", static_cast<std::int64_t>(values.jwt_keys.size())}});
  if (!values.ignored.empty())
    log(log_event::settings_ignored, {{"settings", ignored_text(values)}});
}

void limit_connections(configuration& values) {
  const auto wanted = values.max_connections;
  values.max_connections = connections_within(raise_descriptor_limit(), wanted);
  const bool lowered = values.max_connections < wanted;
  log(log_event::connection_limit,
      {{"limit", static_cast<std::int64_t>(values.max_connections)},
       {"reason", lowered ? "open file descriptors" : "configuration"}});
}

volatile std::sig_atomic_t late_code = 0;

void end_late(int) {
  std::_Exit(late_code);
}

/// Ends the process with `code` unless it has ended by itself soon. The log may
/// have no reader any more. Destroying the I/O loops waits for the thread that
/// looks up names, and a getaddrinfo that hangs cannot be cut short. Not always
/// and at once: what the destructors do not free, LeakSanitizer should see.
void end_soon(int code) {
  constexpr unsigned seconds = 2;
  late_code = code;
  std::signal(SIGALRM, end_late);
  ::alarm(seconds);
}

}  // namespace

int serve(configuration values) {
  // Neither a client nor a reader of the log who goes away ends the process,
  // nor a signal that other programs reload or rotate by.
  for (const int number : {SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2})
    std::signal(number, SIG_IGN);
  logging output(values.log_level);
  log(log_event::starting, {{"version", version()},
                            {"commit", commit()},
                            {"address", boost::join(values.listen_addr, ",")},
                            {"redis", redis::redacted(values.redis)}});
  warn_of(values);
  limit_connections(values);
  install_memory_reserve();
  broker running(values);
  const int code = running.serve();
  end_soon(code);
  output.finish();
  // Actors still run: nothing can be taken apart.
  if (!running.drained()) std::_Exit(code);
  return code;
}

}  // namespace status2::service
