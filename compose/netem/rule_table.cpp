#include "compose/netem/rule_table.hpp"

#include "compose/netem/command.hpp"
#include "compose/netem/failure.hpp"

namespace status2::netem {

namespace {

command_result iptables(std::string_view table, const char* action,
                        const std::vector<std::string>& words) {
  // -w: wait for whoever holds the lock of the tables.
  std::vector<std::string> all = {"iptables", "-w", "-t", std::string(table),
                                  action};
  all.insert(all.end(), words.begin(), words.end());
  return run_command(all);
}

std::string told_by(const char* what, const command_result& result) {
  return std::string(what) + " failed (exit code " +
         std::to_string(result.exit_code) + "): " + result.output;
}

}  // namespace

std::vector<found_rule> own_rules() {
  const command_result saved = run_command({"iptables-save"});
  if (saved.exit_code != 0)
    throw failure(exit_code::refused, told_by("iptables-save", saved));
  return own_rules_in(saved.output);
}

void refuse_unless_free(const std::string& interface) {
  if (const auto rules = own_rules(); !rules.empty())
    throw failure(exit_code::refused,
                  "an own rule is already there: " + rules.front().text +
                      "\nif no run is alive: status2_netem cleanup");
  const command_result shown =
      run_command({"tc", "qdisc", "show", "dev", interface});
  if (shown.exit_code != 0)
    throw failure(exit_code::refused, told_by("tc qdisc show", shown));
  if (const auto foreign = foreign_qdisc_in(shown.output))
    throw failure(exit_code::refused,
                  "a foreign qdisc is on " + interface + ": " + *foreign);
}

void add_rule(const rule_settings& settings) {
  // At the end of its chain: the kernel takes a packet up again behind the
  // chain that queued it, so rules after ours would not be asked.
  const command_result added = iptables(rule_table, "-A", rule_words(settings));
  if (added.exit_code != 0)
    throw failure(exit_code::refused, told_by("iptables -A", added));
}

void remove_rule(const rule_settings& settings) {
  const command_result removed =
      iptables(rule_table, "-D", rule_words(settings));
  if (removed.exit_code == 0) return;
  for (const found_rule& rule : own_rules())
    throw failure(exit_code::left_over, "still there: " + rule.text + "\n" +
                                            told_by("iptables -D", removed));
}

std::vector<found_rule> remove_own_rules() {
  std::vector<found_rule> rules = own_rules();
  std::string errors;
  for (const found_rule& rule : rules) {
    const command_result removed = iptables(rule.table, "-D", rule.words);
    if (removed.exit_code != 0) errors += told_by("iptables -D", removed);
  }
  // What counts is what is there now, whoever removed it.
  if (const auto left = own_rules(); !left.empty())
    throw failure(exit_code::left_over,
                  "still there: " + left.front().text + "\n" + errors);
  return rules;
}

}  // namespace status2::netem
