#include "transport/client_frames.hpp"

#include "transport/deflate.hpp"
#include "transport/utf8.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace status2::transport {

namespace {

constexpr std::uint8_t reserved_bits = 0x70;
constexpr std::uint8_t reserved_bits_but_rsv1 = 0x30;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t length_bits = 0x7f;
constexpr std::uint8_t two_byte_length = 126;
constexpr std::uint8_t longest_control_payload = 125;
constexpr std::size_t start_size = 2;

/// Source: RFC 6455 section 7.4 and, for 1012 to 1014, IANA's registry.
bool is_close_code(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         code >= 3000;
}

/// `text` without the ASCII that it starts with, to the word.
std::string_view behind_ascii(std::string_view text) {
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  std::uint64_t word = 0;
  while (text.size() >= sizeof(word)) {
    std::memcpy(&word, text.data(), sizeof(word));
    if ((word & high_bits) != 0) break;
    text.remove_prefix(sizeof(word));
  }
  return text;
}

/// Whether `text`, which is no character, begins one.
bool begins_character(std::string_view text) {
  if (text.empty() || text.size() > 3) return false;
  // Which second bytes may follow depends on the first: if any does, then the
  // lowest or the highest of all.
  const std::string start(text);
  return utf8_sequence(start + "\x80\x80\x80") > 0 ||
         utf8_sequence(start + "\xbf\xbf\xbf") > 0;
}

/// Bytes at the end of `text` that begin a character; nothing if no text goes
/// on like this.
std::optional<std::size_t> unfinished_character(std::string_view text) {
  for (text = behind_ascii(text); !text.empty(); text = behind_ascii(text)) {
    const auto length = utf8_sequence(text);
    if (length == 0) {
      if (!begins_character(text)) return std::nullopt;
      return text.size();
    }
    text.remove_prefix(length);
  }
  return 0;
}

}  // namespace

std::optional<close_reason> client_frames::feed(std::span<char> bytes,
                                                client_events& events) {
  failure error;
  while (!bytes.empty() && !over_) {
    error = take_some(bytes, events);
    over_ = over_ || error;
  }
  if (over_) kept_.reset();
  return error;
}

std::size_t client_frames::kept_bytes() const {
  return kept_ ? sizeof(std::string) + kept_->capacity() : 0;
}

client_frames::failure client_frames::take_some(std::span<char>& bytes,
                                                client_events& events) {
  if (!in_payload_) {
    if (const auto error = take_header(bytes)) return error;
    if (in_payload_) over_ = !events.on_frame(remaining_);
  }
  if (in_payload_ && !over_) return take_payload(bytes, events);
  return std::nullopt;
}

client_frames::failure client_frames::take_header(std::span<char>& bytes) {
  if (!fill_header(bytes, start_size)) return std::nullopt;
  if (const auto error = check_start()) return error;
  const auto length_end = start_size + length_size();
  if (!fill_header(bytes, length_end)) return std::nullopt;
  if (const auto error = check_length()) return error;
  if (!fill_header(bytes, length_end + key_.size())) return std::nullopt;
  remaining_ = length();
  std::copy_n(header_.begin() + length_end, key_.size(), key_.begin());
  if (!is_control()) message_size_ += remaining_;
  if (kind() == opcode::text || kind() == opcode::binary) {
    message_ = kind();
    compressed_ = is_compressed();
  }
  in_payload_ = true;
  return std::nullopt;
}

bool client_frames::fill_header(std::span<char>& bytes, std::size_t size) {
  if (header_size_ >= size) return true;
  const auto count = std::min(size - header_size_, bytes.size());
  std::copy_n(bytes.begin(), count, header_.begin() + header_size_);
  header_size_ += count;
  bytes = bytes.subspan(count);
  return header_size_ == size;
}

client_frames::failure client_frames::check_start() const {
  const bool may_be_compressed =
      deflate_ && (kind() == opcode::text || kind() == opcode::binary);
  const auto reserved =
      may_be_compressed ? reserved_bits_but_rsv1 : reserved_bits;
  bool good = (header_[0] & reserved) == 0 && (header_[1] & mask_bit) != 0;
  switch (kind()) {
    case opcode::text:
    case opcode::binary:
      good = good && message_ == opcode::continuation;
      break;
    case opcode::continuation:
      good = good && message_ != opcode::continuation;
      break;
    case opcode::close:
    case opcode::ping:
    case opcode::pong:
      good = good && is_final() &&
             (header_[1] & length_bits) <= longest_control_payload;
      break;
    default:
      good = false;
  }
  if (!good) return close_reason::protocol_error;
  return std::nullopt;
}

client_frames::failure client_frames::check_length() const {
  constexpr std::array<std::uint64_t, 9> least{0, 0, 126, 0, 0, 0, 0, 0, 65536};
  constexpr std::uint64_t top_bit = std::uint64_t{1} << 63U;
  if (length() < least[length_size()] || (length() & top_bit) != 0)
    return close_reason::protocol_error;
  if (!is_control() && length() > max_message_size_ - message_size_)
    return close_reason::message_too_big;
  return std::nullopt;
}

std::size_t client_frames::length_size() const {
  const auto length = header_[1] & length_bits;
  if (length < two_byte_length) return 0;
  return length == two_byte_length ? 2 : 8;
}

std::uint64_t client_frames::length() const {
  const auto size = length_size();
  if (size == 0) return header_[1] & length_bits;
  std::uint64_t length = 0;
  for (std::size_t at = 0; at < size; ++at)
    length = length << 8 | header_[start_size + at];
  return length;
}

client_frames::failure client_frames::take_payload(std::span<char>& bytes,
                                                   client_events& events) {
  const auto part =
      bytes.first(std::min<std::uint64_t>(remaining_, bytes.size()));
  bytes = bytes.subspan(part.size());
  remaining_ -= part.size();
  if (remaining_ == 0) {
    in_payload_ = false;
    header_size_ = 0;
  }
  if (is_control()) return take_control(part, events);
  const bool whole = remaining_ == 0 && is_final();
  const auto message = message_;
  if (whole) {
    message_ = opcode::continuation;
    message_size_ = 0;
  }
  if (message == opcode::text) return take_text(part, whole, events);
  if (whole) over_ = !events.on_binary();
  return std::nullopt;
}

client_frames::failure client_frames::take_text(std::span<char> part,
                                                bool whole,
                                                client_events& events) {
  unmask(part);
  std::string_view text(part.data(), part.size());
  if (kept_ || (!whole && !text.empty())) text = keep(text);
  if (compressed_) {
    if (!whole) return std::nullopt;
    const auto parts = std::move(kept_);
    return take_deflated(text, events);
  }
  const auto unchecked = part.size() + character_;
  const auto begun = unfinished_character(text.substr(text.size() - unchecked));
  if (!begun || (whole && *begun > 0)) return close_reason::bad_utf8;
  character_ = static_cast<std::uint8_t>(*begun);
  if (!whole) return std::nullopt;
  const auto parts = std::move(kept_);
  over_ = !events.on_text(text);
  return std::nullopt;
}

client_frames::failure client_frames::take_deflated(std::string_view payload,
                                                    client_events& events) {
  std::string text;
  if (const auto error = inflate_message(payload, max_message_size_, text))
    return error;
  if (unfinished_character(text) != 0) return close_reason::bad_utf8;
  const auto more = text.size() - std::min(text.size(), payload.size());
  over_ = !events.on_inflated(more) || !events.on_text(text);
  return std::nullopt;
}

client_frames::failure client_frames::take_control(std::span<char> part,
                                                   client_events& events) {
  unmask(part);
  const std::string_view payload(part.data(), part.size());
  if (remaining_ == 0 && !kept_) return on_control(payload, events);
  if (!payload.empty()) keep(payload);
  if (remaining_ > 0) return std::nullopt;
  const auto before = message_ == opcode::text ? message_size_ : 0;
  const auto joined = kept_->substr(before);
  kept_->resize(before);
  if (before == 0) kept_.reset();
  return on_control(joined, events);
}

client_frames::failure client_frames::on_control(std::string_view payload,
                                                 client_events& events) {
  if (kind() == opcode::close) return on_close(payload, events);
  over_ = !(kind() == opcode::ping ? events.on_ping(payload)
                                   : events.on_pong(payload));
  return std::nullopt;
}

client_frames::failure client_frames::on_close(std::string_view payload,
                                               client_events& events) {
  over_ = true;
  if (payload.empty()) {
    events.on_close(0, {});
    return std::nullopt;
  }
  if (payload.size() == 1) return close_reason::protocol_error;
  const auto byte = [payload](std::size_t at) {
    return static_cast<std::uint8_t>(payload[at]);
  };
  const auto code = static_cast<std::uint16_t>(byte(0) << 8 | byte(1));
  if (!is_close_code(code)) return close_reason::protocol_error;
  const auto reason = payload.substr(sizeof(code));
  // RFC 6455 leaves the code open; clients of the Go service know this one.
  if (unfinished_character(reason) != 0) return close_reason::protocol_error;
  events.on_close(code, reason);
  return std::nullopt;
}

void client_frames::unmask(std::span<char> bytes) {
  std::array<std::uint8_t, 2 * sizeof(key_)> keys;
  std::copy(key_.begin(), key_.end(), keys.begin());
  std::copy(key_.begin(), key_.end(), keys.begin() + key_.size());
  std::uint64_t mask = 0;
  std::memcpy(&mask, keys.data(), sizeof(mask));
  auto rest = bytes;
  for (; rest.size() >= sizeof(mask); rest = rest.subspan(sizeof(mask))) {
    std::uint64_t word = 0;
    std::memcpy(&word, rest.data(), sizeof(word));
    word ^= mask;
    std::memcpy(rest.data(), &word, sizeof(word));
  }
  for (std::size_t at = 0; at < rest.size(); ++at)
    rest[at] = static_cast<char>(rest[at] ^ keys[at]);
  std::rotate(key_.begin(), key_.begin() + rest.size() % key_.size(),
              key_.end());
}

std::string_view client_frames::keep(std::string_view part) {
  if (!kept_) kept_ = std::make_unique<std::string>();
  return kept_->append(part);
}

}  // namespace status2::transport
