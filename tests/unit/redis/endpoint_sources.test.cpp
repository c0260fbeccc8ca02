#include "redis/endpoint_sources.hpp"

#include "redis/sentinel_source.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace status2::redis;

namespace {

struct fixture {
  template <class Source>
  std::shared_ptr<Source> source(const std::string& url) {
    CAF_MESSAGE(url);
    return std::dynamic_pointer_cast<Source>(
        make_endpoint_source(loop, *parse_url(url), {}));
  }

  boost::asio::io_context loop;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(endpoint_sources_tests, fixture)

CAF_TEST(a_url_of_hosts_leads_to_these_hosts) {
  const auto made = source<endpoint_list>("redis://a:1,b:2");
  CAF_REQUIRE(made != nullptr);
  location found;
  made->locate(
      [&](const location& where, const std::string&) { found = where; });
  loop.run();
  CAF_CHECK(found.endpoints == (std::vector<endpoint>{{"a", 1}, {"b", 2}}));
  CAF_CHECK(source<endpoint_list>("unix:///run/redis.sock") != nullptr);
}

CAF_TEST(a_url_of_sentinels_leads_to_what_they_name) {
  const auto made = source<sentinel_source>("redis-sentinel://a:1,b/mymaster");
  CAF_REQUIRE(made != nullptr);
  CAF_CHECK(made->sentinels() ==
            (std::vector<endpoint>{{"a", 1}, {"b", 26379}}));
}

CAF_TEST(a_url_of_a_cluster_leads_to_its_nodes_and_its_map) {
  const auto made = source<cluster_source>("rediss-cluster://a:1,b");
  CAF_REQUIRE(made != nullptr);
  CAF_CHECK(made->nodes() == (std::vector<endpoint>{{"a", 1}, {"b", 6379}}));
  CAF_CHECK(source<cluster_map>("redis-cluster://a:1") != nullptr);
}

CAF_TEST_FIXTURE_SCOPE_END()
