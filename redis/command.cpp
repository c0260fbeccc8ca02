#include "redis/command.hpp"

namespace status2::redis {

std::string encode_command(const std::vector<std::string_view>& words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (auto word : words) {
    out += "$" + std::to_string(word.size()) + "\r\n";
    out += word;
    out += "\r\n";
  }
  return out;
}

std::string login_error(const std::string& error, std::string_view password) {
  constexpr std::string_view unknown = "ERR unknown command";
  if (error.starts_with(unknown)) return std::string(unknown) + " AUTH";
  if (error.find(password) == std::string::npos) return error;
  return "an error that repeats the password";
}

}  // namespace status2::redis
