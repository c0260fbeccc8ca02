#include "actors/log.hpp"

#include "transport/json.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <new>

namespace status2::actors {

namespace {

struct log_row {
  spdlog::level::level_enum level;
  std::string_view component;
  std::string_view message;
};

constexpr auto DEBUG = spdlog::level::debug;
constexpr auto INFO = spdlog::level::info;
constexpr auto WARN = spdlog::level::warn;
constexpr auto ERROR = spdlog::level::err;

constexpr std::array rows{
#define X(event, level, component, msg, when) log_row{level, component, msg},
    STATUS2_LOG_EVENTS(X)
#undef X
};

void append_member(std::string& line, std::string_view key,
                   std::string_view text) {
  transport::append_json_string(line, key);
  line += ':';
  transport::append_json_string(line, text);
}

}  // namespace

void log(log_event event, std::initializer_list<log_field> fields) {
  const auto level = rows[static_cast<std::size_t>(event)].level;
  auto* logger = spdlog::default_logger_raw();
  if (logger == nullptr || !logger->should_log(level)) return;
  try {
    logger->log(level, log_text(event, fields));
  } catch (const std::bad_alloc&) {
    // The caller continues without the line.
  }
}

std::string log_text(log_event event, std::initializer_list<log_field> fields) {
  const auto& row = rows[static_cast<std::size_t>(event)];
  std::string line;
  append_member(line, "msg", row.message);
  line += ',';
  append_member(line, "component", row.component);
  for (const auto& field : fields) {
    if (field.numeric) {
      line += ',';
      transport::append_json_string(line, field.key);
      line += ':' + std::to_string(field.number);
    } else if (!field.text.empty()) {
      line += ',';
      append_member(line, field.key, field.text);
    }
  }
  return line;
}

std::pair<std::string_view, std::string_view> halves(std::string_view name) {
  const auto colon = name.find(':');
  if (colon == std::string_view::npos) return {name, {}};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

std::string milliseconds_text(std::chrono::nanoseconds time) {
  auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(time);
  return std::to_string(whole.count()) + "ms";
}

}  // namespace status2::actors
