// Compression by the book: every case of the Autobahn fuzzing client's groups
// 12 and 13, over a socket. Autobahn sends 1,000 messages in each; here it is
// one to five, so that all of them take seconds under AddressSanitizer.
#include "tests/support/autobahn_deflate.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/transport_server.hpp"
#include "tests/support/viewer.hpp"
#include "transport/client_message.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <set>

using namespace status2;
using namespace status2::support;
using namespace std::chrono_literals;

namespace {

constexpr std::uint8_t close_frame = 0x88;
/// Bytes of a malformed message that a session reports.
constexpr std::size_t shown = 120;
constexpr std::size_t most_messages = 20;
constexpr std::size_t most_bytes = 200000;

struct fixture {
  fixture() {
    options.listener.compression = true;
    options.session.ping_interval = 1h;
    options.session.max_message_size = 1 << 20;
    server = std::make_unique<transport_server>(options);
  }

  /// Runs one case on a connection of its own. Returns what went wrong.
  std::string run(const deflate_case& each) {
    const auto before = server->malformed().size();
    viewer client(
        server->port(), "autobahn:" + each.number,
        {.headers = "Sec-WebSocket-Extensions: " + each.offer + "\r\n"});
    const auto answer = client.answer().header("sec-websocket-extensions");
    if (answer.value_or("") != each.answer)
      return "the offer was answered: " + answer.value_or("");
    client.connection().send(each.bytes());
    if (!client.live()) return "the connection works no longer";
    client.send_frame(close_frame, "\x03\xe8");
    if (client.close_code() != 1000) return "the close was not answered";
    auto texts = server->malformed();
    texts.erase(texts.begin(), texts.begin() + static_cast<long>(before));
    if (texts != expected(each)) return "the text messages are not those";
    return {};
  }

  /// What the server reports of the messages: those that are not JSON.
  static std::vector<std::string> expected(const deflate_case& each) {
    std::vector<std::string> texts;
    if (each.binary) return texts;
    for (const auto& message : each.messages)
      if (transport::parse_client_message(message) ==
          transport::client_message::malformed)
        texts.push_back(message.substr(0, shown));
    return texts;
  }

  transport_options options;
  std::unique_ptr<transport_server> server;
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(autobahn_deflate_tests, fixture)

CAF_TEST(all_216_cases_of_autobahn_pass) {
  std::set<std::string> passed;
  for (const auto& each : deflate_cases(most_messages, most_bytes)) {
    const auto problem = run(each);
    if (problem.empty())
      passed.insert(each.number);
    else
      CAF_ERROR("case " << each.number << ": " << problem);
  }
  CAF_CHECK_EQUAL(passed.size(), 216u);
}

CAF_TEST_FIXTURE_SCOPE_END()
