// The tests' own tools: programs.
#include "tests/support/process.hpp"

#include <caf/test/unit_test.hpp>

#include <csignal>

using namespace status2::support;
using namespace std::chrono_literals;

CAF_TEST(output_and_exit_code_are_kept) {
  const auto result =
      run({.command = {"sh", "-c", "echo one; echo two >&2; exit 3"}});
  CAF_CHECK_EQUAL(result.exit_code.value_or(-1), 3);
  CAF_CHECK_EQUAL(result.output, "one\n");
  CAF_CHECK_EQUAL(result.errors, "two\n");
}

CAF_TEST(the_environment_is_the_one_given) {
  const auto result = run({.command = {"env"}, .variables = {{"A", "b c"}}});
  CAF_CHECK(result.output.find("A=b c\n") != std::string::npos);
  CAF_CHECK(result.output.find("HOME=") == std::string::npos);
}

CAF_TEST(input_is_read) {
  const auto result = run({.command = {"cat"}, .input = "text\n"});
  CAF_CHECK_EQUAL(result.output, "text\n");
}

CAF_TEST(a_limit_of_descriptors_holds) {
  const auto result =
      run({.command = {"sh", "-c", "ulimit -n"}, .descriptors = 77});
  CAF_CHECK_EQUAL(result.output, "77\n");
}

CAF_TEST(a_signal_shows_in_the_exit_code) {
  process sleeper({.command = {"sleep", "60"}});
  CAF_CHECK(sleeper.running());
  CAF_CHECK(!sleeper.wait(1ms));
  sleeper.signal(SIGTERM);
  CAF_CHECK_EQUAL(sleeper.wait(5s).value_or(-1), 128 + SIGTERM);
}

CAF_TEST(a_program_that_is_not_there_ends_with_127) {
  CAF_CHECK_EQUAL(run({.command = {"/nowhere"}}).exit_code.value_or(-1), 127);
}
