/// Server-sent events: which requests ask for them, and the head of the answer.
/// Source: the HTML standard, section 9.2; docs/contract.md.
#pragma once

#include "transport/http_answer.hpp"
#include "transport/refusal.hpp"
#include "transport/route.hpp"
#include "transport/watch_options.hpp"

#include <string>
#include <string_view>

namespace status2::transport {

/// Whether a header `Accept` names the media type of event streams.
bool accepts_event_stream(const http_request& request);

/// The head of an event stream, and its first event, which says when to come
/// back. It ends with the connection. `origin`: the page that may read it;
/// empty: none asked; `credentials`: also with cookies. Thread: any.
std::string write_event_stream_head(std::string_view origin,
                                    bool credentials = false);

/// The answer to a client that a limit refuses. EventSource would never come
/// back after another status than 200, so it gets an event stream that says
/// when to, and ends. Thread: any.
http_reply event_stream_refusal(refusal why, std::string_view origin,
                                bool credentials = false);

/// The answer to a request for a channel that a limit refuses.
inline http_reply limit_reply(refusal why, const watch_options& options,
                              std::string_view origin) {
  return options.event_stream
             ? event_stream_refusal(why, origin, options.credentials)
             : reply_of(why);
}

}  // namespace status2::transport
