// Which resource serves a request.
#include "transport/route.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::transport;
namespace http = boost::beast::http;

namespace {

http_request request_of(std::string_view target,
                        http::verb method = http::verb::get) {
  http_request request{method, target, 11};
  request.set(http::field::host, "status.example");
  return request;
}

routed_request routed(const http_request& request, std::string_view prefix = {},
                      port_role role = port_role::all) {
  return find_route(request, {prefix, role});
}

resource served(std::string_view target, std::string_view prefix = {}) {
  const auto request = request_of(target);
  const auto result = routed(request, prefix);
  CAF_CHECK(!result.refused);
  return result.serves;
}

bool refused(const http_request& request, refusal why,
             port_role role = port_role::all) {
  return routed(request, {}, role).refused == why;
}

}  // namespace

CAF_TEST(pages_and_commands_are_known_with_and_without_the_prefix) {
  CAF_CHECK(served("/health") == resource::health);
  CAF_CHECK(served("/health?x") == resource::health);
  CAF_CHECK(served("/ready", "/p") == resource::ready);
  CAF_CHECK(served("/p/metrics", "/p") == resource::metrics);
  CAF_CHECK(served("/p/metrics") == resource::channel);
  CAF_CHECK(served("/healthy") == resource::channel);
  CAF_CHECK(served("/run:channel") == resource::channel);
  CAF_CHECK(served("/chaos/kill/") == resource::chaos_unknown);
  CAF_CHECK(served("/chaos") == resource::channel);
  CAF_CHECK(served("http://x/ready") == resource::ready);
}

CAF_TEST(the_browser_client_and_its_example_are_files) {
  CAF_CHECK(served("/client.js") == resource::client);
  CAF_CHECK(served("/p/example", "/p") == resource::example);
  CAF_CHECK(served("/p/example.js?x", "/p") == resource::example_script);
  CAF_CHECK(served("/example.css") == resource::example_style);
  CAF_CHECK(served("/client-.js") == resource::channel);
  for (const auto* path : {"/client.js", "/example", "/example.css"})
    CAF_CHECK(!routed(request_of(path), {}, port_role::viewers).refused);
}

CAF_TEST(a_channel_keeps_its_whole_path) {
  const auto request = request_of("/p/run:channel?a=1");
  const auto result = routed(request, "/p");
  CAF_CHECK(result.path == "/p/run:channel");
  CAF_CHECK(result.query == "a=1");
}

CAF_TEST(a_page_takes_get_and_head) {
  CAF_CHECK(!routed(request_of("/ready", http::verb::head)).refused);
  for (const auto method :
       {http::verb::post, http::verb::put, http::verb::options})
    CAF_CHECK(refused(request_of("/ready", method), refusal::page_method));
}

CAF_TEST(a_command_says_whether_its_method_is_right) {
  CAF_CHECK(routed(request_of("/chaos/actors")).method_allowed);
  CAF_CHECK(routed(request_of("/chaos/kill", http::verb::post)).method_allowed);
  const auto request = request_of("/chaos/kill");
  const auto wrong = routed(request);
  CAF_CHECK(!wrong.refused);
  CAF_CHECK(!wrong.method_allowed);
  CAF_CHECK(wrong.serves == resource::chaos_kill);
}

CAF_TEST(a_port_for_viewers_has_no_page_for_operators) {
  const auto role = port_role::viewers;
  CAF_CHECK(!routed(request_of("/health"), {}, role).refused);
  CAF_CHECK(!routed(request_of("/run:channel"), {}, role).refused);
  for (const auto* path : {"/ready", "/metrics", "/chaos/actors", "/chaos/x"})
    CAF_CHECK(refused(request_of(path), refusal::not_found, role));
}

CAF_TEST(a_port_for_operators_has_no_channels) {
  const auto role = port_role::admin;
  for (const auto* path : {"/health", "/ready", "/metrics", "/chaos/actors"})
    CAF_CHECK(!routed(request_of(path), {}, role).refused);
  CAF_CHECK(refused(request_of("/run:channel"), refusal::not_found, role));
}

CAF_TEST(tickets_are_made_by_post_where_there_are_tokens) {
  const auto request = request_of("/v1/tickets", http::verb::post);
  CAF_CHECK(routed(request).serves == resource::channel);
  for (const auto role : {port_role::all, port_role::viewers})
    for (const auto verb : {http::verb::post, http::verb::options}) {
      const auto asked = request_of("/p/v1/tickets?x", verb);
      const auto result = find_route(asked, {"/p", role, true});
      CAF_CHECK(!result.refused);
      CAF_CHECK(result.serves == resource::tickets);
    }
  const auto read = request_of("/v1/tickets");
  CAF_CHECK(find_route(read, {"", port_role::all, true}).refused ==
            refusal::ticket_method);
  CAF_CHECK(!is_command(resource::tickets));
}

CAF_TEST(a_target_that_is_no_path_and_no_url_is_refused_everywhere) {
  for (const auto* target : {"*", "*://y/metrics", "ftp://y/metrics", "y:80"})
    CAF_CHECK(refused(request_of(target), refusal::target));
}

CAF_TEST(there_is_one_host) {
  for (const auto* path : {"/health", "/metrics", "/chaos/kill", "/run:x"}) {
    auto none = request_of(path);
    none.erase(http::field::host);
    CAF_CHECK(refused(none, refusal::host));
    auto two = request_of(path);
    two.insert(http::field::host, "status.example");
    CAF_CHECK(refused(two, refusal::host));
    // HTTP/1.0 knows no Host: probes of proxies send none.
    none.version(10);
    CAF_CHECK(!routed(none).refused);
  }
}

CAF_TEST(the_host_of_the_target_counts_before_the_header) {
  const auto by_header = request_of("/run:x");
  CAF_CHECK(routed(by_header).host == "status.example");
  const auto by_target = request_of("http://other.example:81/run:x");
  CAF_CHECK(routed(by_target).host == "other.example:81");
}

CAF_TEST(another_transfer_encoding_than_chunked_is_refused) {
  auto request = request_of("/chaos/kill", http::verb::post);
  request.set(http::field::transfer_encoding, "Chunked");
  CAF_CHECK(!routed(request).refused);
  for (const auto* value : {"gzip", "chunked, chunked", "gzip, chunked",
                            "identity", "", "xchunked"}) {
    request.set(http::field::transfer_encoding, value);
    CAF_CHECK(refused(request, refusal::transfer_encoding));
  }
  request.set(http::field::transfer_encoding, "chunked");
  request.insert(http::field::transfer_encoding, "chunked");
  CAF_CHECK(refused(request, refusal::transfer_encoding));
}
