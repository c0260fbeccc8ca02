/// The files that pages need: the browser client, and the example that shows a
/// run with it.
#pragma once

#include "transport/http_answer.hpp"
#include "transport/listener.hpp"

#include <optional>
#include <string_view>

namespace status2::service {

/// The answer with a file; nothing if the page is not a file. Thread: any.
/// Source: RFC 9110 sections 12.5.3 and 13.1.2, RFC 8246.
std::optional<transport::http_reply> answer_asset(
    const transport::page_request& request);

/// Whether a client with this `Accept-Encoding` takes gzip.
bool takes_gzip(std::string_view accept_encoding);

}  // namespace status2::service
