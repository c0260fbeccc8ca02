// status2_netem: makes a network link late and lossy where the kernel has no
// netem. Order of a run: queue, rule, packets; at the end rule, then packets.

#include "compose/netem/emulator.hpp"
#include "compose/netem/failure.hpp"
#include "compose/netem/options.hpp"
#include "compose/netem/probe.hpp"
#include "compose/netem/rule_table.hpp"

#include <cstdio>
#include <exception>
#include <signal.h>
#include <string>
#include <sys/signalfd.h>
#include <vector>

namespace {

using namespace status2::netem;

// Before anything is changed, so that no signal ends us between two steps.
descriptor block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return descriptor(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

std::string label_of(const rule_settings& rule) {
  return "\"mark\":\"" + rule.mark +
         "\",\"backend\":\"nfqueue\",\"interface\":\"" + rule.interface +
         "\",\"direction\":\"" + (rule.way == direction::out ? "out" : "in") +
         "\"";
}

void run(const options& parsed) {
  const descriptor signals = block_signals();
  refuse_unless_free(parsed.rule.interface);
  nfqueue_socket queue(parsed.rule.queue);
  emulator link(queue, signals.number(), parsed.link);
  const time_point start = std::chrono::steady_clock::now();
  add_rule(parsed.rule);
  std::fprintf(stderr, "status2_netem: active on %s\n",
               parsed.rule.interface.c_str());
  std::exception_ptr broken;
  try {
    link.run(parsed.run_for);
  } catch (...) {
    broken = std::current_exception();
  }
  // The rule goes whatever happened, and the packets even if it stays.
  const duration elapsed = std::chrono::steady_clock::now() - start;
  try {
    remove_rule(parsed.rule);
  } catch (...) {
    broken = std::current_exception();
  }
  link.release_all();
  std::printf("%s\n", to_json(link.counts(), label_of(parsed.rule),
                              parsed.link.seed, elapsed)
                          .c_str());
  if (broken) std::rethrow_exception(broken);
}

exit_code show_status() {
  const std::vector<found_rule> rules = own_rules();
  for (const found_rule& rule : rules)
    std::printf("%s: %s\n", rule.table.c_str(), rule.text.c_str());
  return rules.empty() ? exit_code::ok : exit_code::left_over;
}

void clean_up() {
  for (const found_rule& rule : remove_own_rules())
    std::printf("removed from %s: %s\n", rule.table.c_str(), rule.text.c_str());
}

exit_code execute(const options& parsed) {
  switch (parsed.what) {
    case verb::help:
      std::fwrite(usage_text.data(), 1, usage_text.size(), stdout);
      break;
    case verb::run:
      run(parsed);
      break;
    case verb::status:
      return show_status();
    case verb::cleanup:
      clean_up();
      break;
    case verb::probe:
      std::fputs(probe_backends().c_str(), stdout);
      break;
  }
  return exit_code::ok;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  try {
    return static_cast<int>(execute(parse_options(words)));
  } catch (const failure& error) {
    std::fprintf(stderr, "status2_netem: %s\n", error.what());
    if (error.code() == exit_code::usage)
      std::fputs("status2_netem: see status2_netem --help\n", stderr);
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "status2_netem: %s\n", error.what());
    return static_cast<int>(exit_code::failed);
  }
}
