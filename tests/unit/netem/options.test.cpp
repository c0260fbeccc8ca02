#include "compose/netem/options.hpp"

#include "compose/netem/failure.hpp"

#include <caf/test/unit_test.hpp>

#include <sstream>
#include <string>
#include <vector>

using namespace status2::netem;
using namespace std::chrono_literals;

namespace {

options parsed(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;)
    words.push_back(word);
  const std::vector<std::string_view> views(words.begin(), words.end());
  return parse_options(views);
}

// What is said about a wrong line; empty: it is taken.
std::string complaint(const std::string& line) {
  try {
    parsed(line);
  } catch (const failure& error) {
    CAF_CHECK(error.code() == exit_code::usage);
    return error.what();
  }
  return {};
}

bool names(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const std::string least = "run --interface eth0 --direction out ";

}  // namespace

CAF_TEST(the_line_of_the_playbook_is_understood) {
  const options found = parsed(
      "run --interface eth0 --direction in --peer-port 6379 --delay 200ms "
      "--jitter 50ms --loss 2% --for 30s --mark jitter --seed 5 --queue 9 "
      "--distribution normal --protocol udp --local-port 9002");
  CAF_CHECK(found.what == verb::run);
  CAF_CHECK_EQUAL(found.rule.interface, "eth0");
  CAF_CHECK(found.rule.way == direction::in);
  CAF_CHECK_EQUAL(*found.rule.peer_port, 6379);
  CAF_CHECK_EQUAL(*found.rule.local_port, 9002);
  CAF_CHECK_EQUAL(found.rule.protocol, "udp");
  CAF_CHECK_EQUAL(found.rule.mark, "jitter");
  CAF_CHECK_EQUAL(found.rule.queue, 9);
  CAF_CHECK(found.link.delay == 200ms);
  CAF_CHECK(found.link.jitter == 50ms);
  CAF_CHECK_EQUAL(found.link.loss, 0.02);
  CAF_CHECK(found.link.shape == distribution::normal);
  CAF_CHECK_EQUAL(found.link.seed, 5u);
  CAF_CHECK(found.run_for == 30s);
}

CAF_TEST(the_other_commands_take_no_flags) {
  CAF_CHECK(parsed("status").what == verb::status);
  CAF_CHECK(parsed("cleanup").what == verb::cleanup);
  CAF_CHECK(parsed("probe").what == verb::probe);
  CAF_CHECK(parsed("--help").what == verb::help);
  CAF_CHECK(names(complaint("cleanup --interface eth0"), "--interface"));
  CAF_CHECK(names(complaint("stop"), "run or status or cleanup or probe"));
  CAF_CHECK(!complaint("").empty());
}

CAF_TEST(interface_and_direction_must_be_named) {
  CAF_CHECK(names(complaint("run --direction out"), "--interface"));
  CAF_CHECK(names(complaint("run --interface eth0"), "--direction"));
  CAF_CHECK(!parsed(least).run_for);
}

CAF_TEST(times_have_units_and_shares_a_percent_sign) {
  CAF_CHECK(parsed(least + "--delay 1.5s").link.delay == 1500ms);
  CAF_CHECK(parsed(least + "--delay 250us").link.delay == 250us);
  CAF_CHECK(parsed(least + "--for 5m").run_for == 5min);
  CAF_CHECK_EQUAL(parsed(least + "--loss 0.5%").link.loss, 0.005);
  for (const char* wrong :
       {"--delay 200", "--delay -1ms", "--delay ms", "--delay 1h",
        "--delay nans", "--delay 1e3ms", "--for 2000m", "--loss 2",
        "--loss 101%", "--loss -1%", "--seed x", "--peer-port 65536",
        "--peer-port 1x", "--queue -1", "--protocol icmp"})
    CAF_CHECK(names(complaint(least + wrong), "wanted is"));
}

CAF_TEST(a_delay_that_cannot_be_is_refused) {
  CAF_CHECK(names(complaint(least + "--delay 10ms --jitter 20ms"), "--jitter"));
  CAF_CHECK(names(complaint(least + "--delay 9s --jitter 2s"), "10 s"));
  CAF_CHECK(complaint(least + "--delay 9s --jitter 1s").empty());
}

CAF_TEST(names_are_nothing_that_iptables_reads_otherwise) {
  for (const char* wrong : {"--mark a\"b", "--mark -j", "--interface !eth0",
                            "--interface eth+", "--interface 0123456789abcdef"})
    CAF_CHECK(names(complaint(least + wrong), "a name of"));
  CAF_CHECK(names(complaint(least + "--mark"), "needs a value"));
  CAF_CHECK(names(complaint(least + "--colour red"), "--colour"));
}
