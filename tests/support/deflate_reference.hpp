/// Compressed messages as another implementation of RFC 7692 writes and reads
/// them: zlib, used by the book.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <zlib.h>

namespace status2::support {

inline constexpr std::string_view deflate_tail{"\x00\x00\xff\xff", 4};

/// What a client offers that supports all of the extension.
inline constexpr std::string_view deflate_offer =
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

/// `text` as DEFLATE blocks; with Z_SYNC_FLUSH the last one is empty, with
/// Z_FINISH it has the bit BFINAL. `window`: text before it.
inline std::string deflate_blocks(std::string_view text, int flush,
                                  int level = 6, std::string_view window = {}) {
  z_stream stream{};
  if (::deflateInit2(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    throw std::runtime_error("deflateInit2");
  const auto input = [](std::string_view bytes) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  };
  ::deflateSetDictionary(&stream, input(window),
                         static_cast<uInt>(window.size()));
  std::string out(::deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = input(text);
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ::deflate(&stream, flush);
  ::deflateEnd(&stream);
  return out.substr(0, out.size() - stream.avail_out);
}

/// The payload of a compressed message.
inline std::string deflated(std::string_view text, int level = 6) {
  const auto payload = deflate_blocks(text, Z_SYNC_FLUSH, level);
  return payload.substr(0, payload.size() - deflate_tail.size());
}

/// The text of a compressed message. Errors: throws if `payload` is not
/// DEFLATE.
inline std::string inflated(std::string_view payload) {
  z_stream stream{};
  if (::inflateInit2(&stream, -15) != Z_OK)
    throw std::runtime_error("inflateInit2");
  std::string whole(payload);
  whole += deflate_tail;
  std::string text;
  std::string part(65536, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(whole.data());
  stream.avail_in = static_cast<uInt>(whole.size());
  int result = Z_OK;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = static_cast<uInt>(part.size());
    result = ::inflate(&stream, Z_SYNC_FLUSH);
    text.append(part, 0, part.size() - stream.avail_out);
  } while (result == Z_OK && stream.avail_out == 0);
  ::inflateEnd(&stream);
  if ((result != Z_OK && result != Z_BUF_ERROR) || stream.avail_in > 0)
    throw std::runtime_error("a message that is not DEFLATE");
  return text;
}

}  // namespace status2::support
