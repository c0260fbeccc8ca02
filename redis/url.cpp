#include "redis/url.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace status2::redis {

namespace {

constexpr std::uint16_t sentinel_port = 26379;

/// Why a URL is refused. Never leaves this file.
struct refused {
  std::string problem;
};

std::string lower(std::string_view text) {
  std::string result(text);
  for (auto& letter : result)
    letter =
        static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return result;
}

/// Drops `start` from `text`. Returns false if `text` has another start.
bool take(std::string_view& text, std::string_view start) {
  if (!text.starts_with(start)) return false;
  text.remove_prefix(start.size());
  return true;
}

/// A URL cut into its parts, none of which is decoded.
struct url_parts {
  std::string scheme;  ///< in lower case
  bool has_userinfo = false;
  std::string_view userinfo{};
  std::string_view hosts{};
  std::string_view path{};
  std::string_view query{};  ///< with its question mark, or empty
};

url_parts split(std::string_view text) {
  const auto separator = text.find("://");
  if (separator == std::string_view::npos)
    throw refused{"it does not begin with a scheme such as redis://"};
  url_parts parts{.scheme = lower(text.substr(0, separator))};
  text.remove_prefix(separator + 3);
  if (text.find('#') != std::string_view::npos)
    throw refused{"a # stands in it; within a password it is written %23"};
  const auto end = std::min(text.find_first_of("/?"), text.size());
  parts.hosts = text.substr(0, end);
  text.remove_prefix(end);
  const auto question = std::min(text.find('?'), text.size());
  parts.path = text.substr(0, question);
  parts.query = text.substr(question);
  const auto at = parts.hosts.rfind('@');
  if (at != std::string_view::npos) {
    parts.has_userinfo = true;
    parts.userinfo = parts.hosts.substr(0, at);
    parts.hosts.remove_prefix(at + 1);
  }
  return parts;
}

/// Reads `redis`, `valkeys-sentinel` and their like.
void read_scheme(std::string_view scheme, redis_url& url) {
  if (!take(scheme, "redis") && !take(scheme, "valkey"))
    throw refused{"the scheme is not known"};
  url.tls = take(scheme, "s");
  if (scheme == "-sentinel")
    url.kind = topology::sentinel;
  else if (scheme == "-cluster")
    url.kind = topology::cluster;
  else if (!scheme.empty())
    throw refused{"the scheme is not known"};
}

/// Both views must outlive the result.
boost::urls::url_view parse_part(std::string_view text,
                                 std::string_view problem) {
  auto parsed = boost::urls::parse_uri(text);
  if (parsed.has_error()) throw refused{std::string(problem)};
  return *parsed;
}

void read_credentials(const url_parts& parts, redis_url& result) {
  if (!parts.has_userinfo) return;
  constexpr std::string_view problem =
      "the user or the password holds a character that is to be "
      "percent-encoded, such as %40 for @ or %2F for /";
  // Boost.URL takes a second @ for a part of the host.
  if (parts.userinfo.find('@') != std::string_view::npos)
    throw refused{std::string(problem)};
  const auto text = "redis://" + std::string(parts.userinfo) + "@host";
  const auto url = parse_part(text, problem);
  result.user = url.user();
  result.password = url.password();
}

/// Letters, digits, dots, _ and -.
bool plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c < 0x80 &&
           (std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-');
  });
}

/// `name` is what problems call the host.
endpoint read_host(std::string_view text, std::uint16_t standard_port,
                   const std::string& name) {
  const auto whole = "redis://" + std::string(text);
  const auto colon = text.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && text.find(']', colon) == text.npos;
  endpoint where{.host = "localhost", .port = standard_port};
  if (has_port) {
    const auto digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(
        digits.data(), digits.data() + digits.size(), where.port);
    if (error != std::errc{} || end != digits.data() + digits.size() ||
        where.port == 0)
      throw refused{"the port of " + name + " is not a number from 1 to 65535"};
  }
  const auto url =
      parse_part(whole, name + " is neither a name nor an address");
  const std::string host = url.host_address();
  const bool v6 = url.host_type() == boost::urls::host_type::ipv6;
  if (url.has_userinfo() || !url.encoded_path().empty() ||
      (!v6 && (!plain(host) || text.starts_with('['))))
    throw refused{name + " is neither a name nor an address"};
  if (!host.empty()) where.host = host;
  return where;
}

void read_hosts(std::string_view hosts, redis_url& result) {
  const auto standard =
      result.kind == topology::sentinel ? sentinel_port : endpoint{}.port;
  const bool several = hosts.find(',') != std::string_view::npos;
  for (std::size_t number = 1;; ++number) {
    const auto comma = hosts.find(',');
    const auto host = hosts.substr(0, comma);
    const auto name =
        several ? "host " + std::to_string(number) : std::string("the host");
    if (several && host.empty()) throw refused{name + " is empty"};
    result.endpoints.push_back(read_host(host, standard, name));
    if (comma == std::string_view::npos) return;
    hosts.remove_prefix(comma + 1);
  }
}

std::uint32_t read_database(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    throw refused{"the database is not a whole number"};
  return number;
}

void read_master(std::string_view name, redis_url& result) {
  if (name.empty())
    throw refused{"the master's name is missing: .../master after the hosts"};
  // Sentinel itself accepts no other.
  if (!plain(name))
    throw refused{
        "the master's name holds something other than letters, digits, dots, "
        "_ and -"};
  result.master_name = name;
}

/// `/db`, and with Sentinel `/master[/db]`. Returns whether a database is in
/// it.
bool read_path(std::string_view path, redis_url& result) {
  take(path, "/");
  if (path.ends_with('/')) path.remove_suffix(1);
  if (result.kind == topology::sentinel) {
    const auto slash = std::min(path.find('/'), path.size());
    read_master(path.substr(0, slash), result);
    path.remove_prefix(slash);
    take(path, "/");
  }
  if (path.empty()) return false;
  result.database = read_database(path);
  return true;
}

void check_certificate_option(std::string_view value) {
  const auto word = lower(value);
  if (word == "required" || word == "cert_required") return;
  throw refused{
      "the option ssl_cert_reqs asks for TLS without a check of the "
      "certificate; name the certificate of your authority in "
      "STATUS_REDIS_CA_FILE instead"};
}

/// `has_database`: the path named one.
void read_options(const boost::urls::url_view& url, bool has_database,
                  redis_url& result) {
  for (const auto& option : url.params()) {
    const std::string name(option.key);
    const std::string value(option.value);
    if (name == "db") {
      const auto number = read_database(value);
      if (std::exchange(has_database, true) && number != result.database)
        throw refused{"two different databases are named"};
      result.database = number;
    } else if (name == "ssl_cert_reqs") {
      check_certificate_option(value);
    } else if (!name.empty()) {
      result.unknown_options.push_back(name);
    }
  }
}

/// Behind the hosts an @ is most likely part of a password that holds a bare
/// slash or question mark.
void refuse_at(std::string_view text) {
  if (text.find('@') != std::string_view::npos)
    throw refused{
        "an @ stands behind the hosts; within a password / is written %2F and "
        "? is written %3F"};
}

redis_url read_unix(const url_parts& parts) {
  redis_url result;
  if (!parts.hosts.empty())
    throw refused{"a host stands before the path of the socket"};
  refuse_at(parts.query);
  read_credentials(parts, result);
  const auto text =
      "unix://" + std::string(parts.path) + std::string(parts.query);
  const auto url = parse_part(text, "the path of the socket cannot be read");
  endpoint where{.host = {}, .unix_path = url.path()};
  if (where.unix_path.size() < 2)
    throw refused{"the path of the socket is missing"};
  if (where.unix_path.find('\0') != std::string::npos)
    throw refused{"the path of the socket cannot be read"};
  result.endpoints = {std::move(where)};
  read_options(url, false, result);
  return result;
}

redis_url read_network(const url_parts& parts) {
  redis_url result;
  read_scheme(parts.scheme, result);
  refuse_at(parts.path);
  refuse_at(parts.query);
  read_credentials(parts, result);
  read_hosts(parts.hosts, result);
  const auto text =
      "redis://host" + std::string(parts.path) + std::string(parts.query);
  const auto url = parse_part(text, "the path or the options cannot be read");
  const bool has_database = read_path(url.path(), result);
  read_options(url, has_database, result);
  if (result.kind == topology::cluster && result.database != 0)
    throw refused{"the database is not 0, and a cluster has no other"};
  return result;
}

/// Options as they may be shown, with the question mark.
std::string shown_options(std::string_view query) {
  const auto text = "redis://host" + std::string(query);
  const auto url = parse_part(text, "the options cannot be read");
  std::string shown;
  for (const auto& option : url.encoded_params()) {
    const auto name = option.key.decode();
    const bool known = name == "db" || name == "ssl_cert_reqs";
    shown += (shown.empty() ? "?" : "&") + std::string(option.key);
    if (!option.has_value) continue;
    shown += "=" + (known ? std::string(option.value) : "***");
  }
  return shown;
}

}  // namespace

url_result parse_url(std::string_view text) {
  try {
    const auto parts = split(text);
    return {parts.scheme == "unix" ? read_unix(parts) : read_network(parts),
            {}};
  } catch (const refused& reason) {
    return {std::nullopt, reason.problem};
  }
}

std::string redacted(const redis_url& url) {
  const auto database = std::to_string(url.database);
  if (const auto& path = url.endpoints.front().unix_path; !path.empty())
    return "unix://" + path + "?db=" + database;
  std::string shown = url.tls ? "rediss" : "redis";
  if (url.kind == topology::sentinel) shown += "-sentinel";
  if (url.kind == topology::cluster) shown += "-cluster";
  std::string_view before = "://";
  for (const auto& where : url.endpoints) {
    shown += std::string(before) + to_text(where);
    before = ",";
  }
  if (url.kind == topology::sentinel) shown += "/" + url.master_name;
  return url.kind == topology::cluster ? shown : shown + "/" + database;
}

std::string without_secrets(std::string_view text) {
  const auto separator = text.find("://");
  const auto scheme = text.substr(0, separator);
  if (!parse_url(text)) {
    // Nobody knows where a password stands in a text that is no URL of ours.
    const bool plain =
        separator != std::string_view::npos &&
        std::all_of(scheme.begin(), scheme.end(), [](unsigned char c) {
          return c < 0x80 && (std::isalpha(c) != 0 || c == '-');
        });
    return (plain ? std::string(scheme) + "://" : std::string()) + "***";
  }
  const auto parts = split(text);
  std::string shown = std::string(scheme) + "://";
  if (parts.has_userinfo) {
    const auto colon = parts.userinfo.find(':');
    shown += parts.userinfo.substr(0, colon);
    if (colon != std::string_view::npos) shown += ":***";
    shown += "@";
  }
  shown += parts.hosts;
  shown += parts.path;
  return shown + shown_options(parts.query);
}

}  // namespace status2::redis
