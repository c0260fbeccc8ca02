// Which paths name a channel.
#include "transport/target.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::transport;

namespace {

std::string channel(std::string_view path, std::string_view prefix = {}) {
  const auto result = parse_channel(path, prefix);
  return result.refused ? "refused" : result.channel.full;
}

std::string error(std::string_view path, std::string_view prefix = {}) {
  const auto result = parse_channel(path, prefix);
  return result.refused ? std::string(describe(*result.refused).text) : "";
}

}  // namespace

CAF_TEST(run_and_channel_are_the_halves_of_the_name) {
  const auto result = parse_channel("/run;1.a_b-c:status.log-1_x", "");
  CAF_CHECK(!result.refused);
  CAF_CHECK_EQUAL(result.channel.full, "run;1.a_b-c:status.log-1_x");
  CAF_CHECK(result.channel.run() == "run;1.a_b-c");
  CAF_CHECK(result.channel.channel() == "status.log-1_x");
}

CAF_TEST(each_part_may_be_percent_encoded) {
  CAF_CHECK_EQUAL(channel("/a%3Bb%2ec:%41%62"), "a;b.c:Ab");
  CAF_CHECK_EQUAL(channel("/run%3achannel"), "run:channel");
}

CAF_TEST(one_trailing_slash_is_dropped) {
  CAF_CHECK_EQUAL(channel("/run:channel/"), "run:channel");
  CAF_CHECK_EQUAL(channel("/run:channel//"), "refused");
}

CAF_TEST(the_prefix_is_a_whole_path) {
  CAF_CHECK_EQUAL(channel("/ws/status/run:channel", "/ws/status"),
                  "run:channel");
  CAF_CHECK_EQUAL(channel("/ws/statusrun:channel", "/ws/status"), "refused");
  CAF_CHECK_EQUAL(channel("/run:channel", "/ws/status"), "refused");
}

CAF_TEST(other_paths_are_refused_with_a_reason) {
  CAF_CHECK_EQUAL(error(""), "the path is not below the prefix");
  CAF_CHECK_EQUAL(error("/"), "the path is not <run>:<channel>");
  CAF_CHECK_EQUAL(error("/run"), "the path is not <run>:<channel>");
  CAF_CHECK_EQUAL(error("/:channel"), "the run must match [A-Za-z0-9_.;-]+");
  CAF_CHECK_EQUAL(error("/run:"), "the channel must match [A-Za-z0-9_.-]+");
  CAF_CHECK_EQUAL(error("/run:a;b"), "the channel must match [A-Za-z0-9_.-]+");
  CAF_CHECK_EQUAL(error("/run:a:b"), "the channel must match [A-Za-z0-9_.-]+");
  CAF_CHECK_EQUAL(error("/a/run:b"), "the run must match [A-Za-z0-9_.;-]+");
  CAF_CHECK_EQUAL(error("/run:b%20"), "the channel must match [A-Za-z0-9_.-]+");
  CAF_CHECK_EQUAL(error("/run%253Ab:c"), "the run must match [A-Za-z0-9_.;-]+");
  for (const auto* path : {"/run:b%", "/run:b%4", "/run:b%zz"})
    CAF_CHECK_EQUAL(error(path), "the path has a broken percent-encoding");
  CAF_CHECK_EQUAL(channel("/run:b%00"), "refused");
  CAF_CHECK_EQUAL(channel("/r\xc3\xbcn:b"), "refused");
}

CAF_TEST(a_name_has_at_most_256_bytes_once_decoded) {
  const std::string longest = "r:" + std::string(254, 'c');
  CAF_CHECK_EQUAL(channel("/" + longest), longest);
  CAF_CHECK_EQUAL(channel("/%72:" + std::string(254, 'c')), longest);
  CAF_CHECK_EQUAL(error("/" + longest + "c"),
                  "the channel is longer than 256 bytes");
}

CAF_TEST(the_query_is_split_off) {
  const auto target = split_target("/run:channel?a=b?c");
  CAF_REQUIRE(target);
  CAF_CHECK(target->path == "/run:channel");
  CAF_CHECK(target->query == "a=b?c");
  CAF_CHECK(target->host.empty());
}

CAF_TEST(absolute_targets_are_understood) {
  const auto target = split_target("http://host:1/run:channel?q");
  CAF_REQUIRE(target);
  CAF_CHECK(target->host == "host:1");
  CAF_CHECK(target->path == "/run:channel");
  CAF_CHECK(target->query == "q");
  for (const auto* text : {"ws://host", "WSS://host", "https://host/",
                           "http://host?q", "Ws://host?"})
    CAF_CHECK_EQUAL(split_target(text).value_or(request_target{}).path, "/");
}

CAF_TEST(a_target_of_another_form_is_none) {
  for (const auto* text :
       {"", "*", "run:channel", "host:80", "://host/metrics", "*://y/metrics",
        "ftp://host/", "http:/host/", "http://", "http:///metrics",
        "httpx://host/", "xhttp://host/", "?q", " /run:channel"})
    CAF_CHECK(!split_target(text));
}
