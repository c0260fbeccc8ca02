// Bytes from a client: however they are cut, the same comes of them, and no
// more is kept than has come.
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/client_transcript.hpp"
#include "transport/utf8.hpp"

#include <string>

using namespace status2;

namespace {

class strict_events final : public transport::client_events {
 public:
  explicit strict_events(std::size_t limit) : limit_(limit) {}

  bool on_text(std::string_view message) override {
    fuzz::holds(message.size() <= limit_, "a message is within the limit");
    check_utf8(message);
    return next();
  }
  bool on_binary() override { return next(); }
  bool on_ping(std::string_view payload) override { return control(payload); }
  bool on_pong(std::string_view payload) override { return control(payload); }
  void on_close(std::uint16_t code, std::string_view reason) override {
    fuzz::holds(code == 0 ? reason.empty() : code >= 1000, "codes are codes");
    check_utf8(reason);
    next();
    over_ = true;
  }

 private:
  bool next() {
    fuzz::holds(!over_, "nothing follows a Close");
    return true;
  }
  bool control(std::string_view payload) {
    fuzz::holds(payload.size() <= 125, "a control frame is short");
    return next();
  }
  static void check_utf8(std::string_view text) {
    while (!text.empty()) {
      const auto length = transport::utf8_sequence(text);
      fuzz::holds(length > 0, "text is UTF-8");
      text.remove_prefix(length);
    }
  }

  std::size_t limit_;
  bool over_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  // The first byte is the limit, the next four are the sizes of the reads.
  constexpr std::size_t settings = 5;
  if (size < settings) return 0;
  const std::size_t limit = data[0] * 16;
  std::string bytes(fuzz::text_of(data, size).substr(settings));
  for (const bool deflate : {false, true}) {
    const auto whole = support::decoded(
        bytes, limit, [](std::size_t left) { return left; }, deflate);
    std::size_t turn = 0;
    const auto parts = support::decoded(
        bytes, limit, [&](std::size_t) { return data[1 + turn++ % 4]; },
        deflate);
    fuzz::holds(whole == parts, "cuts change nothing");

    transport::client_frames frames(limit, deflate);
    strict_events events(limit);
    auto copy = bytes;
    std::size_t fed = 0;
    for (char& byte : copy) {
      frames.feed({&byte, 1}, events);
      ++fed;
      fuzz::holds(frames.kept_bytes() <= sizeof(std::string) + 30 + 2 * fed,
                  "what is kept has come");
    }
  }
  return 0;
}
