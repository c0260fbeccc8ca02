/// Where a payload needs escaping: on the way into a frame, what needs none is
/// copied in long runs. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace status2::transport {

/// How far `text` needs no escaping, from `from` on, which is the start of a
/// character: the place of the next quote, backslash, control character or byte
/// that is no UTF-8, or the end.
/// Source: RFC 8259 section 7, RFC 3629 section 4.
std::size_t clean_run_end(std::string_view text, std::size_t from);

/// The same on any machine: eight bytes at a time, characters beyond ASCII one
/// at a time. What is shorter than a vector takes this way too.
std::size_t clean_run_end_by_words(std::string_view text, std::size_t from);

}  // namespace status2::transport
