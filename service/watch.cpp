#include "service/watch.hpp"

#include "redis/backoff.hpp"
#include "service/dial_awaitable.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/json/parse.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <chrono>
#include <ostream>
#include <random>
#include <stdexcept>

namespace status2::service {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using socket_stream =
    websocket::stream<beast::basic_stream<asio::generic::stream_protocol>>;

constexpr std::chrono::seconds connect_limit{5};
// Two and a bit of the longest usual heartbeats without a frame: it is dead.
constexpr std::chrono::seconds silence_limit{75};
constexpr redis::backoff between_attempts{std::chrono::milliseconds{250},
                                          std::chrono::seconds{10}};

/// One run of the command: what outlives a connection.
class watcher {
 public:
  watcher(asio::io_context& context, const watch_target& target,
          const watch_settings& settings, std::ostream& out,
          std::ostream& notes)
      : context_(context),
        target_(target),
        settings_(settings),
        out_(out),
        notes_(notes) {}

  /// Connects again and again until done or refused.
  asio::awaitable<void> run();
  const std::string& error() const { return error_; }

 private:
  asio::awaitable<void> attempt();
  asio::awaitable<void> shake_hands(socket_stream& stream);
  asio::awaitable<void> read_all(socket_stream& stream);
  void print(const boost::json::object& frame, const std::string& text);
  bool done() const { return settings_.count != 0 && seen_ >= settings_.count; }

  asio::io_context& context_;
  const watch_target& target_;
  const watch_settings& settings_;
  std::ostream& out_;
  std::ostream& notes_;
  std::uint64_t seen_ = 0;
  bool connected_ = false;
  std::string error_;
};

asio::awaitable<void> watcher::run() {
  std::minstd_rand random(std::random_device{}());
  std::uniform_real_distribution<> chance(0, 1);
  std::uint32_t failures = 0;
  for (;;) {
    connected_ = false;
    co_await attempt();
    if (done() || !error_.empty()) co_return;
    failures = connected_ ? 1 : failures + 1;
    asio::steady_timer timer(context_,
                             between_attempts.after(failures, chance(random)));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> watcher::attempt() {
  try {
    socket_stream stream(
        co_await connect_to(context_, target_.where, connect_limit));
    co_await shake_hands(stream);
    if (!error_.empty()) co_return;
    connected_ = true;
    notes_ << "status2: connected" << std::endl;
    co_await read_all(stream);
  } catch (const boost::system::system_error& problem) {
    notes_ << "status2: " << problem.code().message() << std::endl;
  } catch (const std::runtime_error& problem) {
    notes_ << "status2: " << problem.what() << std::endl;
  }
}

asio::awaitable<void> watcher::shake_hands(socket_stream& stream) {
  stream.set_option(
      websocket::stream_base::timeout{connect_limit, silence_limit, false});
  stream.read_message_max(0);
  websocket::response_type response;
  boost::system::error_code failed;
  // g++ 12 destroys a temporary of a co_await expression twice.
  const auto host = target_.where.unix_path.empty()
                        ? redis::to_text(target_.where)
                        : std::string("localhost");
  co_await stream.async_handshake(
      response, host, target_.path,
      asio::redirect_error(asio::use_awaitable, failed));
  if (!failed) co_return;
  if (failed == websocket::error::upgrade_declined) {
    const auto status = response.result_int();
    if (status >= 400 && status < 500) {
      error_ = "refused: " + std::to_string(status) + " " +
               std::string(response.body());
      co_return;
    }
  }
  throw boost::system::system_error(failed);
}

asio::awaitable<void> watcher::read_all(socket_stream& stream) {
  static constexpr std::string_view init = R"({"type":"init"})";
  static constexpr std::string_view pong = R"({"type":"pong"})";
  stream.text(true);
  co_await stream.async_write(asio::buffer(init), asio::use_awaitable);
  beast::flat_buffer buffer;
  while (!done()) {
    co_await stream.async_read(buffer, asio::use_awaitable);
    const auto text = beast::buffers_to_string(buffer.data());
    buffer.consume(buffer.size());
    boost::system::error_code invalid;
    const auto parsed = boost::json::parse(text, invalid);
    if (invalid || !parsed.is_object()) continue;
    const auto& frame = parsed.get_object();
    print(frame, text);
    const auto* type = frame.if_contains("type");
    if (type != nullptr && *type == "ping")
      co_await stream.async_write(asio::buffer(pong), asio::use_awaitable);
  }
  co_await stream.async_close(websocket::close_code::normal,
                              asio::use_awaitable);
}

void watcher::print(const boost::json::object& frame, const std::string& text) {
  const auto* type = frame.if_contains("type");
  const auto* data = frame.if_contains("data");
  const bool status = type != nullptr && *type == "status" && data != nullptr &&
                      data->is_string();
  if (status) ++seen_;
  if (settings_.raw) {
    out_ << text << std::endl;
  } else if (status) {
    out_ << std::string_view(data->get_string()) << std::endl;
  }
}

}  // namespace

namespace {

/// `/path/of/socket:/run:channel`: the form of the npm package ws.
std::optional<watch_target> parse_unix_target(std::string_view text) {
  const auto end = text.find(":/");
  if (!text.starts_with('/') || end == std::string_view::npos)
    return std::nullopt;
  watch_target target;
  target.where.unix_path = text.substr(0, end);
  target.path = text.substr(end + 1);
  return target;
}

}  // namespace

std::optional<watch_target> parse_watch_url(std::string_view text) {
  constexpr std::string_view unix_scheme = "ws+unix://";
  if (text.starts_with(unix_scheme))
    return parse_unix_target(text.substr(unix_scheme.size()));
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed || parsed->scheme() != "ws" || parsed->encoded_host().empty())
    return std::nullopt;
  constexpr std::uint16_t http_port = 80;
  watch_target target;
  target.where.host = parsed->host_address();
  target.where.port =
      parsed->port().empty() ? http_port : parsed->port_number();
  if (target.where.port == 0) return std::nullopt;
  target.path = std::string(parsed->encoded_target());
  if (target.path.empty()) target.path = "/";
  return target;
}

std::string watch(const watch_target& target, const watch_settings& settings,
                  std::ostream& out, std::ostream& notes) {
  asio::io_context context(1);
  watcher session(context, target, settings, out, notes);
  asio::co_spawn(context, session.run(), asio::detached);
  context.run();
  return session.error();
}

}  // namespace status2::service
