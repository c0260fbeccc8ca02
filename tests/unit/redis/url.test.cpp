#include "redis/url.hpp"

#include <caf/test/unit_test.hpp>

#include <utility>

using namespace status2::redis;

namespace {

redis_url read(std::string_view text) {
  auto result = parse_url(text);
  CAF_MESSAGE(text);
  CAF_CHECK_EQUAL(result.problem, "");
  CAF_REQUIRE(result);
  return *result;
}

std::string problem(std::string_view text) {
  auto result = parse_url(text);
  CAF_MESSAGE(text);
  CAF_CHECK(!result);
  return result.problem;
}

using endpoints = std::vector<endpoint>;

bool leads_to(std::string_view text, const endpoints& expected) {
  CAF_MESSAGE(text);
  return read(text).endpoints == expected;
}

}  // namespace

CAF_TEST(a_host_alone_has_defaults) {
  const auto url = read("redis://localhost");
  CAF_CHECK(url.kind == topology::standalone);
  CAF_CHECK_EQUAL(url.endpoints.at(0).host, "localhost");
  CAF_CHECK_EQUAL(url.endpoints.at(0).port, 6379);
  CAF_CHECK_EQUAL(url.database, 0u);
  CAF_CHECK(!url.tls);
  CAF_CHECK(url.user.empty() && url.password.empty());
  CAF_CHECK(url.master_name.empty() && url.unknown_options.empty());
}

CAF_TEST(every_part_is_read) {
  const auto url = read("rediss://broker:s%40cret@redis.example:7000/12");
  CAF_CHECK(url.tls);
  CAF_CHECK_EQUAL(url.user, "broker");
  CAF_CHECK_EQUAL(url.password, "s@cret");
  CAF_CHECK_EQUAL(url.endpoints.at(0).host, "redis.example");
  CAF_CHECK_EQUAL(url.endpoints.at(0).port, 7000);
  CAF_CHECK_EQUAL(url.database, 12u);
}

CAF_TEST(a_password_may_come_without_a_user) {
  const auto url = read("redis://:secret@localhost/2");
  CAF_CHECK_EQUAL(url.user, "");
  CAF_CHECK_EQUAL(url.password, "secret");
}

CAF_TEST(an_ipv6_host_stands_in_brackets) {
  const auto url = read("redis://[::1]:6380/2");
  CAF_CHECK_EQUAL(url.endpoints.at(0).host, "::1");
  CAF_CHECK_EQUAL(redacted(url), "redis://[::1]:6380/2");
}

CAF_TEST(a_unix_socket_has_a_path_and_a_database) {
  const auto url = read("unix:///run/redis.sock?db=2");
  CAF_CHECK_EQUAL(url.endpoints.at(0).unix_path, "/run/redis.sock");
  CAF_CHECK_EQUAL(url.database, 2u);
  CAF_CHECK_EQUAL(redacted(url), "unix:///run/redis.sock?db=2");
  CAF_CHECK(leads_to("UNIX://u:p@/a@b", {{.host = {}, .unix_path = "/a@b"}}));
}

CAF_TEST(several_hosts_keep_their_order_and_their_ports) {
  CAF_CHECK(leads_to("redis://a:1,b,c:3/2", {{.host = "a", .port = 1},
                                             {.host = "b", .port = 6379},
                                             {.host = "c", .port = 3}}));
  CAF_CHECK(leads_to("rediss://u:x,y@[::1]:1,[2001:db8::2],10.0.0.1",
                     {{.host = "::1", .port = 1},
                      {.host = "2001:db8::2"},
                      {.host = "10.0.0.1"}}));
  const auto url = read("redis://u:x,y@a:1,b/2");
  CAF_CHECK_EQUAL(url.password, "x,y");
  CAF_CHECK_EQUAL(url.database, 2u);
  CAF_CHECK_EQUAL(redacted(url), "redis://a:1,b:6379/2");
}

CAF_TEST(an_empty_host_is_localhost) {
  for (auto text : {"redis://", "redis://:6379", "redis:///2",
                    "redis://:secret@/2", "redis://?db=2"})
    CAF_CHECK(leads_to(text, {{.host = "localhost"}}));
  CAF_CHECK(leads_to("redis://:1,:2", {{.host = "localhost", .port = 1},
                                       {.host = "localhost", .port = 2}}));
  CAF_CHECK(
      leads_to("redis-sentinel:///m", {{.host = "localhost", .port = 26379}}));
}

CAF_TEST(a_scheme_has_other_names_and_any_case) {
  for (auto text : {"redis://h/2", "REDIS://h/2", "valkey://h/2",
                    "Valkey://h/2/", "redis://h/2/"})
    CAF_CHECK_EQUAL(redacted(read(text)), "redis://h:6379/2");
  for (auto text : {"rediss://h", "RedisS://h/", "valkeys://h"})
    CAF_CHECK_EQUAL(redacted(read(text)), "rediss://h:6379/0");
  for (auto text : {"rediss-sentinel://h/m", "valkeys-sentinel://h/m/"})
    CAF_CHECK_EQUAL(redacted(read(text)), "rediss-sentinel://h:26379/m/0");
  for (auto text : {"redis-cluster://h", "valkey-Cluster://h/"})
    CAF_CHECK_EQUAL(redacted(read(text)), "redis-cluster://h:6379");
}

CAF_TEST(the_database_may_be_an_option) {
  CAF_CHECK(read("redis://h?db=2").database == 2u);
  CAF_CHECK(read("redis://h/?db=3").database == 3u);
  CAF_CHECK(read("redis://h/2?db=2").database == 2u);
  CAF_CHECK(read("redis-sentinel://h/m?db=4").database == 4u);
  CAF_CHECK_EQUAL(problem("redis://h/2?db=3"),
                  "two different databases are named");
  CAF_CHECK_EQUAL(problem("redis://h/0?db=3"),
                  "two different databases are named");
  CAF_CHECK_EQUAL(problem("redis://h?db=2&db=3"),
                  "two different databases are named");
}

CAF_TEST(options_that_mean_nothing_are_listed_by_their_names) {
  const auto url =
      read("redis://h/2?socket_timeout=5&db=2&password=secret&flag");
  const std::vector<std::string> expected{"socket_timeout", "password", "flag"};
  CAF_CHECK_EQUAL(url.unknown_options, expected);
  CAF_CHECK_EQUAL(url.database, 2u);
  CAF_CHECK(read("unix:///p?x=1").unknown_options ==
            std::vector<std::string>{"x"});
}

CAF_TEST(tls_without_a_check_of_the_certificate_is_refused_with_the_way_out) {
  for (auto text :
       {"rediss://h?ssl_cert_reqs=none", "rediss://h/2?ssl_cert_reqs=optional",
        "rediss://h?ssl_cert_reqs=CERT_NONE", "redis://h?ssl_cert_reqs="})
    CAF_CHECK(problem(text).find("STATUS_REDIS_CA_FILE") != std::string::npos);
  for (auto text : {"rediss://h?ssl_cert_reqs=required",
                    "rediss://h?ssl_cert_reqs=CERT_REQUIRED"})
    CAF_CHECK(read(text).unknown_options.empty());
}

CAF_TEST(sentinels_know_a_master_by_its_name) {
  const auto url = read("redis-sentinel://u:pw@s1:26380,s2,s3/mymaster/2");
  CAF_CHECK(url.kind == topology::sentinel);
  CAF_CHECK(url.endpoints == (endpoints{{.host = "s1", .port = 26380},
                                        {.host = "s2", .port = 26379},
                                        {.host = "s3", .port = 26379}}));
  CAF_CHECK_EQUAL(url.master_name, "mymaster");
  CAF_CHECK_EQUAL(url.database, 2u);
  // The login is that of Redis.
  CAF_CHECK_EQUAL(url.user, "u");
  CAF_CHECK_EQUAL(url.password, "pw");
  CAF_CHECK(url.sentinel_user.empty() && url.sentinel_password.empty());
  CAF_CHECK_EQUAL(redacted(url),
                  "redis-sentinel://s1:26380,s2:26379,s3:26379/mymaster/2");
  for (auto text : {"redis-sentinel://s1", "redis-sentinel://s1/",
                    "redis-sentinel://s1//2", "redis-sentinel://s1?db=2"})
    CAF_CHECK(problem(text).find("master's name is missing") !=
              std::string::npos);
  CAF_CHECK(problem("redis-sentinel://s1/my%20master").find("master's name") !=
            std::string::npos);
}

CAF_TEST(a_cluster_has_database_0_alone) {
  for (auto text :
       {"redis-cluster://n1:7000,n2", "redis-cluster://n1:7000,n2/",
        "redis-cluster://n1:7000,n2/0", "redis-cluster://n1:7000,n2/?db=0"}) {
    const auto url = read(text);
    CAF_CHECK(url.kind == topology::cluster);
    CAF_CHECK_EQUAL(redacted(url), "redis-cluster://n1:7000,n2:6379");
  }
  for (auto text : {"redis-cluster://n1/2", "rediss-cluster://n1?db=1"})
    CAF_CHECK_EQUAL(problem(text),
                    "the database is not 0, and a cluster has no other");
}

CAF_TEST(a_problem_names_the_part) {
  const std::vector<std::pair<const char*, const char*>> expected{
      {"localhost:6379", "it does not begin with a scheme such as redis://"},
      {"http://h", "the scheme is not known"},
      {"rediss-://h", "the scheme is not known"},
      {"redis://h:0", "the port of the host is not a number from 1 to 65535"},
      {"redis://a,h:70000",
       "the port of host 2 is not a number from 1 to 65535"},
      {"redis://h:", "the port of the host is not a number from 1 to 65535"},
      {"redis://a,,b", "host 2 is empty"},
      {"redis://a,b,", "host 3 is empty"},
      {"redis://::1", "the host is neither a name nor an address"},
      {"redis://a,[::1", "host 2 is neither a name nor an address"},
      {"redis://a b", "the host is neither a name nor an address"},
      {"redis://a%00b", "the host is neither a name nor an address"},
      {"redis://a%2Cb", "the host is neither a name nor an address"},
      {"redis://a%83b", "the host is neither a name nor an address"},
      {"redis://a%3A1", "the host is neither a name nor an address"},
      {"redis://[v1:a]", "the host is neither a name nor an address"},
      {"redis://[v1.a]", "the host is neither a name nor an address"},
      {"redis://h/two", "the database is not a whole number"},
      {"redis://h/2/3", "the database is not a whole number"},
      {"redis://h/-1", "the database is not a whole number"},
      {"redis://h?db=", "the database is not a whole number"},
      {"redis-sentinel://h/m/x", "the database is not a whole number"},
      {"redis://h/2#x",
       "a # stands in it; within a password it is written "
       "%23"},
      {"redis://h/%zz", "the path or the options cannot be read"},
      {"unix://", "the path of the socket is missing"},
      {"unix:///", "the path of the socket is missing"},
      {"unix://host/path", "a host stands before the path of the socket"},
      {"unix:///p?db=x", "the database is not a whole number"},
  };
  for (const auto& [text, reason] : expected)
    CAF_CHECK_EQUAL(problem(text), reason);
  for (auto text : {"redis://u:%zz@h", "redis://u:p@w@h", "redis://u:a b@h"})
    CAF_CHECK(problem(text).starts_with("the user or the password holds"));
  CAF_CHECK(!problem("").empty());
}

CAF_TEST(a_password_that_is_not_encoded_is_taken_for_nothing_else) {
  // Each bare character would cut the password, and its rest would be shown as
  // a host, a master, a database or an option.
  for (auto text :
       {"redis://u:12/34@h", "redis://u:12?34@h", "redis://u:12#34@h",
        "redis-sentinel://u:12/secret@h:1/2", "redis://u:12/?secret@h",
        "redis-cluster://u:12?secret@h", "unix:///p?secret@x"}) {
    const auto reason = problem(text);
    CAF_CHECK(reason.find("within a password") != std::string::npos);
    CAF_CHECK(reason.find("secret") == std::string::npos);
  }
}

CAF_TEST(a_redacted_url_holds_no_secret) {
  CAF_CHECK_EQUAL(
      redacted(read("redis://user:secret@localhost:6379/2?x=secret")),
      "redis://localhost:6379/2");
}

CAF_TEST(a_url_without_its_secrets_keeps_all_else) {
  const std::vector<std::pair<const char*, const char*>> expected{
      {"redis://h:1/2", "redis://h:1/2"},
      {"REDIS://u@h:1/2/", "REDIS://u@h:1/2/"},
      {"redis://u:secret@a:1,b:2/2", "redis://u:***@a:1,b:2/2"},
      {"redis://:se,cret@h", "redis://:***@h"},
      {"redis://u:se:cr@h", "redis://u:***@h"},
      {"redis://u:@[::1]:1,[::2]/2", "redis://u:***@[::1]:1,[::2]/2"},
      {"redis-sentinel://u:secret@s1,s2:3/m/2",
       "redis-sentinel://u:***@s1,s2:3/m/2"},
      {"rediss-cluster://:secret@n1,n2/", "rediss-cluster://:***@n1,n2/"},
      {"redis://h?password=secret&db=2&flag&=secret",
       "redis://h?password=***&db=2&flag&=***"},
      {"unix://u:secret@/run/a@b.sock?db=2", "unix://u:***@/run/a@b.sock?db=2"},
      {"rediss-cluster://secret/5", "rediss-cluster://***"},
      {"redis://u:12/secret@h", "redis://***"},
      {"secret", "***"},
      {"u:secret://h", "***"},
  };
  for (const auto& [text, shown] : expected)
    CAF_CHECK_EQUAL(without_secrets(text), shown);
}
