#include "transport/message_id.hpp"

#include "transport/characters.hpp"
#include "transport/number.hpp"

#include <random>

namespace status2::transport {

namespace {

constexpr char count_mark = '-';
constexpr char number_mark = '.';

std::string_view instance_of(std::string_view epoch) {
  return epoch.substr(0, epoch.find(count_mark));
}

}  // namespace

std::string make_epoch(std::string_view instance, std::uint64_t count) {
  std::string epoch(instance);
  epoch += count_mark;
  epoch += std::to_string(count);
  return epoch;
}

std::string random_instance() {
  constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyz";
  constexpr std::size_t length = 12;  // 62 bits
  std::random_device random;
  std::uniform_int_distribution<std::size_t> pick(0, letters.size() - 1);
  std::string text;
  for (std::size_t i = 0; i < length; ++i)
    text += letters[pick(random)];
  return text;
}

bool same_instance(std::string_view epoch, std::string_view other) {
  return instance_of(epoch) == instance_of(other);
}

std::optional<message_id> parse_message_id(std::string_view text) {
  constexpr std::size_t longest = 64;
  const auto mark = text.rfind(number_mark);
  if (text.size() > longest || mark == std::string_view::npos)
    return std::nullopt;
  const auto epoch = text.substr(0, mark);
  const auto number = parse_number<std::uint64_t>(text.substr(mark + 1));
  if (epoch.empty() || !made_of(epoch, "-") || !number) return std::nullopt;
  return message_id{epoch, *number};
}

void append_message_id(std::string& out, std::string_view epoch,
                       std::uint64_t number) {
  out += epoch;
  out += number_mark;
  out += std::to_string(number);
}

}  // namespace status2::transport
