// Which Redis the variables lead to, and how the broker logs in there.
#include "service/configuration.hpp"
#include "tests/support/temporary_directory.hpp"

#include <caf/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace status2;
using namespace status2::service;

namespace {

configuration load(const variables& environment) {
  const auto result = load_configuration(environment, {});
  CAF_CHECK_EQUAL(result.error, "");
  return result.values;
}

std::string error_of(const variables& environment,
                     const variables& flags = {}) {
  return load_configuration(environment, flags).error;
}

}  // namespace

CAF_TEST(the redis address falls back in the order of the contract) {
  variables environment{{"STATUS_REDIS_URL", "redis://a:1/1"},
                        {"REDIS_URL", "redis://b:2/3"},
                        {"REDIS_HOST", "c"},
                        {"REDIS_PORT", "4"}};
  CAF_CHECK(load(environment).redis_url == "redis://a:1/1");
  environment["STATUS_REDIS_URL"] = "";
  CAF_CHECK(load(environment).redis_url == "redis://b:2/3");
  environment.erase("REDIS_URL");
  CAF_CHECK(load(environment).redis_url == "redis://c:4/2");
  environment.erase("REDIS_PORT");
  CAF_CHECK(load(environment).redis_url == "redis://c:6379/2");
  CAF_CHECK(load({{"REDIS_PORT", "4"}}).redis_url == "redis://localhost:4/2");
  CAF_CHECK(load({{"REDIS_HOST", "::1"}}).redis_url == "redis://[::1]:6379/2");
}

CAF_TEST(the port of a kubernetes service is understood) {
  const char* service = "tcp://10.96.12.7:6380";
  CAF_CHECK(load({{"REDIS_PORT", service}}).redis_url ==
            "redis://10.96.12.7:6380/2");
  CAF_CHECK(load({{"REDIS_PORT", service}, {"REDIS_HOST", "c"}}).redis_url ==
            "redis://c:6380/2");
  CAF_CHECK(load({{"REDIS_PORT", "tcp://[fd00::7]:1"}}).redis_url ==
            "redis://[fd00::7]:1/2");
  for (const char* text : {"tcp://u:p@h:1", "tcp://h:1/3", "tcp://h:0",
                           "tcp://a,b", "udp://h:1", "70000", "-1", "6379x"}) {
    const auto error = error_of({{"REDIS_PORT", text}});
    CAF_CHECK_EQUAL(error, "REDIS_PORT=" + std::string(text) +
                               " is not accepted; accepted: a whole number "
                               "from 1 to 65535, or tcp://host:port");
  }
}

CAF_TEST(a host that holds more than a host is refused) {
  for (const char* host : {"h/3", "h?x=1", "a,b", "u@h", "h:1", "[::1]:2"})
    CAF_CHECK(error_of({{"REDIS_HOST", host}})
                  .starts_with("REDIS_HOST=" + std::string(host) +
                               " is not accepted"));
}

CAF_TEST(variables that are not used are not judged) {
  const support::temporary_directory directory;
  const auto absent = directory.path() + "/absent";
  const auto password = directory.write("password", "one");
  variables environment{{"STATUS_REDIS_URL", "redis://a:1/1"},
                        {"REDIS_URL", "no url"},
                        {"REDIS_HOST", "no host"},
                        {"REDIS_PORT", "no port"},
                        {"STATUS_REDIS_PASSWORD_FILE", password},
                        {"REDIS_PASSWORD_FILE", absent}};
  CAF_CHECK(load(environment).redis_url == "redis://a:1/1");
  // Each is judged as soon as it is used.
  environment["STATUS_REDIS_PASSWORD_FILE"] = "";
  CAF_CHECK(error_of(environment).starts_with("REDIS_PASSWORD_FILE="));
  environment["STATUS_REDIS_URL"] = "redis://:two@a:1/1";
  CAF_CHECK(load(environment).redis.password == "two");
  environment["STATUS_REDIS_URL"] = "";
  CAF_CHECK(error_of(environment).starts_with("REDIS_URL=***: "));
  environment["REDIS_URL"] = "redis://:three@b:2/3";
  CAF_CHECK(load(environment).redis.password == "three");
  environment["REDIS_URL"] = "";
  CAF_CHECK(error_of(environment).starts_with("REDIS_PORT=no port "));
  environment["REDIS_PORT"] = "";
  CAF_CHECK(error_of(environment).starts_with("REDIS_HOST=no host "));
}

CAF_TEST(an error of a redis url names the part) {
  for (const char* variable : {"STATUS_REDIS_URL", "REDIS_URL"}) {
    const auto error = error_of({{variable, "redis://u:secret@a:1,b:x/2"}});
    CAF_CHECK(error.starts_with(
        std::string(variable) +
        "=redis://***: the port of host 2 is not a number from 1 to 65535; "
        "accepted: redis://"));
  }
  const auto error =
      error_of({}, {{"STATUS_REDIS_URL", "rediss://h?ssl_cert_reqs=none"}});
  CAF_CHECK(
      error.starts_with("STATUS_REDIS_URL=rediss://*** (from "
                        "--redis-url): the option ssl_cert_reqs"));
  CAF_CHECK(error.find("STATUS_REDIS_CA_FILE") != std::string::npos);
}

CAF_TEST(sentinels have a login of their own) {
  const support::temporary_directory directory;
  const auto file = directory.write("sentinel", "two\n");
  variables environment{
      {"STATUS_REDIS_URL", "redis-sentinel://u:one@s1,s2/mymaster/3"},
      {"STATUS_REDIS_SENTINEL_USER", "watcher"},
      {"STATUS_REDIS_SENTINEL_PASSWORD_FILE", file}};
  auto values = load(environment);
  CAF_CHECK(values.redis.kind == redis::topology::sentinel);
  CAF_CHECK_EQUAL(values.redis.user, "u");
  CAF_CHECK_EQUAL(values.redis.password, "one");
  CAF_CHECK_EQUAL(values.redis.sentinel_user, "watcher");
  CAF_CHECK_EQUAL(values.redis.sentinel_password, "two");
  CAF_CHECK(values.ignored.empty());
  environment["STATUS_REDIS_SENTINEL_PASSWORD_FILE"] = directory.path() + "/no";
  CAF_CHECK(error_of(environment)
                .starts_with("STATUS_REDIS_SENTINEL_PASSWORD_FILE="));
  // Another topology uses neither, and says so.
  environment["STATUS_REDIS_URL"] = "redis://h";
  values = load(environment);
  CAF_CHECK(values.redis.sentinel_user.empty());
  CAF_CHECK(values.redis.sentinel_password.empty());
  const std::vector<std::string> ignored{"STATUS_REDIS_SENTINEL_USER",
                                         "STATUS_REDIS_SENTINEL_PASSWORD_FILE"};
  CAF_CHECK_EQUAL(values.ignored, ignored);
}

CAF_TEST(sharded pub sub needs a cluster) {
  CAF_CHECK(!load({}).redis_sharded);
  variables environment{{"STATUS_REDIS_URL", "redis-cluster://n1,n2"},
                        {"STATUS_REDIS_SHARDED", "true"}};
  CAF_CHECK(load(environment).redis_sharded);
  for (const char* url : {"redis://h", "redis-sentinel://s/m", "unix:///p"}) {
    environment["STATUS_REDIS_URL"] = url;
    CAF_CHECK(error_of(environment)
                  .starts_with(
                      "STATUS_REDIS_SHARDED=true: needs a URL that begins with "
                      "redis-cluster://; accepted: "));
  }
}

CAF_TEST(files for tls are read where the url asks for tls) {
  const support::temporary_directory directory;
  const auto ca = directory.write("ca", "a");
  const auto cert = directory.write("cert", "b");
  const auto key = directory.write("key", "c");
  const auto absent = directory.path() + "/absent";
  const variables environment{{"STATUS_REDIS_URL", "rediss://h"},
                              {"STATUS_REDIS_CA_FILE", ca},
                              {"STATUS_REDIS_CERT_FILE", cert},
                              {"STATUS_REDIS_KEY_FILE", key}};
  const redis::tls_settings expected{ca, cert, key};
  for (const char* url :
       {"rediss://h", "rediss-sentinel://s/m", "valkeys-cluster://n"}) {
    auto changed = environment;
    changed["STATUS_REDIS_URL"] = url;
    CAF_CHECK(load(changed).redis_tls == expected);
  }
  for (const char* variable : {"STATUS_REDIS_CA_FILE", "STATUS_REDIS_CERT_FILE",
                               "STATUS_REDIS_KEY_FILE"}) {
    auto changed = environment;
    for (const auto& path : {absent, directory.path()}) {
      changed[variable] = path;
      CAF_CHECK_EQUAL(error_of(changed),
                      std::string(variable) + "=" + path +
                          ": cannot be read; accepted: the path of a readable "
                          "file");
    }
  }
  auto changed = environment;
  changed["STATUS_REDIS_KEY_FILE"] = "";
  CAF_CHECK(error_of(changed).starts_with("STATUS_REDIS_CERT_FILE=" + cert +
                                          ": needs STATUS_REDIS_KEY_FILE too"));
  changed = environment;
  changed["STATUS_REDIS_CERT_FILE"] = "";
  CAF_CHECK(error_of(changed).starts_with(
      "STATUS_REDIS_KEY_FILE=" + key + ": needs STATUS_REDIS_CERT_FILE too"));
  // Without TLS they have no effect, and are not judged.
  changed["STATUS_REDIS_URL"] = "redis://h";
  changed["STATUS_REDIS_CA_FILE"] = absent;
  const auto values = load(changed);
  CAF_CHECK(values.redis_tls == redis::tls_settings{});
  const std::vector<std::string> ignored{"STATUS_REDIS_CA_FILE",
                                         "STATUS_REDIS_KEY_FILE"};
  CAF_CHECK_EQUAL(values.ignored, ignored);
}

CAF_TEST(options of the url without effect are named without their values) {
  const auto values =
      load({{"REDIS_URL", "redis://h/2?timeout=5&a%0Ab=secret&db=2"}});
  const std::vector<std::string> ignored{"option timeout of the Redis URL",
                                         "option a?b of the Redis URL"};
  CAF_CHECK_EQUAL(values.ignored, ignored);
}

CAF_TEST(the redis password falls back in the order of the contract) {
  const support::temporary_directory directory;
  const auto first = directory.write("first", "one\n");
  const auto second = directory.write("second", "two\r\n");
  variables environment{{"STATUS_REDIS_PASSWORD_FILE", first},
                        {"REDIS_PASSWORD_FILE", second},
                        {"REDIS_PASSWORD", "three"}};
  CAF_CHECK(load(environment).redis.password == "one");
  environment.erase("STATUS_REDIS_PASSWORD_FILE");
  CAF_CHECK(load(environment).redis.password == "two");
  environment.erase("REDIS_PASSWORD_FILE");
  CAF_CHECK(load(environment).redis.password == "three");
}

CAF_TEST(the password of the url goes before all others) {
  const variables environment{{"STATUS_REDIS_URL", "redis://bob:four@h"},
                              {"STATUS_REDIS_PASSWORD_FILE", "/no/such/file"},
                              {"REDIS_PASSWORD", "three"}};
  CAF_CHECK(load(environment).redis.password == "four");
  CAF_CHECK(load(environment).redis.user == "bob");
  CAF_CHECK(
      load({{"STATUS_REDIS_URL", "redis://bob@h"}, {"REDIS_PASSWORD", "three"}})
          .redis.password == "three");
}

CAF_TEST(a password file that cannot be read is an error) {
  const support::temporary_directory directory;
  const auto absent = directory.path() + "/absent";
  for (const char* variable :
       {"STATUS_REDIS_PASSWORD_FILE", "REDIS_PASSWORD_FILE"}) {
    CAF_CHECK_EQUAL(error_of({{variable, absent}}),
                    std::string(variable) + "=" + absent +
                        ": cannot be read; accepted: the path of a readable "
                        "file");
    CAF_CHECK(!error_of({{variable, directory.path()}}).empty());
  }
}
