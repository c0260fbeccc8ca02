/// Which pages may connect (STATUS_ALLOWED_ORIGINS) and which hosts are served
/// (STATUS_HOSTS). Origins and hosts are compared as parts of URLs: case, the
/// default port of a scheme and the dot at the end of a name do not count.
/// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace status2::transport {

/// `host[:port]`, in lower case, without a dot at its end.
struct host_port {
  std::string host;  ///< an IPv6 address has its brackets
  std::string port;  ///< empty: the default port of whichever scheme
};

/// Reads a Host header. Errors: nothing if it is none.
/// Source: RFC 3986 section 3.2.
std::optional<host_port> parse_host(std::string_view text);

/// One item of STATUS_ALLOWED_ORIGINS: `[scheme://]host[:port]` with `*` for
/// any part of the scheme, the host or the whole port, or `null`. Without a
/// scheme it stands for any scheme. Without a port it stands for the default
/// port of the scheme, or for any port if the host ends with `*`.
class origin_pattern {
 public:
  /// Errors: nothing if no origin that a browser sends can match: a path, a
  /// slash at the end, quotes, spaces, letters beyond ASCII (browsers send the
  /// `xn--` form).
  static std::optional<origin_pattern> parse(std::string_view text);

  bool matches(std::string_view scheme, const host_port& where) const;
  bool matches_null() const { return null_; }

 private:
  std::string scheme_ = "*";
  std::string host_;
  std::string port_;
  bool null_ = false;
};

inline constexpr std::size_t longest_origin = 512;  ///< bytes

/// Thread: any, once made.
class origin_rules {
 public:
  /// No patterns: every origin may connect. A text that is not a pattern
  /// matches nothing.
  explicit origin_rules(const std::vector<std::string>& patterns = {});

  /// Whether a page of `origin` may connect: the page of `host` itself may, a
  /// request without an origin (no browser) may, and every origin that a
  /// pattern matches. An origin that is longer than longest_origin may not.
  bool allow(std::string_view origin, std::string_view host) const;

 private:
  bool any_ = true;
  std::vector<origin_pattern> patterns_;
};

/// One item of STATUS_HOSTS: a host name or address without a port, `*.` before
/// it for its subdomains. Errors: false if no Host can match.
bool valid_host_pattern(std::string_view text);

/// The hosts that are served. Thread: any, once made.
class host_rules {
 public:
  /// No patterns: every host is served.
  explicit host_rules(const std::vector<std::string>& patterns = {});

  /// Whether `host`, of a request, is served. A text that is not a host is
  /// served only if every host is.
  bool serve(std::string_view host) const;

 private:
  std::vector<std::string> patterns_;  ///< in lower case, without an end dot
};

}  // namespace status2::transport
