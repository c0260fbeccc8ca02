#include "service/assets.hpp"

#include "service/asset_files.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace status2::service {

namespace {

namespace http = boost::beast::http;
using transport::resource;

/// The page loads its own files and may watch any broker; nobody frames it.
constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self' ws: wss:; img-src data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'";

struct asset {
  resource serves;
  std::string_view file;
  std::string_view type;
  std::string_view caching;
};

/// A copy is asked about each time; the answer is mostly 304.
constexpr std::string_view revalidated = "no-cache";
constexpr std::string_view forever = "public, max-age=31536000, immutable";
constexpr std::string_view script = "text/javascript; charset=utf-8";

// clang-format off
constexpr std::array assets{
    asset{resource::client,         "status2.js", script, revalidated},
    asset{resource::client_by_hash, "status2.js", script, forever},
    asset{resource::example,        "example.html",
          "text/html; charset=utf-8", revalidated},
    asset{resource::example_script, "example.js", script, revalidated},
    asset{resource::example_style,  "example.css",
          "text/css; charset=utf-8", revalidated},
};
// clang-format on

/// Weak, because the compressed form has the same.
std::string tag_of(const asset_file& file) {
  return "W/\"" + std::string(file.hash) + '"';
}

bool is_known(std::string_view if_none_match, const asset_file& file) {
  const auto opaque = '"' + std::string(file.hash) + '"';
  return if_none_match == "*" ||
         if_none_match.find(opaque) != std::string_view::npos;
}

}  // namespace

bool takes_gzip(std::string_view accept_encoding) {
  const boost::beast::string_view text{accept_encoding.data(),
                                       accept_encoding.size()};
  for (const auto& [name, parameters] : http::ext_list{text}) {
    if (!boost::beast::iequals(name, "gzip")) continue;
    for (const auto& [parameter, value] : parameters)
      if (boost::beast::iequals(parameter, "q"))
        return value.find_first_of("123456789") != value.npos;
    return true;
  }
  return false;
}

std::optional<transport::http_reply> answer_asset(
    const transport::page_request& request) {
  const auto* const found = std::find_if(
      assets.begin(), assets.end(),
      [&](const asset& one) { return one.serves == request.page; });
  if (found == assets.end()) return std::nullopt;
  const auto files = asset_files();
  const auto file = std::find_if(
      files.begin(), files.end(),
      [&](const asset_file& one) { return one.name == found->file; });
  if (file == files.end()) return std::nullopt;
  transport::http_reply reply;
  reply.content_type = found->type;
  reply.fields = {{"ETag", tag_of(*file)},
                  {"Cache-Control", std::string(found->caching)},
                  {"Vary", "Accept-Encoding"},
                  {"X-Content-Type-Options", "nosniff"}};
  if (found->file == "status2.js")
    // Pages of other origins may load the client from the broker that they
    // watch.
    reply.fields.emplace_back("Access-Control-Allow-Origin", "*");
  if (found->serves == resource::example)
    reply.fields.emplace_back("Content-Security-Policy", page_policy);
  if (is_known(request.if_none_match, *file)) {
    reply.status = 304;
    return reply;
  }
  const bool packed = takes_gzip(request.accept_encoding);
  if (packed) reply.fields.emplace_back("Content-Encoding", "gzip");
  reply.body = packed ? file->gzip : file->plain;
  return reply;
}

}  // namespace status2::service
