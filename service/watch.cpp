#include "service/watch.hpp"

#include "redis/backoff.hpp"
#include "redis/tls.hpp"
#include "service/configuration_load.hpp"
#include "service/dial_awaitable.hpp"
#include "service/event_parser.hpp"
#include "service/tls_pipe.hpp"

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
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/json/parse.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <ostream>
#include <random>
#include <stdexcept>
#include <utility>

namespace status2::service {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
namespace http = beast::http;
using tcp_stream = beast::basic_stream<asio::generic::stream_protocol>;
using socket_stream = websocket::stream<tcp_stream>;

constexpr std::chrono::seconds connect_limit{5};
// Two and a bit of the longest usual heartbeats without a frame: it is dead.
constexpr std::chrono::seconds silence_limit{75};
// Three heartbeats of an event stream.
constexpr std::chrono::seconds stream_silence_limit{45};
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
        notes_(notes) {
    if (!target.tls) return;
    const auto made = redis::make_tls_context({settings.ca_file, {}, {}});
    tls_ = {made, &made->context};
    error_ = made->error;
  }

  /// Connects again and again until done or refused.
  asio::awaitable<void> run();
  const std::string& error() const { return error_; }

 private:
  asio::awaitable<void> attempt();
  /// A connection, over TLS if the address asks for it.
  asio::awaitable<redis::dialed_socket> connect();
  asio::awaitable<void> watch_socket();
  asio::awaitable<void> shake_hands(socket_stream& stream);
  asio::awaitable<void> read_all(socket_stream& stream);
  asio::awaitable<void> watch_stream();
  asio::awaitable<void> read_events(tcp_stream& stream);
  std::string host() const;
  /// The header of that name; empty: none.
  std::string authorization() const;
  void note_connected();
  /// Nothing, or the error of a request that is refused for good.
  static std::string refused(unsigned status, std::string_view body);
  /// Whether `text` is a ping.
  bool take(const std::string& text);
  void print(const boost::json::object& frame, const std::string& text);
  bool done() const { return settings_.count != 0 && seen_ >= settings_.count; }

  asio::io_context& context_;
  const watch_target& target_;
  const watch_settings& settings_;
  std::ostream& out_;
  std::ostream& notes_;
  std::uint64_t seen_ = 0;
  std::string last_id_;  ///< from which to go on
  /// Shortest pause that the broker wants before the next attempt.
  std::chrono::nanoseconds retry_{0};
  bool connected_ = false;
  std::shared_ptr<asio::ssl::context> tls_;  ///< null: plain
  std::string error_;
};

asio::awaitable<void> watcher::run() {
  std::minstd_rand random(std::random_device{}());
  std::uniform_real_distribution<> chance(0, 1);
  std::uint32_t failures = 0;
  while (error_.empty()) {
    connected_ = false;
    retry_ = {};
    co_await attempt();
    if (done() || !error_.empty()) co_return;
    failures = connected_ ? 1 : failures + 1;
    const std::chrono::nanoseconds pause =
        between_attempts.after(failures, chance(random));
    asio::steady_timer timer(context_, std::max(pause, retry_));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> watcher::attempt() {
  try {
    if (settings_.event_stream)
      co_await watch_stream();
    else
      co_await watch_socket();
  } catch (const boost::system::system_error& problem) {
    notes_ << "status2: " << problem.code().message() << std::endl;
  } catch (const std::runtime_error& problem) {
    notes_ << "status2: " << problem.what() << std::endl;
  }
}

std::string watcher::authorization() const {
  if (settings_.token_file.empty()) return {};
  const auto token = read_file(settings_.token_file);
  if (!token)
    throw std::runtime_error(settings_.token_file + " cannot be read");
  return "Bearer " + *token;
}

asio::awaitable<redis::dialed_socket> watcher::connect() {
  auto socket = co_await connect_to(context_, target_.where, connect_limit);
  if (tls_)
    co_await secure(context_, socket, tls_, target_.where.host, connect_limit);
  co_return socket;
}

std::string watcher::host() const {
  return target_.where.unix_path.empty() ? redis::to_text(target_.where)
                                         : "localhost";
}

void watcher::note_connected() {
  connected_ = true;
  notes_ << "status2: connected" << std::endl;
}

std::string watcher::refused(unsigned status, std::string_view body) {
  if (status < 400 || status >= 500) return {};
  return "refused: " + std::to_string(status) + " " + std::string(body);
}

asio::awaitable<void> watcher::watch_socket() {
  auto socket = co_await connect();
  socket_stream stream(std::move(socket));
  co_await shake_hands(stream);
  if (!error_.empty()) co_return;
  note_connected();
  co_await read_all(stream);
}

asio::awaitable<void> watcher::shake_hands(socket_stream& stream) {
  stream.set_option(
      websocket::stream_base::timeout{connect_limit, silence_limit, false});
  stream.read_message_max(0);
  const auto token = authorization();
  if (!token.empty())
    stream.set_option(websocket::stream_base::decorator(
        [token](websocket::request_type& request) {
          request.set(http::field::authorization, token);
        }));
  websocket::response_type response;
  boost::system::error_code failed;
  // g++ 12 destroys a temporary of a co_await expression twice.
  const auto asked = host();
  const auto path = watch_path(target_.path, settings_, last_id_);
  co_await stream.async_handshake(
      response, asked, path, asio::redirect_error(asio::use_awaitable, failed));
  if (!failed) co_return;
  if (failed == websocket::error::upgrade_declined)
    error_ = refused(response.result_int(), response.body());
  if (!error_.empty()) co_return;
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
    if (take(text))
      co_await stream.async_write(asio::buffer(pong), asio::use_awaitable);
  }
  co_await stream.async_close(websocket::close_code::normal,
                              asio::use_awaitable);
}

asio::awaitable<void> watcher::watch_stream() {
  auto socket = co_await connect();
  tcp_stream stream(std::move(socket));
  http::request<http::empty_body> request(
      http::verb::get, watch_path(target_.path, settings_, last_id_), 11);
  request.set(http::field::host, host());
  request.set(http::field::accept, "text/event-stream");
  const auto token = authorization();
  if (!token.empty()) request.set(http::field::authorization, token);
  stream.expires_after(connect_limit);
  co_await http::async_write(stream, request, asio::use_awaitable);
  co_await read_events(stream);
}

asio::awaitable<void> watcher::read_events(tcp_stream& stream) {
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> response;
  response.body_limit(boost::none);
  co_await http::async_read_header(stream, buffer, response,
                                   asio::use_awaitable);
  const auto status = response.get().result_int();
  if (status != 200) {
    co_await http::async_read(stream, buffer, response, asio::use_awaitable);
    error_ = refused(status, response.get().body());
    if (!error_.empty()) co_return;
    throw std::runtime_error("refused: " + std::to_string(status));
  }
  note_connected();
  event_parser events;
  while (!done() && !response.is_done()) {
    stream.expires_after(stream_silence_limit);
    co_await http::async_read_some(stream, buffer, response,
                                   asio::use_awaitable);
    events.feed(std::exchange(response.get().body(), {}),
                [this](const std::string& data) {
                  if (!done()) take(data);
                });
    retry_ = std::chrono::milliseconds{events.retry()};
  }
  if (!done()) notes_ << "status2: the stream ended" << std::endl;
}

bool watcher::take(const std::string& text) {
  boost::system::error_code invalid;
  const auto parsed = boost::json::parse(text, invalid);
  if (invalid || !parsed.is_object()) return false;
  const auto& frame = parsed.get_object();
  const auto* type = frame.if_contains("type");
  const auto* id = frame.if_contains("id");
  const auto* cause = frame.if_contains("cause");
  if (id != nullptr && id->is_string()) last_id_ = id->get_string().c_str();
  print(frame, text);
  if (type == nullptr) return false;
  if (*type == "gap" && cause != nullptr && cause->is_string())
    notes_ << "status2: messages may be missing ("
           << std::string_view(cause->get_string()) << ')' << std::endl;
  return *type == "ping";
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
  if (!parsed || parsed->encoded_host().empty()) return std::nullopt;
  const auto scheme = parsed->scheme();
  watch_target target;
  target.tls = scheme == "wss" || scheme == "https";
  if (!target.tls && scheme != "ws" && scheme != "http") return std::nullopt;
  const std::uint16_t usual_port = target.tls ? 443 : 80;
  target.where.host = parsed->host_address();
  target.where.port =
      parsed->port().empty() ? usual_port : parsed->port_number();
  if (target.where.port == 0) return std::nullopt;
  target.path = std::string(parsed->encoded_target());
  if (target.path.empty()) target.path = "/";
  return target;
}

std::string watch_path(const std::string& path, const watch_settings& settings,
                       const std::string& last) {
  const auto parsed = boost::urls::parse_origin_form(path);
  if (!parsed) return path;
  boost::urls::url target(*parsed);
  auto asked = target.params();
  const auto& since = last.empty() ? settings.since : last;
  if (!since.empty()) asked.set("since", since);
  if (!last.empty()) {
    asked.erase("tail");
    return std::string(target.encoded_target());
  }
  if (settings.tail) asked.set("tail", std::to_string(*settings.tail));
  return std::string(target.encoded_target());
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
