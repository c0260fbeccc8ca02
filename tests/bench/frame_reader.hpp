/// Cuts WebSocket frames of a server out of the bytes of a connection. Pure.
/// Source: RFC 6455 section 5.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace status2::bench {

enum class opcode : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9 };

struct frame_view {
  opcode kind = opcode::text;
  std::string_view payload;  ///< points into the bytes parsed
};

enum class frame_outcome : std::uint8_t { complete, incomplete, malformed };

struct parsed_frame {
  frame_outcome outcome = frame_outcome::incomplete;
  frame_view frame;
  std::size_t size = 0;  ///< bytes of the whole frame
};

/// Parses the first frame of `bytes`. Errors: malformed if it is masked,
/// fragmented or has a reserved bit, which no server under test sends.
parsed_frame parse_frame(std::string_view bytes);

/// One connection's stream of frames; keeps the unfinished end of a read.
class frame_reader {
 public:
  /// Calls `handler(const frame_view&)` for each whole frame. Errors: false
  /// once the stream is malformed; the caller closes the connection.
  template <class Handler>
  bool feed(std::string_view bytes, Handler&& handler) {
    const bool joined = !tail_.empty();
    if (joined) {
      tail_.append(bytes);
      bytes = tail_;
    }
    parsed_frame next = parse_frame(bytes);
    while (next.outcome == frame_outcome::complete) {
      handler(next.frame);
      bytes.remove_prefix(next.size);
      next = parse_frame(bytes);
    }
    if (joined)
      tail_.erase(0, tail_.size() - bytes.size());
    else
      tail_.assign(bytes);
    return next.outcome != frame_outcome::malformed;
  }

 private:
  std::string tail_;
};

/// One connection's stream of events; keeps the unfinished end of a read.
/// Source: the HTML standard section 9.2, as far as the broker uses it.
class event_reader {
 public:
  /// Calls `handler(std::string_view)` for the data of each event that has
  /// some.
  template <class Handler>
  void feed(std::string_view bytes, Handler&& handler) {
    constexpr std::string_view end = "\n\n";
    constexpr std::string_view field = "data: ";
    tail_.append(bytes);
    std::string_view rest = tail_;
    for (auto at = rest.find(end); at != rest.npos; at = rest.find(end)) {
      const auto event = rest.substr(0, at);
      if (const auto data = event.rfind(field); data != event.npos)
        handler(event.substr(data + field.size()));
      rest.remove_prefix(at + end.size());
    }
    tail_.erase(0, tail_.size() - rest.size());
  }

 private:
  std::string tail_;
};

/// A masked text frame as a client sends it; the mask is zero, so the payload
/// stands as it is. Limits: at most 125 bytes.
std::string client_text_frame(std::string_view text);

}  // namespace status2::bench
