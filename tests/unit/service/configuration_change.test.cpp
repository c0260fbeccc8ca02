#include "service/configuration_change.hpp"

#include "tests/support/temporary_directory.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::service;
using namespace std::chrono_literals;
using status2::support::temporary_directory;

namespace {

using names = std::vector<std::string>;

load_result load(const variables& texts) {
  auto result = load_configuration(texts, {});
  CAF_REQUIRE_EQUAL(result.error, "");
  return result;
}

}  // namespace

CAF_TEST(the same configuration has no changes) {
  const auto running = load({});
  auto next = load({});
  const auto change = compare(running, next);
  CAF_CHECK(change.live.empty());
  CAF_CHECK(change.restart.empty());
}

CAF_TEST(live keys change and others keep the running value) {
  const auto running = load({{"STATUS_IO_THREADS", "2"}});
  auto next = load({{"STATUS_IO_THREADS", "3"},
                    {"STATUS_MAX_PAYLOAD", "2KB"},
                    {"STATUS_PING_INTERVAL", "1s"}});
  auto change = compare(running, next);
  CAF_CHECK_EQUAL(change.live, names{"STATUS_PING_INTERVAL"});
  CAF_CHECK_EQUAL(change.restart,
                  (names{"STATUS_MAX_PAYLOAD", "STATUS_IO_THREADS"}));
  CAF_CHECK(next.values.ping_interval == 1s);
  CAF_CHECK_EQUAL(next.values.io_threads, 2u);
  CAF_CHECK_EQUAL(next.values.max_payload, running.values.max_payload);
  // It is named again as long as it differs from what runs.
  auto again =
      load({{"STATUS_IO_THREADS", "3"}, {"STATUS_MAX_PAYLOAD", "2KB"}});
  change = compare(next, again);
  CAF_CHECK_EQUAL(change.restart,
                  (names{"STATUS_MAX_PAYLOAD", "STATUS_IO_THREADS"}));
}

CAF_TEST(a new content of a file is a change of the key that names it) {
  temporary_directory directory;
  const auto token = directory.write("token", "0123456789abcdef");
  const auto password = directory.write("password", "one");
  const variables texts{{"STATUS_CHAOS_TOKEN_FILE", token},
                        {"STATUS_REDIS_PASSWORD_FILE", password}};
  const auto running = load(texts);
  directory.write("token", "fedcba9876543210");
  auto next = load(texts);
  CAF_CHECK_EQUAL(compare(running, next).live,
                  names{"STATUS_CHAOS_TOKEN_FILE"});
  directory.write("password", "two");
  auto last = load(texts);
  CAF_CHECK_EQUAL(compare(next, last).live,
                  names{"STATUS_REDIS_PASSWORD_FILE"});
}

CAF_TEST(a secret that changes is a change) {
  const auto running = load({{"STATUS_REDIS_URL", "redis://:one@h/2"}});
  auto next = load({{"STATUS_REDIS_URL", "redis://:two@h/2"}});
  CAF_CHECK_EQUAL(compare(running, next).live, names{"STATUS_REDIS_URL"});
  const auto before = load({{"REDIS_PASSWORD", "one"}});
  auto after = load({{"REDIS_PASSWORD", "two"}});
  CAF_CHECK_EQUAL(compare(before, after).live, names{"REDIS_PASSWORD"});
}
