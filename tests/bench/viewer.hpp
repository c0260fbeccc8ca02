/// One WebSocket client of the load generator: connects, upgrades, checks and
/// times what it receives, answers pings.
#pragma once

#include "tests/bench/client_stream.hpp"
#include "tests/bench/event_loop.hpp"
#include "tests/bench/frame_reader.hpp"
#include "tests/bench/histogram.hpp"
#include "tests/bench/payload.hpp"
#include "tests/bench/sequence_checker.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace status2::bench {

/// What all viewers of a run saw together.
struct reception {
  std::size_t opened = 0;        ///< handshakes that succeeded
  std::size_t failed = 0;        ///< handshakes that did not
  std::size_t pinged = 0;        ///< viewers that got a first ping
  std::size_t resumed = 0;       ///< ends of replays
  std::size_t probed = 0;        ///< viewers that got a first probe
  std::size_t closed = 0;        ///< connections the server ended
  std::uint64_t received = 0;    ///< stamped messages
  std::uint64_t unexpected = 0;  ///< frames no server under test should send
  std::string first_failure;
  /// Publisher's stamp to receipt, of messages published in the window.
  histogram latency;
  histogram loud_latency;  ///< the same of the loud channel
  std::uint64_t window_begin_ns = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t window_end_ns = std::numeric_limits<std::uint64_t>::max();
};

/// What all viewers of a run share. Thread: one.
struct viewing {
  event_loop& loop;
  std::uint16_t port = 0;
  std::string path_prefix;
  std::string query;  ///< behind the channel, with its `?`
  bool event_stream = false;
  std::shared_ptr<ssl_ctx_st> tls;  ///< null: plain
  bool send_init = false;
  reception seen;
  std::vector<char> buffer = std::vector<char>(262144);
};

/// Owns: its socket.
class viewer final : public io_handler {
 public:
  /// Latencies go to `latency`, which is one of `shared.seen`.
  viewer(viewing& shared, std::string channel, histogram& latency);
  viewer(const viewer&) = delete;
  viewer& operator=(const viewer&) = delete;

  /// Starts to connect; the outcome shows in reception.
  void open();
  void on_io(std::uint32_t events) override;

  bool probed() const { return probed_; }
  const sequence_checker& sequence() const { return sequence_; }

 private:
  enum class phase : std::uint8_t {
    idle,
    connecting,
    securing,
    upgrading,
    open,
    ended
  };

  void shake_hands();
  void send_request();
  /// Reads once; false if there is nothing more.
  bool read();
  void on_bytes(std::string_view bytes);
  void on_upgrade_answer(std::string_view bytes);
  /// Whether the head of the answer is that of a channel.
  bool accepted(std::string_view head) const;
  void on_frames(std::string_view bytes);
  void on_events(std::string_view bytes);
  void on_frame(const frame_view& frame, std::uint64_t now);
  void on_text(const server_text& text, std::uint64_t now);
  void end(std::string_view why);

  viewing& shared_;
  const std::string channel_;
  histogram& latency_;
  client_stream stream_;
  phase phase_ = phase::idle;
  bool pinged_ = false;
  bool probed_ = false;
  std::string head_;
  frame_reader frames_;
  event_reader events_;
  sequence_checker sequence_;
};

}  // namespace status2::bench
