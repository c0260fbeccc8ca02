#include "transport/deflate.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <zlib.h>

namespace status2::transport {

namespace {

/// DEFLATE without a header, with the largest window (32 KB).
constexpr int raw_window_bits = -MAX_WBITS;
constexpr std::size_t window_size = 32768;

/// End of the empty block that ends every compressed message; it is not sent.
constexpr std::string_view tail("\x00\x00\xff\xff", 4);

Bytef* input_of(std::string_view bytes) {
  // zlib reads only, but its type does not say so.
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

class compressor {
 public:
  compressor() {
    // The thread of the Redis link compresses. A higher level takes up to five
    // times as long for 4 to 8 % of the size.
    constexpr int level = 1;
    constexpr int memory_level = 8;
    ready_ = ::deflateInit2(&stream_, level, Z_DEFLATED, raw_window_bits,
                            memory_level, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~compressor() {
    if (ready_) ::deflateEnd(&stream_);
  }
  compressor(const compressor&) = delete;
  compressor& operator=(const compressor&) = delete;

  std::string run(std::string_view text) {
    std::string payload;
    if (!ready_ || text.size() > std::numeric_limits<uInt>::max())
      return payload;
    ::deflateReset(&stream_);
    // Room for a payload that is shorter than the text, and no more.
    payload.resize(text.size());
    stream_.next_in = input_of(text);
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = reinterpret_cast<Bytef*>(payload.data());
    stream_.avail_out = static_cast<uInt>(payload.size());
    ::deflate(&stream_, Z_SYNC_FLUSH);
    const auto size = payload.size() - stream_.avail_out;
    if (stream_.avail_out == 0 ||
        !std::string_view(payload).substr(0, size).ends_with(tail))
      return {};
    payload.resize(size - tail.size());
    return payload;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

class decompressor {
 public:
  decompressor() {
    if (::inflateInit2(&stream_, raw_window_bits) != Z_OK)
      throw std::bad_alloc();
  }
  ~decompressor() { ::inflateEnd(&stream_); }
  decompressor(const decompressor&) = delete;
  decompressor& operator=(const decompressor&) = delete;

  using failure = std::optional<close_reason>;

  failure run(std::string_view payload, std::size_t limit, std::string& text) {
    ::inflateReset(&stream_);
    text.clear();
    stream_.avail_out = 0;
    between_blocks_ = false;
    for (const auto part : {payload, tail})
      if (const auto error = take(part, limit, text)) return error;
    if (!between_blocks_) return close_reason::protocol_error;
    text.resize(produced(text));
    return std::nullopt;
  }

 private:
  /// Decompresses all of `part`.
  failure take(std::string_view part, std::size_t limit, std::string& text) {
    stream_.next_in = input_of(part);
    stream_.avail_in = static_cast<uInt>(part.size());
    do {
      if (stream_.avail_out == 0 && !grow(limit, text))
        return close_reason::message_too_big;
      const auto result = ::inflate(&stream_, Z_SYNC_FLUSH);
      if (result == Z_MEM_ERROR) throw std::bad_alloc();
      if (result == Z_STREAM_END)
        go_on(text);
      else if (result != Z_OK && result != Z_BUF_ERROR)
        return close_reason::protocol_error;
      // What zlib says in data_type: 128 behind the last bit of a block.
      between_blocks_ =
          result == Z_STREAM_END || (stream_.data_type & 128) != 0;
    } while (stream_.avail_in > 0 || stream_.avail_out == 0);
    return std::nullopt;
  }

  /// Makes room behind what is there. Returns false if that is over the limit.
  bool grow(std::size_t limit, std::string& text) {
    constexpr std::size_t least = 1024;
    const auto size = text.size();
    if (size > limit) return false;
    // One byte above the limit shows that a message is longer.
    text.resize(std::min(std::max(2 * size, least), limit + 1));
    stream_.next_out = reinterpret_cast<Bytef*>(text.data() + size);
    stream_.avail_out = static_cast<uInt>(text.size() - size);
    return true;
  }

  /// A block was the last of its DEFLATE stream, but more may follow in the
  /// message, and refer to what came before.
  void go_on(const std::string& text) {
    ::inflateReset(&stream_);
    const auto size = std::min(produced(text), window_size);
    const auto window = std::string_view(text).substr(produced(text) - size);
    if (::inflateSetDictionary(&stream_, input_of(window),
                               static_cast<uInt>(size)) != Z_OK)
      throw std::bad_alloc();
  }

  std::size_t produced(const std::string& text) const {
    return text.size() - stream_.avail_out;
  }

  z_stream stream_{};
  bool between_blocks_ = false;
};

}  // namespace

std::string deflate_message(std::string_view text) {
  thread_local compressor stream;
  return stream.run(text);
}

std::optional<close_reason> inflate_message(std::string_view payload,
                                            std::size_t limit,
                                            std::string& text) {
  thread_local decompressor stream;
  return stream.run(payload, limit, text);
}

}  // namespace status2::transport
