// Made-up clients, read by client_frames and by Beast's WebSocket: both hear
// the same and refuse the same.
#include "tests/support/client_transcript.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/beast/_experimental/test/stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <caf/test/unit_test.hpp>

#include <array>
#include <map>
#include <random>
#include <string>
#include <string_view>

using namespace status2::support;
using namespace status2::transport;

namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;

namespace {

constexpr std::size_t limit = 700;

/// The server's side of a WebSocket after the handshake, without a socket.
struct beast_server {
  explicit beast_server(std::size_t read_size)
      : stream(context), client(context) {
    stream.next_layer().connect(client);
    stream.read_message_max(limit);
    stream.control_callback(
        [this](websocket::frame_type type, beast::string_view payload) {
          on_control(type, {payload.data(), payload.size()});
        });
    beast::http::request<beast::http::empty_body> request{
        beast::http::verb::get, "/", 11};
    using beast::http::field;
    request.set(field::host, "test");
    request.set(field::upgrade, "websocket");
    request.set(field::connection, "upgrade");
    request.set(field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
    request.set(field::sec_websocket_version, "13");
    stream.accept(request);
    stream.next_layer().read_size(read_size);
  }

  std::string read(const std::string& bytes) {
    stream.next_layer().append(bytes);
    stream.next_layer().close_remote();
    beast::error_code error;
    std::array<char, 64> part;
    while (!error) {
      const auto count = stream.read_some(boost::asio::buffer(part), error);
      message.append(part.data(), count);
      if (!error && stream.is_message_done()) error = on_message();
    }
    if (const auto reason = reason_of(error)) transcript.add_error(*reason);
    return transcript.text();
  }

 private:
  /// Beast lets a text pass that ends within a character if its last fragment
  /// is empty; this does not.
  beast::error_code on_message() {
    const auto text = std::exchange(message, {});
    if (stream.got_binary()) {
      transcript.on_binary();
    } else if (!websocket::detail::check_utf8(text.data(), text.size())) {
      return websocket::error::bad_frame_payload;
    } else {
      transcript.on_text(text);
    }
    return {};
  }

  void on_control(websocket::frame_type type, std::string_view payload) {
    if (type == websocket::frame_type::ping) transcript.on_ping(payload);
    if (type == websocket::frame_type::pong) transcript.on_pong(payload);
    if (type == websocket::frame_type::close)
      transcript.on_close(stream.reason().code, payload);
  }

  static std::optional<close_reason> reason_of(const beast::error_code& error) {
    if (error == websocket::error::closed || error == boost::asio::error::eof)
      return std::nullopt;
    if (error == websocket::error::message_too_big)
      return close_reason::message_too_big;
    if (error == websocket::error::bad_frame_payload)
      return close_reason::bad_utf8;
    if (error == websocket::condition::protocol_violation)
      return close_reason::protocol_error;
    return close_reason::internal_error;
  }

  boost::asio::io_context context;
  websocket::stream<beast::test::stream, false> stream;
  beast::test::stream client;
  std::string message;
  client_transcript transcript;
};

/// Makes clients up: most of what they send is right.
class made_up_client {
 public:
  explicit made_up_client(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  bool one_in(std::size_t count) { return below(count) == 0; }

  std::string bytes() {
    std::string out;
    for (auto frames = 1 + below(12); frames > 0; --frames)
      out += frame();
    if (one_in(4)) out.resize(below(out.size() + 1));
    for (auto changes = one_in(4) ? 1 + below(3) : 0; changes > 0; --changes)
      change(out);
    return out;
  }

 private:
  std::string frame() {
    if (one_in(4)) return control();
    int first_byte = text_rest_.empty() && !binary_ ? start() : 0;
    if (one_in(60)) first_byte = static_cast<int>(below(3));
    if (one_in(80)) first_byte |= 0x10 << below(3);
    const auto size = one_in(8) ? 0 : below(text_rest_.size() + 1);
    const auto payload =
        binary_ ? binary_payload() : text_rest_.substr(0, size);
    const bool done = binary_ ? one_in(2) : one_in(2) || text_rest_.empty();
    if (done) {
      const auto all = binary_ ? payload : text_rest_;
      binary_ = false;
      text_rest_.clear();
      return client_frame(first_byte | 0x80, all);
    }
    if (!binary_) text_rest_.erase(0, size);
    return client_frame(first_byte, payload);
  }

  /// Of a new message; the first byte of its first frame.
  int start() {
    binary_ = one_in(4);
    if (binary_) return 2;
    text_rest_ = text();
    return 1;
  }

  std::string control() {
    switch (below(12)) {
      case 0:
        return close();
      case 1:
        return client_frame(0x80 | static_cast<int>(below(16)), "");
      case 2:
        return client_frame(one_in(4) ? 0x09 : 0x89,
                            std::string(123 + below(4), 'p'));
      default:
        return client_frame(one_in(2) ? 0x89 : 0x8a,
                            text().substr(0, below(20)));
    }
  }

  std::string close() {
    constexpr std::array codes{0,    999,  1000, 1001, 1004, 1005, 1006, 1010,
                               1011, 1012, 1016, 1016, 2999, 3000, 5000, 65535};
    const auto code = codes[below(codes.size())];
    std::string payload{static_cast<char>(code >> 8),
                        static_cast<char>(code & 0xff)};
    if (one_in(2)) payload += text().substr(0, below(100));
    if (one_in(6)) payload.resize(below(2));
    return client_frame(0x88, payload);
  }

  std::string text() {
    constexpr std::array<std::string_view, 6> right{"a",
                                                    "0123456789",
                                                    "\xc3\xa9",
                                                    "\xe2\x82\xac",
                                                    "\xf0\x9f\x98\x80",
                                                    "\xed\x9f\xbf"};
    constexpr std::array<std::string_view, 6> wrong{
        "\xff", "\xed\xa0\x80", "\xc0\xaf", "\xe2\x82", "\xf4\x90", "\x80"};
    std::string out;
    const auto most = one_in(10) ? 300 : one_in(3) ? 60 : 8;
    for (auto count = below(most); count > 0; --count)
      out += right[below(right.size())];
    if (one_in(15)) out += wrong[below(wrong.size())];
    if (one_in(3)) out += right[below(right.size())];
    return out;
  }

  std::string binary_payload() {
    std::string out(below(one_in(10) ? 800 : 20), '\0');
    for (char& byte : out)
      byte = static_cast<char>(below(256));
    return out;
  }

  void change(std::string& out) {
    if (out.empty()) return;
    const auto at = below(out.size());
    switch (below(4)) {
      case 0:
        out[at] = static_cast<char>(out[at] ^ 1 << below(8));
        break;
      case 1:
        out[at] = static_cast<char>(below(256));
        break;
      case 2:
        out.erase(at, 1 + below(4));
        break;
      default:
        out.insert(at, 1, static_cast<char>(below(256)));
    }
  }

  std::mt19937 random_;
  std::string text_rest_;  ///< of the message under way
  bool binary_ = false;    ///< it is one
};

std::string read_by_beast(const std::string& bytes, std::size_t read_size) {
  return beast_server(read_size).read(bytes);
}

/// Lines of transcripts by their first word, errors with their reason.
void count_lines(const std::string& transcript,
                 std::map<std::string, int>& lines) {
  for (const std::string kind : {"text [", "binary [", "ping [", "pong [",
                                 "close ", "error [protocol_error]",
                                 "error [bad_utf8]", "error [message_too_big]"})
    if (transcript.starts_with(kind) ||
        transcript.find("\n" + kind) != std::string::npos)
      ++lines[kind];
}

}  // namespace

CAF_TEST(made_up_clients_are_understood_as_beast_does) {
  constexpr unsigned clients = 20000;
  // Beast refuses a frame only when its header is whole. The rest of one may
  // as well be good frames.
  const auto good = client_frame(0x89, "");
  const auto rest_of_header = good + good + good;
  std::map<std::string, int> lines;
  for (unsigned seed = 0; seed < clients; ++seed) {
    made_up_client client(seed);
    const auto bytes = client.bytes();
    const auto most = 1 + client.below(client.one_in(2) ? 12 : 600);
    auto ours = decoded(bytes, limit,
                        [&](std::size_t) { return 1 + client.below(most); });
    auto theirs = read_by_beast(bytes, most);
    if (ours != theirs) theirs = read_by_beast(bytes + rest_of_header, most);
    if (ours != theirs) {
      CAF_MESSAGE("seed " << seed);
      CAF_REQUIRE_EQUAL(ours, theirs);
    }
    count_lines(ours, lines);
  }
  // Each thing that can happen has happened, and often.
  CAF_CHECK_EQUAL(lines.size(), 8u);
  for (const auto& [kind, count] : lines) {
    CAF_MESSAGE(kind << " in " << count << " of " << clients);
    CAF_CHECK(count >= 200);
  }
}

CAF_TEST(every_start_of_a_header_is_taken_as_beast_does) {
  std::mt19937 random(1);
  std::size_t refused = 0;
  for (int first_byte = 0; first_byte < 256; ++first_byte)
    for (int second_byte = 0; second_byte < 256; ++second_byte) {
      std::string bytes{static_cast<char>(first_byte),
                        static_cast<char>(second_byte)};
      // Enough for a length, a mask and a control frame's payload.
      for (int at = 0; at < 140; ++at)
        bytes += static_cast<char>(at < 6 ? 0 : random() % 256);
      auto ours = decoded(bytes, limit, [](std::size_t left) { return left; });
      auto theirs = read_by_beast(bytes, bytes.size());
      if (ours != theirs) {
        CAF_MESSAGE("header " << first_byte << " " << second_byte);
        CAF_REQUIRE_EQUAL(ours, theirs);
      }
      if (ours == "error [protocol_error]\n") ++refused;
    }
  // Of what is masked, seven first bytes may start a message or be whole.
  constexpr std::size_t starts = 65536;
  constexpr std::size_t possible = 896;
  CAF_CHECK(refused >= starts - possible && refused < starts);
}
