/// The producer of a run: numbered, stamped messages through one connection,
/// pipelined.
#pragma once

#include "tests/bench/event_loop.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace status2::bench {

struct publisher_settings {
  std::uint16_t port = 0;
  /// Empty: Redis PUBLISH. Otherwise the request target of an HTTP POST whose
  /// body is the whole `status` frame; the channel's name is appended.
  std::string http_target;
  std::size_t payload_size = 128;
};

/// Owns: its socket. Thread: that of the loop.
/// Errors: std::runtime_error when the server ends the connection or answers
/// with a Redis error.
class publisher final : public io_handler {
 public:
  publisher(event_loop& loop, publisher_settings settings,
            std::vector<std::string> channels);
  ~publisher();
  publisher(const publisher&) = delete;
  publisher& operator=(const publisher&) = delete;

  void probe(std::size_t channel);
  /// Appends the channel's next message; flush() sends what was appended.
  void publish(std::size_t channel);
  void flush();
  /// Redis answers nothing from here on: neither it nor we spend time on
  /// answers that nobody reads. An HTTP server goes on answering.
  void stop_answers();
  void on_io(std::uint32_t events) override;

  /// Messages published so far, by channel; probes apart.
  const std::vector<std::uint64_t>& published() const { return published_; }

 private:
  void append(std::size_t channel, std::string_view payload);
  void read_answers();

  event_loop& loop_;
  const publisher_settings settings_;
  const std::vector<std::string> channels_;
  std::vector<std::uint64_t> published_;
  int fd_;
  bool connected_ = false;
  bool watching_writes_ = true;
  bool at_line_start_ = true;
  std::string payload_;
  std::string out_;
};

}  // namespace status2::bench
