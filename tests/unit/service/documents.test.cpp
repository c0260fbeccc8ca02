#include "service/documents.hpp"

#include "service/configuration_keys.hpp"

#include <caf/test/unit_test.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

using namespace status2::service;

namespace {

/// A file of the project, or nothing where it is absent.
std::string project_file(const std::string& path) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread in this test
  const char* root = std::getenv("STATUS2_SOURCE");
  if (root == nullptr) throw std::runtime_error("STATUS2_SOURCE is not set");
  std::ifstream file(std::string(root) + "/" + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void check_current(const std::string& path, const std::string& generated) {
  const bool current = project_file(path) == generated;
  CAF_MESSAGE(path << " is what ./dev docs writes");
  CAF_CHECK(current);
}

}  // namespace

CAF_TEST(generated documents are current) {
  check_current("docs/configuration.md", configuration_document());
  check_current("docs/metrics.md", metrics_document());
  check_current("docs/logs.md", logs_document());
  check_current("compose/.env.example", environment_document());
}

CAF_TEST(a document goes by its name) {
  CAF_CHECK(document("configuration") == configuration_document());
  CAF_CHECK(document("env") == environment_document());
  CAF_CHECK(document("metrics") == metrics_document());
  CAF_CHECK(document("logs") == logs_document());
  CAF_CHECK(!document("other"));
}

CAF_TEST(the example of an environment holds what is accepted) {
  std::istringstream lines(environment_document());
  variables texts;
  for (std::string line; std::getline(lines, line);) {
    CAF_CHECK(line.size() <= 80);
    // A copy of it changes nothing: every line of it is a comment.
    CAF_CHECK(line.empty() || line[0] == '#');
    const auto equals = line.find('=');
    if (line.size() < 2 || line[1] == ' ' || equals == std::string::npos)
      continue;
    texts[line.substr(1, equals - 1)] = line.substr(equals + 1);
  }
  CAF_CHECK_EQUAL(texts.size(), keys().size());
  CAF_CHECK_EQUAL(load_configuration(texts, {}).error, std::string());
}

CAF_TEST(the messages that operators search for are documented) {
  const auto text = logs_document();
  for (const char* message :
       {"redis subscribe established", "redis stream interrupted",
        "redis subscribe failed", "shutdown signal received"}) {
    CAF_MESSAGE(message);
    CAF_CHECK(text.find(message) != std::string::npos);
  }
}

CAF_TEST(a printed configuration names sources and holds no secret) {
  const auto loaded =
      load_configuration({{"REDIS_URL", "redis://user:hidden@host/2"},
                          {"REDIS_PASSWORD", "hidden"},
                          {"STATUS_PING_INTERVAL", "3s"}},
                         {{"STATUS_HANGUP", "true"}});
  const auto text = print_configuration(loaded);
  for (const char* line :
       {"STATUS_REDIS_URL=redis://user:***@host/2  # REDIS_URL\n",
        "STATUS_PING_INTERVAL=3s  # environment\n",
        "STATUS_HANGUP=true  # --hangup\n",
        "STATUS_PONG_TIMEOUT=75s  # default\n"}) {
    CAF_MESSAGE(line);
    CAF_CHECK(text.find(line) != std::string::npos);
  }
  CAF_CHECK(text.find("hidden") == std::string::npos);
}

CAF_TEST(a check of the configuration names settings without effect) {
  CAF_CHECK(check_report({}) == "configuration ok\n");
  const auto loaded =
      load_configuration({{"STATUS_REDIS_URL", "redis://h?timeout=secret"},
                          {"STATUS_REDIS_CA_FILE", "/ca.pem"}},
                         {});
  CAF_CHECK(check_report(loaded.values) ==
            "configuration ok\nwithout effect: option timeout of the Redis "
            "URL, STATUS_REDIS_CA_FILE\n");
}
