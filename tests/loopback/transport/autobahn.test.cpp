// Frames by the book: every case of the Autobahn fuzzing client's groups 1 to 7
// and 10, over a socket.
#include "tests/support/autobahn_cases.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/transport_server.hpp"
#include "tests/support/viewer.hpp"

#include <caf/test/unit_test.hpp>

#include <set>

using namespace status2;
using namespace status2::support;
using namespace std::chrono_literals;

namespace {

constexpr std::uint8_t close_frame = 0x88;
/// Bytes of a malformed message that a session reports.
constexpr std::size_t shown = 120;

struct fixture {
  fixture() {
    options.session.ping_interval = 1h;
    // Above the 256 KB of case 7.1.6.
    options.session.max_message_size = 1 << 20;
    server = std::make_unique<transport_server>(options);
  }

  /// Runs one case on a connection of its own. Returns what went wrong.
  std::string run(const autobahn_case& each) {
    const auto texts_before = server->malformed().size();
    const auto reports_before = server->reports().size();
    viewer client(server->port(), "autobahn:" + each.number);
    transcript.clear();
    for (const auto& [bytes, then] : each.steps) {
      client.connection().send(bytes);
      if (then == autobahn_step::wait::pong) read_frame(client);
      if (then == autobahn_step::wait::kept && !eventually(patience, [&] {
            return server->session_counters().inbound_memory.value() > 0;
          }))
        return "the start of the message was not kept";
    }
    std::string expected;
    for (const auto& payload : each.pongs)
      expected += "pong [" + payload + "]\n";
    if (each.stays_open) {
      expected += "text [" + std::string(ping_text) + "]\n";
      client.init();
      while (read_frame(client) == server_frame::kind::pong) {
      }
      client.send_frame(close_frame, "\x03\xe8");
    }
    expected += "close " + std::to_string(each.stays_open ? 1000 : each.code);
    while (read_frame(client)) {
    }
    if (transcript != expected)
      return "expected:\n" + expected + "\ncame:\n" + transcript;
    client.connection().finish();
    if (!client.ended()) return "the server did not end the connection";
    if (!eventually(patience,
                    [&] { return server->reports().size() > reports_before; }))
      return "the session did not end";
    if (server->reports().back().reason != each.reason)
      return "the session ended for another reason";
    return check_texts(each, texts_before);
  }

  /// Whether the text messages of the case, and no others, came as sent.
  std::string check_texts(const autobahn_case& each, std::size_t before) {
    auto texts = server->malformed();
    texts.erase(texts.begin(), texts.begin() + static_cast<long>(before));
    auto expected = each.texts;
    for (auto& text : expected)
      text.resize(std::min(text.size(), shown));
    if (texts != expected) return "the text messages that came are not those";
    return {};
  }

  /// Appends the next frame to the transcript.
  std::optional<server_frame::kind> read_frame(viewer& client) {
    const auto frame = client.next();
    if (!frame) return std::nullopt;
    switch (frame->what) {
      case server_frame::kind::text:
        transcript += "text [" + frame->text + "]\n";
        break;
      case server_frame::kind::ping:
        transcript += "ping [" + frame->text + "]\n";
        break;
      case server_frame::kind::pong:
        transcript += "pong [" + frame->text + "]\n";
        break;
      case server_frame::kind::close:
        transcript += "close " + std::to_string(frame->code);
        break;
    }
    return frame->what;
  }

  transport_options options;
  std::unique_ptr<transport_server> server;
  std::string transcript;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(autobahn_tests, fixture)

CAF_TEST(all_247_cases_of_autobahn_pass) {
  std::set<std::string> passed;
  for (const auto& each : autobahn_cases()) {
    const auto problem = run(each);
    if (problem.empty())
      passed.insert(each.number);
    else
      CAF_ERROR("case " << each.number << ": " << problem);
  }
  CAF_CHECK_EQUAL(passed.size(), 247u);
}

CAF_TEST_FIXTURE_SCOPE_END()
