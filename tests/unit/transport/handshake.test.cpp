// Which requests are upgraded, and what the others are answered.
#include "transport/handshake.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::transport;
namespace http = boost::beast::http;

namespace {

http_request upgrade_of(std::string_view target = "/run:channel") {
  http_request request{http::verb::get, target, 11};
  request.set(http::field::host, "status.example");
  request.set(http::field::connection, "keep-alive, Upgrade");
  request.set(http::field::upgrade, "WebSocket");
  request.set(http::field::sec_websocket_version, "13");
  request.set(http::field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
  return request;
}

struct fixture {
  std::string prefix;
  std::vector<std::string> channels;
  std::vector<std::string> subprotocols;
  bool compression = false;

  handshake read(const http_request& request) const {
    const auto routed = find_route(request, {prefix});
    CAF_REQUIRE(routed.serves == resource::channel);
    handshake result = read_handshake(
        request, routed, {prefix, channels, subprotocols, compression});
    if (routed.refused) result.refused = routed.refused;
    return result;
  }
  /// Status of the answer.
  unsigned status(const http_request& request) const {
    const auto result = read(request);
    return result.refused ? describe(*result.refused).status : 101;
  }
  refusal refused(const http_request& request) const {
    const auto result = read(request);
    CAF_REQUIRE(result.refused);
    return *result.refused;
  }
  unsigned without(http::field field) const {
    auto request = upgrade_of();
    request.erase(field);
    return status(request);
  }
  unsigned with(http::field field, std::string_view value) const {
    auto request = upgrade_of();
    request.set(field, value);
    return status(request);
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(handshake_tests, fixture)

CAF_TEST(a_good_request_names_its_channel_and_what_it_wants) {
  const auto result = read(upgrade_of("/run:channel?since=1"));
  CAF_CHECK(!result.refused);
  CAF_CHECK_EQUAL(result.channel.full, "run:channel");
  CAF_REQUIRE(result.options.replay);
  CAF_CHECK_EQUAL(result.options.replay->since.value_or(""), "1");
  CAF_CHECK_EQUAL(result.key, "dGhlIHNhbXBsZSBub25jZQ==");
}

CAF_TEST(an_event_stream_is_asked_for_by_the_media_type_or_in_the_query) {
  for (const auto* target : {"/run:channel", "/run:channel?stream=sse"}) {
    http_request request{http::verb::get, target, 10};
    request.set(http::field::host, "status.example");
    request.set(http::field::origin, "https://page.example");
    if (std::string_view(target).find('?') == std::string_view::npos)
      request.set(http::field::accept, "text/event-stream");
    const auto result = read(request);
    CAF_REQUIRE(!result.refused);
    CAF_CHECK(result.options.kind() == encoding::event_stream);
    CAF_CHECK_EQUAL(result.origin, "https://page.example");
    CAF_CHECK(result.key.empty());
    // It begins with an id to come back with, and no messages.
    CAF_REQUIRE(result.options.replay);
    CAF_CHECK(!result.options.replay->since);
    CAF_CHECK(result.options.replay->most == 0u);
  }
}

CAF_TEST(the_last_id_of_an_event_stream_goes_before_that_of_its_address) {
  http_request request{http::verb::get, "/run:channel?since=old&tail=5", 11};
  request.set(http::field::host, "status.example");
  request.set(http::field::accept, "text/event-stream");
  CAF_CHECK(read(request).options.replay->since == "old");
  request.set("Last-Event-ID", "new");
  const auto with_tail = read(request).options.replay;
  CAF_CHECK(with_tail->since == "new");
  CAF_CHECK(with_tail->most == 5u);
  // Without a number an unknown id gives the whole tail.
  request.target("/run:channel");
  const auto whole = read(request).options.replay;
  CAF_CHECK(whole->since == "new");
  CAF_CHECK(!whole->most);
}

CAF_TEST(an_upgrade_is_a_websocket_whatever_else_it_says) {
  auto request = upgrade_of("/run:channel?stream=sse");
  request.set(http::field::accept, "text/event-stream");
  request.set("Last-Event-ID", "x");
  const auto result = read(request);
  CAF_CHECK(!result.refused);
  CAF_CHECK(result.options.kind() == encoding::plain);
  CAF_CHECK(!result.options.replay);
}

CAF_TEST(an_event_stream_is_refused_for_what_every_channel_is) {
  const auto refused_for = [this](http::verb verb, std::string_view target) {
    http_request request{verb, target, 11};
    request.set(http::field::host, "status.example");
    request.set(http::field::accept, "text/event-stream");
    return refused(request);
  };
  using http::verb;
  CAF_CHECK(refused_for(verb::post, "/run:channel") == refusal::method);
  CAF_CHECK(refused_for(verb::get, "/nothing") == refusal::no_channel);
  CAF_CHECK(refused_for(verb::get, "/status2:x") == refusal::reserved);
  channels = {"other:*"};
  CAF_CHECK(refused_for(verb::get, "/run:channel") == refusal::channel);
}

CAF_TEST(a_path_that_names_no_channel_is_400_with_a_reason) {
  CAF_CHECK(refused(upgrade_of("/nothing")) == refusal::no_channel);
  CAF_CHECK_EQUAL(status(upgrade_of("/nothing")), 400u);
  prefix = "/status";
  CAF_CHECK_EQUAL(status(upgrade_of("/run:channel")), 400u);
  CAF_CHECK_EQUAL(status(upgrade_of("/status/run:channel")), 101u);
}

CAF_TEST(another_method_than_get_is_405) {
  for (const auto method : {http::verb::post, http::verb::head, http::verb::put,
                            http::verb::options}) {
    auto request = upgrade_of();
    request.method(method);
    CAF_CHECK(refused(request) == refusal::method);
  }
}

CAF_TEST(no_upgrade_headers_are_426) {
  CAF_CHECK_EQUAL(without(http::field::connection), 426u);
  CAF_CHECK_EQUAL(without(http::field::upgrade), 426u);
  CAF_CHECK_EQUAL(with(http::field::connection, "keep-alive"), 426u);
  CAF_CHECK_EQUAL(with(http::field::upgrade, "h2c"), 426u);
  auto old = upgrade_of();
  old.version(10);
  CAF_CHECK_EQUAL(status(old), 426u);
  CAF_CHECK(refused(old) == refusal::http_version);
  old.erase(http::field::upgrade);
  CAF_CHECK(refused(old) == refusal::upgrade);
}

CAF_TEST(upgrade_headers_may_be_spread_over_lines) {
  auto request = upgrade_of();
  request.erase(http::field::connection);
  request.insert(http::field::connection, "keep-alive");
  request.insert(http::field::connection, "upgrade");
  CAF_CHECK_EQUAL(status(request), 101u);
}

CAF_TEST(another_version_than_13_is_426) {
  for (const auto* version : {"8", "", "14", "13, 8"}) {
    auto request = upgrade_of();
    request.set(http::field::sec_websocket_version, version);
    CAF_CHECK(refused(request) == refusal::websocket_version);
  }
  CAF_CHECK_EQUAL(without(http::field::sec_websocket_version), 426u);
}

CAF_TEST(a_key_that_is_not_16_bytes_in_base64_is_400) {
  CAF_CHECK_EQUAL(without(http::field::sec_websocket_key), 400u);
  for (const auto* key :
       {"", "short", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBsZSBub25jZQAA"})
    CAF_CHECK_EQUAL(with(http::field::sec_websocket_key, key), 400u);
}

CAF_TEST(compression_is_agreed_on_where_it_is_set_and_offered) {
  auto offering = upgrade_of();
  offering.set(http::field::sec_websocket_extensions,
               "permessage-deflate; client_max_window_bits");
  auto replaying = upgrade_of("/run:channel?tail=1");
  replaying.set(http::field::sec_websocket_extensions, "permessage-deflate");
  CAF_CHECK_EQUAL(read(offering).extensions, "");
  CAF_CHECK(read(offering).options.kind() == encoding::plain);
  compression = true;
  CAF_CHECK(read(offering).extensions.starts_with("permessage-deflate;"));
  CAF_CHECK(read(offering).options.kind() == encoding::plain_deflated);
  CAF_CHECK(read(replaying).options.kind() == encoding::numbered_deflated);
  CAF_CHECK_EQUAL(read(upgrade_of()).extensions, "");
  CAF_CHECK(read(upgrade_of()).options.kind() == encoding::plain);
  // An offer that cannot be accepted is no reason to refuse the client.
  offering.set(http::field::sec_websocket_extensions,
               "permessage-deflate; server_max_window_bits=9");
  CAF_CHECK(!read(offering).refused);
  CAF_CHECK(read(offering).options.kind() == encoding::plain);
}

CAF_TEST(an_event_stream_is_not_compressed) {
  compression = true;
  http_request request{http::verb::get, "/run:channel?stream=sse", 11};
  request.set(http::field::host, "status.example");
  request.set(http::field::sec_websocket_extensions, "permessage-deflate");
  CAF_CHECK_EQUAL(read(request).extensions, "");
  CAF_CHECK(read(request).options.kind() == encoding::event_stream);
}

CAF_TEST(a_second_key_is_400) {
  auto request = upgrade_of();
  request.insert(http::field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
  CAF_CHECK(refused(request) == refusal::websocket_key);
}

CAF_TEST(a_request_without_host_or_with_a_body_is_400) {
  CAF_CHECK_EQUAL(without(http::field::host), 400u);
  CAF_CHECK_EQUAL(with(http::field::content_length, "5"), 400u);
  CAF_CHECK_EQUAL(with(http::field::transfer_encoding, "chunked"), 400u);
  CAF_CHECK_EQUAL(with(http::field::content_length, "0"), 101u);
}

CAF_TEST(names_of_the_broker_and_of_sentinels_are_reserved) {
  for (const auto* target : {"/status2:canary", "/__sentinel__:hello"})
    CAF_CHECK(refused(upgrade_of(target)) == refusal::reserved);
  CAF_CHECK_EQUAL(status(upgrade_of("/status2x:canary")), 101u);
  CAF_CHECK_EQUAL(status(upgrade_of("/run:status2")), 101u);
}

CAF_TEST(only_allowed_channels_are_watched) {
  channels = {"run:*", "*:log"};
  CAF_CHECK_EQUAL(status(upgrade_of("/run:channel")), 101u);
  CAF_CHECK_EQUAL(status(upgrade_of("/other:log")), 101u);
  CAF_CHECK(refused(upgrade_of("/other:channel")) == refusal::channel);
}

CAF_TEST_FIXTURE_SCOPE_END()
