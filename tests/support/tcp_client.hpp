/// A blocking connection over loopback, or to a Unix socket, with deadlines,
/// and HTTP over it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_session_st;

namespace status2::support {

/// Longest that a test waits for what must come.
inline constexpr std::chrono::seconds patience{15};

/// How a client speaks TLS.
struct tls_client_options {
  std::string certificate{};  ///< paths of PEM files; empty: none is shown
  std::string key{};
  std::string protocol = "http/1.1";  ///< offered by ALPN; empty: none
  bool newest = true;                 ///< false: TLS 1.2 at most
  /// Bytes before the handshake.
  std::string first{};
  /// What an earlier connection left, to be resumed; null: nothing.
  std::shared_ptr<ssl_session_st> ticket{};
};

/// Owns: the socket. Thread: one. Errors: a connect that fails throws; an end
/// of the stream is closed().
class tcp_client {
 public:
  explicit tcp_client(std::uint16_t port);
  explicit tcp_client(const std::string& unix_path);
  ~tcp_client();
  tcp_client(tcp_client&& other) noexcept;
  tcp_client& operator=(tcp_client&& other) noexcept;

  /// Does a TLS handshake, for all that follows. The certificate of the server
  /// is not checked. Errors: throws with OpenSSL's reason.
  void secure(const tls_client_options& options = {});
  /// The version and the cipher, such as `TLSv1.3 TLS_AES_256_GCM_SHA384`.
  std::string cipher() const;
  bool resumed() const;
  /// The common name in the server's certificate.
  std::string server_name() const;
  /// For tls_client_options; after something was received.
  std::shared_ptr<ssl_session_st> ticket() const;
  /// Asks for new keys in both directions (TLS 1.3).
  void update_keys();
  int descriptor() const { return socket_; }

  /// Sends all of it, or as much as the peer takes before it closes.
  void send(std::string_view bytes);
  /// Waits for more bytes and appends them to buffer(). False at the deadline
  /// or at the end of the stream.
  bool receive(std::chrono::steady_clock::time_point until);
  std::string& buffer() { return buffer_; }
  bool closed() const { return closed_; }
  /// Ends the connection with a reset instead of a FIN.
  void reset();
  /// No more bytes from us; the peer sees a FIN.
  void finish();
  void close();
  /// The kernel's buffer for what comes in.
  void receive_buffer(int bytes);

 private:
  int socket_ = -1;
  std::shared_ptr<ssl_st> tls_;
  std::string buffer_;
  bool closed_ = false;
};

struct http_response {
  unsigned status = 0;  ///< 0: no whole answer came
  std::string head;     ///< with its lines' ends
  std::string body;
  /// Value of a header, by lower-case name; nothing if it is absent.
  std::optional<std::string> header(std::string_view name) const;
};

/// Reads an answer's head and, by Content-Length or to the end, its body. An
/// answer of 101 has none.
http_response read_response(tcp_client& connection, bool with_body = true);

/// One request on a connection of its own. `headers`: lines with `\r\n`.
http_response request(std::uint16_t port, std::string_view method,
                      std::string_view path, std::string_view headers = {});

}  // namespace status2::support
