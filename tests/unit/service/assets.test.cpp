// The files that the broker serves to pages.
#include "service/assets.hpp"

#include "service/asset_files.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <string>

using namespace status2::service;
using status2::transport::http_reply;
using status2::transport::page_request;
using status2::transport::resource;

namespace {

http_reply answered(const page_request& request) {
  auto reply = answer_asset(request);
  CAF_REQUIRE(reply.has_value());
  return std::move(*reply);
}

/// The value of a field; empty: there is none.
std::string field_of(const http_reply& reply, std::string_view name) {
  const auto found =
      std::find_if(reply.fields.begin(), reply.fields.end(),
                   [&](const auto& one) { return one.first == name; });
  return found == reply.fields.end() ? std::string() : found->second;
}

}  // namespace

CAF_TEST(every_file_is_there_and_is_smaller_when_compressed) {
  CAF_CHECK_EQUAL(asset_files().size(), 4u);
  for (const auto& file : asset_files()) {
    CAF_CHECK(file.plain.size() > file.gzip.size());
    CAF_CHECK(file.gzip.starts_with("\x1f\x8b"));
    CAF_CHECK_EQUAL(file.hash.size(), 16u);
  }
}

CAF_TEST(the_client_is_small) {
  const auto reply =
      answered({.page = resource::client, .accept_encoding = "gzip"});
  CAF_CHECK_EQUAL(field_of(reply, "Content-Encoding"), "gzip");
  CAF_CHECK(reply.body.size() <= 4096);
}

CAF_TEST(a_client_that_takes_no_gzip_gets_the_text) {
  const auto reply = answered({.page = resource::client});
  CAF_CHECK_EQUAL(reply.status, 200u);
  CAF_CHECK(reply.body.find("export const watch") != std::string::npos);
  CAF_CHECK_EQUAL(field_of(reply, "Content-Encoding"), "");
  CAF_CHECK_EQUAL(field_of(reply, "Vary"), "Accept-Encoding");
}

CAF_TEST(accept_encoding_is_read_as_a_list) {
  for (const auto* text :
       {"gzip", "br, gzip", "GZIP;q=0.1", "deflate,gzip ;q=1"})
    CAF_CHECK(takes_gzip(text));
  for (const auto* text :
       {"", "br", "gzip;q=0", "gzip;q=0.0", "xgzip", "identity"})
    CAF_CHECK(!takes_gzip(text));
}

CAF_TEST(a_known_copy_is_not_sent_again) {
  const auto first = answered({.page = resource::client});
  const auto tag = field_of(first, "ETag");
  CAF_CHECK_EQUAL(field_of(first, "Cache-Control"), "no-cache");
  for (const auto& known : {tag, "\"x\", " + tag, std::string("*")}) {
    const auto reply =
        answered({.page = resource::client, .if_none_match = known});
    CAF_CHECK_EQUAL(reply.status, 304u);
    CAF_CHECK_EQUAL(reply.body, "");
    CAF_CHECK_EQUAL(field_of(reply, "ETag"), tag);
  }
  const auto other =
      answered({.page = resource::client, .if_none_match = "W/\"x\""});
  CAF_CHECK_EQUAL(other.status, 200u);
}

CAF_TEST(the_client_at_its_own_path_never_changes) {
  const auto reply = answered({.page = resource::client_by_hash});
  CAF_CHECK(field_of(reply, "Cache-Control").ends_with("immutable"));
  CAF_CHECK_EQUAL(field_of(reply, "Access-Control-Allow-Origin"), "*");
}

CAF_TEST(the_example_may_load_its_own_files_only) {
  const auto reply = answered({.page = resource::example});
  CAF_CHECK_EQUAL(reply.content_type, "text/html; charset=utf-8");
  const auto policy = field_of(reply, "Content-Security-Policy");
  CAF_CHECK(policy.starts_with("default-src 'none'; script-src 'self';"));
  CAF_CHECK(reply.body.find("<style") == std::string::npos);
  CAF_CHECK(reply.body.find(" style=") == std::string::npos);
}

CAF_TEST(other_pages_are_not_files) {
  for (const auto page : {resource::channel, resource::health, resource::ready,
                          resource::chaos_kill})
    CAF_CHECK(!answer_asset({.page = page}));
}
