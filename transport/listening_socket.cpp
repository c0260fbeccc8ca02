#include "transport/listening_socket.hpp"

#include "transport/listen_address.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <set>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace status2::transport {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr int backlog = 4096;

error_code system_error() {
  return {errno, boost::system::system_category()};
}

error_code code_of(int result) {
  return result < 0 ? system_error() : error_code{};
}

error_code set(int socket, int level, int name, int value) {
  return code_of(::setsockopt(socket, level, name, &value, sizeof value));
}

unique_fd make_socket(int family, int flags = SOCK_NONBLOCK) {
  return unique_fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
}

/// Accepted sockets inherit these. Buffers that grow by themselves would take
/// megabytes for each client that does not read, or is not read from, and
/// without a time limit the kernel keeps them long after the socket is closed.
/// The buffers of Unix sockets do not grow.
void bound_kernel_memory(int socket) {
  // Bytes; the kernel doubles both.
  constexpr int sent = 262144;
  constexpr int received = 65536;
  constexpr int limit = 60000;  // ms without an acknowledgement
  set(socket, SOL_SOCKET, SO_SNDBUF, sent);
  set(socket, SOL_SOCKET, SO_RCVBUF, received);
  set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, limit);
}

/// The machine lacks the address, or its whole family.
bool absent(const error_code& error) {
  return error == boost::asio::error::address_family_not_supported ||
         error == boost::system::errc::address_not_available;
}

sockaddr_un name_of(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  return name;
}

template <class Call>
error_code with_name(Call call, int socket, const sockaddr_un& name) {
  // The interface of sockets.
  return code_of(
      call(socket, reinterpret_cast<const sockaddr*>(&name), sizeof name));
}

/// Removes the file of a process that is gone.
/// Errors: as listening_socket::open().
error_code remove_stale(const std::string& path, const sockaddr_un& name) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return system_error();
  if (!S_ISSOCK(file.st_mode))
    return {EEXIST, boost::system::system_category()};
  const auto probe = make_socket(AF_UNIX);
  const auto answered = with_name(::connect, probe.value(), name);
  if (answered == boost::asio::error::connection_refused)
    return code_of(::unlink(path.c_str()));
  // Connected, or a full backlog; or it is not for this process to judge.
  if (!answered || answered == boost::asio::error::would_block)
    return boost::asio::error::address_in_use;
  return answered;
}

/// Locks the folder of a socket: of two processes that start at the same time,
/// one could take the file of the other for stale.
/// Errors: address_in_use if another process has the lock. A folder that cannot
/// be locked is none.
error_code lock_folder(const std::string& path, unique_fd& lock) {
  const auto folder = path.substr(0, path.rfind('/') + 1);
  lock = unique_fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (::flock(lock.value(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return boost::asio::error::address_in_use;
  return {};
}

error_code open_everywhere(std::uint16_t port, listening_socket& opened) {
  const auto error = opened.open({tcp::v6(), port});
  return absent(error) ? opened.open({tcp::v4(), port}) : error;
}

/// Opens one port at every endpoint. Passes over addresses that the machine
/// does not have, unless it has none of them.
error_code open_each(const std::set<tcp::endpoint>& endpoints,
                     std::vector<listening_socket>& opened) {
  error_code missing;
  opened.clear();
  for (auto endpoint : endpoints) {
    if (endpoint.port() == 0 && !opened.empty())
      endpoint.port(opened.front().port());
    listening_socket one;
    const auto error = one.open(endpoint);
    if (absent(error))
      missing = error;
    else if (error)
      return error;
    else
      opened.push_back(std::move(one));
  }
  return opened.empty() ? missing : error_code{};
}

error_code open_named(const listen_address& address,
                      std::vector<listening_socket>& opened) {
  boost::asio::io_context context;
  tcp::resolver resolver(context);
  error_code error;
  const auto found = resolver.resolve(
      address.host, std::to_string(address.port),
      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) return error;
  std::set<tcp::endpoint> endpoints;
  for (const auto& entry : found)
    endpoints.insert(entry.endpoint());
  // A port that the system chose for the first address may be in use at
  // another one.
  for (int attempts = 10; attempts > 0; --attempts) {
    error = open_each(endpoints, opened);
    if (address.port != 0 || error != boost::asio::error::address_in_use) break;
  }
  return error;
}

}  // namespace

listening_socket& listening_socket::operator=(
    listening_socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

listening_socket::~listening_socket() {
  remove_file();
}

error_code listening_socket::open(const tcp::endpoint& where) {
  const bool v6 = where.protocol() == tcp::v6();
  unique_fd fd = make_socket(v6 ? AF_INET6 : AF_INET);
  if (fd.value() < 0) return system_error();
  auto error = set(fd.value(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (!error && v6 && where.address().is_unspecified())
    error = set(fd.value(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  // Accepted sockets inherit it.
  if (!error) error = set(fd.value(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (error) return error;
  bound_kernel_memory(fd.value());
  error = code_of(
      ::bind(fd.value(), where.data(), static_cast<socklen_t>(where.size())));
  if (!error) error = code_of(::listen(fd.value(), backlog));
  if (!error) fd_ = std::move(fd);
  return error;
}

error_code listening_socket::open(const std::string& path) {
  constexpr mode_t owner_and_group = 0660;
  const auto name = name_of(path);
  unique_fd lock;
  if (const auto locked = lock_folder(path, lock)) return locked;
  unique_fd fd = make_socket(AF_UNIX);
  if (fd.value() < 0) return system_error();
  auto error = with_name(::bind, fd.value(), name);
  if (error == boost::asio::error::address_in_use) {
    error = remove_stale(path, name);
    if (!error) error = with_name(::bind, fd.value(), name);
  }
  if (error) return error;
  fd_ = std::move(fd);
  path_ = path;
  struct stat file {};
  if (::lstat(path.c_str(), &file) == 0) {
    device_ = file.st_dev;
    inode_ = file.st_ino;
  }
  // Nobody can connect before listen(), whatever the umask allows.
  error = code_of(::chmod(path.c_str(), owner_and_group));
  return error ? error : code_of(::listen(value(), backlog));
}

std::uint16_t listening_socket::port() const {
  tcp::endpoint local;
  auto length = static_cast<socklen_t>(local.capacity());
  if (!path_.empty() || ::getsockname(value(), local.data(), &length) != 0)
    return 0;
  local.resize(length);
  return local.port();
}

void listening_socket::remove_file() {
  struct stat file {};
  if (path_.empty() || fd_.value() < 0 || ::lstat(path_.c_str(), &file) != 0 ||
      file.st_dev != device_ || file.st_ino != inode_)
    return;
  ::unlink(path_.c_str());
}

error_code open_all(const std::string& address,
                    std::vector<listening_socket>& opened) {
  opened.clear();
  const auto parsed = parse_listen_address(address);
  error_code error;
  if (!parsed)
    error = boost::asio::error::invalid_argument;
  else if (!parsed->unix_path.empty())
    error = opened.emplace_back().open(parsed->unix_path);
  else if (parsed->host.empty())
    error = open_everywhere(parsed->port, opened.emplace_back());
  else
    error = open_named(*parsed, opened);
  if (error) opened.clear();
  return error;
}

}  // namespace status2::transport
