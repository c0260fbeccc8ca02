/// Accepts connections, reads one HTTP request from each and either answers it
/// or hands an upgrade_request on. On the main path of a client: first stop.
#pragma once

#include "transport/admission.hpp"
#include "transport/http_answer.hpp"
#include "transport/io_loop.hpp"
#include "transport/origin.hpp"
#include "transport/proxy_set.hpp"
#include "transport/refusal.hpp"
#include "transport/route.hpp"
#include "transport/tls_context.hpp"
#include "transport/token_authority.hpp"
#include "transport/upgrade.hpp"

#include <boost/system/error_code.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace status2::transport {

struct listener_settings {
  std::string path_prefix;          ///< empty or `/…`, no end slash
  port_role role = port_role::all;  ///< resources of this port
  host_rules hosts{};
  origin_rules allowed_origins{};
  std::vector<std::string> allowed_channels{};  ///< patterns; empty: any
  std::vector<std::string> subprotocols{};      ///< besides status2.v1
  bool compression = false;  ///< clients that offer permessage-deflate get it
  std::chrono::nanoseconds handshake_timeout{std::chrono::seconds{10}};
  /// A connection may wait for its next request for so long.
  std::chrono::nanoseconds keepalive_timeout{std::chrono::seconds{75}};
  /// Bytes of a request's header; of the first one with the PROXY header before
  /// it.
  std::size_t max_header_size = 8192;
  /// Of all TCP connections, behind the PROXY header if there is one. Null:
  /// they are plain, as those of a Unix socket always are.
  std::shared_ptr<const tls_context> tls{};
  proxy_set trusted_proxies{};
  /// Every connection must begin with a PROXY header of a trusted proxy.
  bool proxy_protocol = false;
  std::size_t accept_rate = 0;  ///< upgrades a second; 0: any number
  /// Connections that are no sessions, or not yet. One more takes the place of
  /// the one that has been without a whole request for longest; where all have
  /// one, it waits. 0: any number.
  std::size_t most_requests = 0;
  /// Who judges the tokens that clients need; null: they need none.
  std::shared_ptr<token_authority> tokens{};
};

/// A request for a page.
struct page_request {
  resource page = resource::health;
  std::string if_none_match{};    ///< the header; empty: there is none
  std::string accept_encoding{};  ///< likewise
};

/// A request for a command of the chaos door.
struct command_request {
  resource command = resource::chaos_unknown;
  bool method_allowed = false;  ///< the method belongs to the command
  std::string path;
  std::string authorization;
  bool from_page = false;  ///< it has an Origin: a browser sent it
  std::string body;        ///< empty in on_command_head()
  std::string remote;
  address client;  ///< no_address: a Unix socket, without a name for it
};

/// A request that was refused, for the log. Valid during the call.
struct refused_request {
  refusal why;
  std::string_view remote;
  std::string_view origin;  ///< as the client sent it
  std::string_view path;    ///< as the client sent it, without the query
  /// What is wrong in more detail than the refusal says; may be empty.
  std::string_view detail{};
};

/// Gives the answer to a request. To be called once, at any time, on any
/// thread.
using answer_function = std::function<void(http_reply)>;

/// What the listener's owner provides. Thread: called on the listener's loop.
class listener_events {
 public:
  virtual ~listener_events() = default;
  /// Answers GET or HEAD of a page.
  virtual void on_page(const page_request& request, answer_function answer) = 0;
  /// Judges a command by its header. Returns the answer to a command whose body
  /// is not wanted.
  virtual std::optional<http_reply> on_command_head(
      const command_request& request) = 0;
  /// Carries out a command that on_command_head() let through.
  virtual void on_command(command_request&& request,
                          answer_function answer) = 0;
  /// A place for a client at `who`, kept in upgrade_request::place.
  virtual admission_result on_admission(const address& who) = 0;
  /// A client wants a channel.
  virtual void on_upgrade(upgrade_request&& request) = 0;
  /// A request was refused; the listener answers it.
  virtual void on_refused(const refused_request& request) = 0;
  /// A TLS handshake failed; `problem` is why, in OpenSSL's words.
  virtual void on_tls_failed(std::string_view remote,
                             std::string_view problem) = 0;
  /// Accepting failed, or there was no memory for what was accepted; the
  /// listener retries by itself after 100 ms.
  virtual void on_accept_error(const boost::system::error_code& error) = 0;
  /// An exception, which is a bug, ended a connection without an answer.
  virtual void on_request_failed(std::string_view what) noexcept = 0;
};

/// Thread: that of `loop`, apart from the constructor.
class listener : public std::enable_shared_from_this<listener> {
 public:
  listener(io_loop& loop, listener_settings settings,
           std::unique_ptr<listener_events> events);
  ~listener();

  /// Binds and listens at one item of STATUS_LISTEN_ADDR; to be called for
  /// each. All share limits and gate. Errors: as open_all() of
  /// transport/listening_socket.hpp; the caller ends with exit code 1.
  /// Blocks: while a name is looked up. Thread: any, before start().
  boost::system::error_code open(const std::string& address);
  /// The port of the address that was opened last; 0: a Unix socket.
  unsigned short port() const;
  void start();
  /// Replaces settings.trusted_proxies, for the next decision about them.
  void trust(proxy_set proxies);
  /// Replaces settings.tls for connections that come from now on.
  void certify(std::shared_ptr<const tls_context> tls);
  /// Replaces all settings but trusted proxies, TLS and tokens. Connections
  /// that are open follow from their next request on.
  void change(listener_settings settings);
  /// No new sockets; half-read requests are dropped. Files of Unix sockets are
  /// removed.
  void stop();

 private:
  struct implementation;
  std::shared_ptr<implementation> impl_;
};

}  // namespace status2::transport
