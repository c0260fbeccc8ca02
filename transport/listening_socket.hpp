/// Sockets that listen: opened, and taken away again if they leave a file.
#pragma once

#include "transport/upgrade.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace status2::transport {

/// One socket that listens, backlog 4096, non-blocking. Owns: the socket, and
/// the file of a Unix socket, which it removes unless another process has
/// replaced it.
class listening_socket {
 public:
  listening_socket() = default;
  listening_socket(listening_socket&& other) noexcept = default;
  listening_socket& operator=(listening_socket&& other) noexcept;
  ~listening_socket();

  /// Errors: the system's code.
  boost::system::error_code open(const boost::asio::ip::tcp::endpoint& where);
  /// Replaces the file of a process that is gone. The file has the mode 0660.
  /// Errors: address_in_use if a process listens there, file_exists if the file
  /// is not a socket, else the system's code.
  boost::system::error_code open(const std::string& path);

  int value() const { return fd_.value(); }
  std::uint16_t port() const;                        ///< 0: a Unix socket
  const std::string& path() const { return path_; }  ///< empty: TCP

 private:
  void remove_file();

  unique_fd fd_;
  std::string path_;
  dev_t device_ = 0;  ///< of the file
  ino_t inode_ = 0;
};

/// Opens the sockets that an item of STATUS_LISTEN_ADDR stands for: of a name
/// each address that the machine has, all at one port. Replaces `opened`.
/// Errors: the system's code, invalid_argument if it is not an address; nothing
/// is open then. Blocks: while a name is looked up.
boost::system::error_code open_all(const std::string& address,
                                   std::vector<listening_socket>& opened);

}  // namespace status2::transport
