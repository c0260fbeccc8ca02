/// Where log lines leave the process: a descriptor, standard output as a rule.
/// Lines that it does not take are counted, and the log says so afterwards.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string_view>

namespace spdlog::details {
class thread_pool;
}

namespace status2::service {

/// Writes each line at once, without a buffer.
/// Blocks: the logger's thread, while a full pipe has a reader.
/// Errors: if the descriptor fails (a pipe without a reader, a full disk), the
/// line is lost and counted. Before the next line the sink writes
/// `log lines lost` with the number of lines lost until then, also of those
/// that were dropped before they came to the sink.
class descriptor_sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  /// Does not own `fd`, which may be blocking or not. `unwritten` counts the
  /// lines that were lost here; it outlives the sink.
  descriptor_sink(int fd, std::atomic<std::int64_t>& unwritten)
      : fd_(fd), unwritten_(unwritten) {}

  /// The queue whose thread writes into this sink; it drops lines too.
  /// Thread: any, before the first line.
  void behind(spdlog::details::thread_pool* queue) { queue_ = queue; }

 private:
  void sink_it_(const spdlog::details::log_msg& line) override;
  void flush_() override {}
  bool write_notice(const spdlog::details::log_msg& line, std::int64_t lines);
  bool write_line(const spdlog::details::log_msg& line);
  bool write_bytes(std::string_view bytes);

  const int fd_;
  std::atomic<std::int64_t>& unwritten_;
  /// Not owned: the pool joins its thread, the only one that comes here.
  spdlog::details::thread_pool* queue_ = nullptr;
  std::int64_t told_ = 0;  ///< lost lines that the log has told of
  bool torn_ = false;      ///< the last line was not written to its end
};

}  // namespace status2::service
