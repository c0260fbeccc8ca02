#include "compose/netem/probe.hpp"

#include "compose/netem/command.hpp"
#include "compose/netem/failure.hpp"
#include "compose/netem/nfqueue_socket.hpp"
#include "compose/netem/rule_table.hpp"

#include <unistd.h>

namespace status2::netem {

namespace {

std::string line(const char* backend, const std::string& why_not) {
  std::string text = backend;
  if (why_not.empty()) return text + " yes\n";
  text += " no: ";
  for (const char c : why_not.substr(0, why_not.find_last_not_of('\n') + 1))
    text += c == '\n' ? ' ' : c;
  return text + '\n';
}

std::string own_interface(char end) {
  return "st2" + std::string(1, end) + std::to_string(getpid());
}

std::string try_nfqueue() {
  rule_settings settings;
  settings.mark = "probe";
  settings.queue = 5743;
  // No interface has this name: the rule sees no packet.
  settings.interface = own_interface('x');
  try {
    const nfqueue_socket queue(settings.queue);
    add_rule(settings);
    remove_rule(settings);
  } catch (const failure& error) {
    return error.what();
  }
  return {};
}

std::string try_tc() {
  const std::string name = own_interface('a');
  const command_result made =
      run_command({"ip", "link", "add", name, "type", "veth", "peer", "name",
                   own_interface('b')});
  if (made.exit_code != 0) return "ip link add: " + made.output;
  const command_result tried =
      run_command({"tc", "qdisc", "add", "dev", name, "root", "handle",
                   "5742:", "netem", "delay", "1ms"});
  const command_result gone = run_command({"ip", "link", "del", name});
  if (gone.exit_code != 0)
    throw failure(exit_code::left_over, "ip link del: " + gone.output);
  return tried.exit_code == 0 ? "" : "tc qdisc add: " + tried.output;
}

}  // namespace

std::string probe_backends() {
  return line("nfqueue", try_nfqueue()) + line("tc", try_tc());
}

}  // namespace status2::netem
