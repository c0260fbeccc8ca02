#include "service/event_parser.hpp"

#include "transport/number.hpp"

#include <algorithm>
#include <utility>

namespace status2::service {

void event_parser::feed(std::string_view bytes,
                        const event_function& on_event) {
  for (;;) {
    const auto end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    const auto line = std::exchange(line_, {});
    std::string_view text = line;
    if (text.ends_with('\r')) text.remove_suffix(1);
    take_line(text, on_event);
  }
}

void event_parser::take_line(std::string_view line,
                             const event_function& on_event) {
  if (line.empty()) {
    last_id_ = id_;
    auto data = std::exchange(data_, {});
    if (data.empty()) return;
    data.pop_back();
    on_event(data);
    return;
  }
  const auto colon = std::min(line.find(':'), line.size());
  const auto name = line.substr(0, colon);
  auto value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    data_ += value;
    data_ += '\n';
  } else if (name == "id") {
    id_ = value;
  } else if (name == "retry") {
    retry_ = transport::parse_number<unsigned>(value).value_or(retry_);
  }
}

}  // namespace status2::service
