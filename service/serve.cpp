#include "service/serve.hpp"

#include "actors/log.hpp"
#include "redis/url.hpp"
#include "service/broker.hpp"
#include "service/broker_settings.hpp"
#include "service/logging.hpp"
#include "service/memory_reserve.hpp"
#include "service/version.hpp"

#include <boost/algorithm/string/join.hpp>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <unistd.h>
#include <utility>

namespace status2::service {

namespace {

using actors::log;
using actors::log_event;

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

int serve(load_result loaded, const configuration_loader& again) {
  auto& values = loaded.values;
  // Neither a client nor a reader of the log who goes away ends the process,
  // nor a signal that other programs rotate by, nor a reload too early.
  for (const int number : {SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2})
    std::signal(number, SIG_IGN);
  logging output(values.log_level);
  log(log_event::starting, {{"version", version()},
                            {"commit", commit()},
                            {"address", boost::join(values.listen_addr, ",")},
                            {"redis", redis::redacted(values.redis)}});
  warn_of(values);
  const bool lowered = limit_connections(values);
  log(log_event::connection_limit,
      {{"limit", static_cast<std::int64_t>(values.max_connections)},
       {"reason", lowered ? "open file descriptors" : "configuration"}});
  install_memory_reserve();
  broker running(loaded, again);
  const int code = running.serve();
  end_soon(code);
  output.finish();
  // Actors still run: nothing can be taken apart.
  if (!running.drained()) std::_Exit(code);
  return code;
}

}  // namespace status2::service
