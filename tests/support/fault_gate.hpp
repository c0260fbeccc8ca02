/// A TCP proxy inside the test's process that harms what passes through it,
/// one verb a fault, each direction apart.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

namespace status2::support {

enum class direction : std::uint8_t { to_server, to_client };

/// Stands before a server on loopback. A fault holds for the connections there
/// are and for those to come, until the next verb for its direction.
/// Thread: any; the proxy has its own. Blocks: until the verb is in force.
class fault_gate {
 public:
  explicit fault_gate(std::uint16_t server);
  ~fault_gate();
  fault_gate(const fault_gate&) = delete;
  fault_gate& operator=(const fault_gate&) = delete;

  std::uint16_t port() const { return port_; }

  /// No fault; what stall() held goes on its way first.
  void pass(direction where);
  void pass();
  /// Bytes are held, in order, until pass().
  void stall(direction where);
  /// Bytes vanish, and so does the end of the stream: a peer that is gone
  /// without a FIN.
  void drop(direction where);
  /// Each byte arrives this much later.
  void delay(direction where, std::chrono::milliseconds by);
  /// Bytes arrive in pieces of this size, each a segment of its own.
  void small_parts(direction where, std::size_t bytes);
  /// The next byte closes its connection on both sides.
  void close_on_data(direction where);

  /// The connections there are carry nothing any more and do not end, like a
  /// peer that is gone without a FIN; those to come work.
  void strand();
  /// Resets every connection there is, on both sides.
  void reset();
  /// While set, connecting is refused; existing connections stay.
  void refuse(bool value);
  /// While set, connections from this address are reset, those there are at
  /// once and new ones when they are accepted; others are not touched.
  void refuse_from(const std::string& address, bool value);

  std::size_t connections() const { return accepted_; }  ///< ever accepted
  std::size_t open() const { return open_; }
  /// Ends of connections that drop() or strand() kept from the other side.
  std::size_t swallowed() const { return swallowed_; }

 private:
  enum class fault : std::uint8_t {
    none,
    stall,
    drop,
    delay,
    small_parts,
    close_on_data
  };
  struct rule {
    fault what = fault::none;
    std::chrono::milliseconds delay{0};
    std::size_t part = 0;
  };
  class pair;

  void set(direction where, rule value);
  void listen();
  void accept();
  template <class F>
  void ask(F f);

  boost::asio::io_context loop_{1};
  const std::uint16_t server_;
  std::uint16_t port_ = 0;
  std::optional<boost::asio::ip::tcp::acceptor> acceptor_;
  std::array<rule, 2> rules_;
  std::set<std::shared_ptr<pair>> pairs_;
  std::set<boost::asio::ip::address> refused_;
  std::atomic<std::size_t> accepted_{0};
  std::atomic<std::size_t> open_{0};
  std::atomic<std::size_t> swallowed_{0};
  std::thread thread_;
};

}  // namespace status2::support
