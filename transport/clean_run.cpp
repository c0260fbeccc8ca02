#include "transport/clean_run.hpp"

#include "transport/utf8.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace status2::transport {

namespace {

constexpr bool plain(unsigned char byte) {
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

constexpr auto plain_bytes = [] {
  std::array<bool, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte)
    table[byte] = plain(static_cast<unsigned char>(byte));
  return table;
}();

/// Whether all eight bytes of `word` are plain. The subtractions borrow only
/// where a byte is too small, which the answer is about.
constexpr bool all_plain(std::uint64_t word) {
  constexpr std::uint64_t each = 0x0101010101010101;
  const std::uint64_t quote = (word ^ each * '"') - each;
  const std::uint64_t backslash = (word ^ each * '\\') - each;
  const std::uint64_t control = word - each * 0x20;
  return ((word | control | quote | backslash) & each * 0x80) == 0;
}

inline std::size_t end_by_words(std::string_view text, std::size_t at) {
  for (;;) {
    for (std::uint64_t word = 0; text.size() - at >= sizeof word;
         at += sizeof word) {
      std::memcpy(&word, text.data() + at, sizeof word);
      if (!all_plain(word)) break;
    }
    while (at < text.size() &&
           plain_bytes[static_cast<unsigned char>(text[at])])
      ++at;
    if (at == text.size()) return at;
    if (static_cast<unsigned char>(text[at]) < 0x80) return at;
    const auto length = utf8_sequence(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
}

}  // namespace

std::size_t clean_run_end_by_words(std::string_view text, std::size_t from) {
  return end_by_words(text, from);
}

#ifdef __SSE2__

namespace {

constexpr std::size_t width = sizeof(__m128i);

__m128i each(int byte) {
  return _mm_set1_epi8(static_cast<char>(byte));
}

__m128i at_least(__m128i bytes, int least) {
  return _mm_cmpeq_epi8(_mm_max_epu8(bytes, each(least)), bytes);
}

__m128i at_most(__m128i bytes, int most) {
  return _mm_cmpeq_epi8(_mm_min_epu8(bytes, each(most)), bytes);
}

__m128i equal(__m128i bytes, int byte) {
  return _mm_cmpeq_epi8(bytes, each(byte));
}

/// A bit a byte, that of the first byte lowest.
std::uint32_t bits(__m128i truths) {
  return static_cast<std::uint32_t>(_mm_movemask_epi8(truths));
}

__m128i quotes(__m128i bytes) {
  return _mm_or_si128(equal(bytes, '"'), equal(bytes, '\\'));
}

/// Bytes that no character may hold, and second bytes that the first one,
/// `before` them, rules out: overlong forms, surrogates, what is above
/// U+10FFFF. Second bytes that are no continuation are found elsewhere.
__m128i no_utf8(__m128i bytes, __m128i before) {
  const auto never = _mm_or_si128(
      at_least(bytes, 0xf5), equal(_mm_and_si128(bytes, each(0xfe)), 0xc0));
  const auto low =
      _mm_or_si128(_mm_and_si128(equal(before, 0xe0), at_most(bytes, 0x9f)),
                   _mm_and_si128(equal(before, 0xf0), at_most(bytes, 0x8f)));
  const auto high =
      _mm_or_si128(_mm_and_si128(equal(before, 0xed), at_least(bytes, 0xa0)),
                   _mm_and_si128(equal(before, 0xf4), at_least(bytes, 0x90)));
  return _mm_or_si128(never, _mm_or_si128(low, high));
}

/// 0x80 to 0xbf, as signed numbers the least.
__m128i continuations(__m128i bytes) {
  return _mm_cmplt_epi8(bytes, each(0xc0));
}

__m128i block_at(std::string_view text, std::size_t at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
}

template <int Count>
__m128i shifted(__m128i bytes, __m128i previous) {
  return _mm_or_si128(_mm_slli_si128(bytes, Count),
                      _mm_srli_si128(previous, sizeof(__m128i) - Count));
}

/// Whether `bytes`, which follow clean ones that end with `previous`, are clean
/// so far as they can be seen.
bool clean_block(__m128i bytes, __m128i previous) {
  const auto before = shifted<1>(bytes, previous);
  const auto due =
      _mm_or_si128(at_least(before, 0xc0),
                   _mm_or_si128(at_least(shifted<2>(bytes, previous), 0xe0),
                                at_least(shifted<3>(bytes, previous), 0xf0)));
  const auto wrong = _mm_or_si128(
      _mm_xor_si128(due, continuations(bytes)),
      _mm_or_si128(_mm_or_si128(at_most(bytes, 0x1f), quotes(bytes)),
                   no_utf8(bytes, before)));
  return bits(wrong) == 0;
}

/// Skips blocks of plain bytes: returns where the first byte is that is not, or
/// that the rest is shorter than a block.
std::size_t skip_plain_blocks(std::string_view text, std::size_t at) {
  for (; text.size() - at >= width; at += width) {
    const auto bytes = block_at(text, at);
    // What is beyond ASCII is negative as a signed number.
    const auto control = _mm_cmplt_epi8(bytes, each(0x20));
    const auto others = bits(_mm_or_si128(control, quotes(bytes)));
    if (others != 0)
      return at + static_cast<std::size_t>(std::countr_zero(others));
  }
  return at;
}

/// Skips blocks of clean bytes: returns the start of the last character that it
/// is not sure of.
std::size_t skip_clean_blocks(std::string_view text, std::size_t from) {
  auto previous = _mm_setzero_si128();
  auto at = from;
  for (; text.size() - at >= width; at += width) {
    const auto bytes = block_at(text, at);
    if (!clean_block(bytes, previous)) break;
    previous = bytes;
  }
  if (at == from) return at;
  do
    --at;
  while ((static_cast<unsigned char>(text[at]) & 0xc0) == 0x80);
  return at;
}

}  // namespace

std::size_t clean_run_end(std::string_view text, std::size_t from) {
  auto at = skip_plain_blocks(text, from);
  if (at == text.size()) return at;
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte >= 0x80)
    at = skip_clean_blocks(text, at);
  else if (!plain_bytes[byte])
    return at;
  return end_by_words(text, at);
}

#else

std::size_t clean_run_end(std::string_view text, std::size_t from) {
  return clean_run_end_by_words(text, from);
}

#endif

}  // namespace status2::transport
