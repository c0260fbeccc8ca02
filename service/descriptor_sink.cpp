#include "service/descriptor_sink.hpp"

#include "actors/log.hpp"

#include <spdlog/async.h>

#include <cerrno>
#include <poll.h>
#include <string>
#include <unistd.h>

namespace status2::service {

void descriptor_sink::sink_it_(const spdlog::details::log_msg& line) {
  auto lost = unwritten_.load();
  if (queue_ != nullptr)
    lost += static_cast<std::int64_t>(queue_->overrun_counter());
  if (lost > told_ && write_notice(line, lost - told_)) told_ = lost;
  if (lost != told_ || !write_line(line)) ++unwritten_;
}

bool descriptor_sink::write_notice(const spdlog::details::log_msg& line,
                                   std::int64_t lines) {
  const auto text =
      actors::log_text(actors::log_event::log_lines_lost, {{"lines", lines}});
  auto notice = line;
  notice.level = spdlog::level::warn;
  notice.payload = text;
  return write_line(notice);
}

bool descriptor_sink::write_line(const spdlog::details::log_msg& line) {
  spdlog::memory_buf_t text;
  // The rest of a torn line would make this one unreadable.
  if (torn_) text.push_back('\n');
  formatter_->format(line, text);
  return write_bytes({text.data(), text.size()});
}

bool descriptor_sink::write_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(fd_, bytes.data(), bytes.size());
    if (count > 0) {
      torn_ = bytes[static_cast<std::size_t>(count) - 1] != '\n';
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (count < 0 && errno == EAGAIN) {
      pollfd room{fd_, POLLOUT, 0};
      ::poll(&room, 1, -1);
    } else if (count == 0 || errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace status2::service
