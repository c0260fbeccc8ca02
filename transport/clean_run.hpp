/// Where a payload needs escaping: on the way into a frame, what needs none is
/// copied in long runs. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace status2::transport {

/// Where the run of `text` that begins at `from`, at the start of a character,
/// and needs no escaping ends: at a quote, a backslash, a control character, a
/// byte that is no UTF-8, or the end.
/// Source: RFC 8259 section 7, RFC 3629 section 4.
std::size_t clean_run_end(std::string_view text, std::size_t from);

/// The same on any machine: eight bytes at a time, characters beyond ASCII one
/// at a time. What is shorter than a vector takes this way too.
std::size_t clean_run_end_by_words(std::string_view text, std::size_t from);

}  // namespace status2::transport
