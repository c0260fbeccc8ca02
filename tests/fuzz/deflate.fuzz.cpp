// Compressed messages of clients, and texts that are compressed here: nothing
// grows above its limit, and what was compressed comes back.
#include "transport/deflate.hpp"

#include "tests/fuzz/fuzz.hpp"
#include "tests/support/client_transcript.hpp"

#include <string>

using namespace status2;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  // The first byte is the limit, the second the place of a cut.
  constexpr std::size_t settings = 2;
  if (size < settings) return 0;
  const std::size_t limit = data[0] * 64;
  const auto bytes = fuzz::text_of(data, size).substr(settings);

  std::string text;
  const auto error = transport::inflate_message(bytes, limit, text);
  fuzz::holds(text.capacity() <= 2 * (limit + 1) + sizeof(std::string),
              "memory is bounded by the limit");
  fuzz::holds(error || text.size() <= limit, "a text is within the limit");

  // The same as frames, whole and in two.
  const auto cut = std::min<std::size_t>(data[1], bytes.size());
  const auto read = [&](const std::string& frames) {
    return support::decoded(
        frames, limit, [](std::size_t left) { return left; }, true);
  };
  const auto whole = read(support::client_frame(0xc1, bytes));
  const auto parts = read(support::client_frame(0x41, bytes.substr(0, cut)) +
                          support::client_frame(0x80, bytes.substr(cut)));
  fuzz::holds(whole == parts, "fragments change nothing");
  fuzz::holds(!error || whole.starts_with("error "),
              "a bad message is refused");

  const auto payload = transport::deflate_message(bytes);
  if (payload.empty()) return 0;
  fuzz::holds(payload.size() < bytes.size(), "compression makes shorter");
  fuzz::holds(
      !transport::inflate_message(payload, bytes.size(), text) && text == bytes,
      "what was compressed comes back");
  return 0;
}
