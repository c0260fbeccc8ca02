/// Reads server-sent events. Pure. Source: the HTML standard, section 9.2.6;
/// lines end with LF or CRLF, as all servers send them.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace status2::service {

class event_parser {
 public:
  /// Told the data of each event that has some.
  using event_function = std::function<void(const std::string& data)>;

  /// Takes the next bytes of the stream, cut anywhere.
  void feed(std::string_view bytes, const event_function& on_event);
  /// Of the newest event; empty: none had one.
  const std::string& last_id() const { return last_id_; }
  /// Milliseconds from `retry:`; nothing was said: 0.
  unsigned retry() const { return retry_; }

 private:
  void take_line(std::string_view line, const event_function& on_event);

  std::string line_;  ///< that is not whole yet
  std::string data_;  ///< of the event under way, a line end behind each line
  std::string id_;    ///< likewise
  std::string last_id_;
  unsigned retry_ = 0;
};

}  // namespace status2::service
