#include "redis/sentinel_view.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace status2::redis {

namespace {

using type = answer::type;

constexpr std::size_t most_sentinels = 64;

bool contains(const std::vector<endpoint>& list, const endpoint& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

/// Nothing if they are not a host and a port.
std::optional<endpoint> read_address(const answer& host, const answer& port) {
  if (!host.is(type::text) || host.text.empty() || !port.is(type::text))
    return std::nullopt;
  const auto* end = port.text.data() + port.text.size();
  std::uint16_t number = 0;
  const auto [rest, error] = std::from_chars(port.text.data(), end, number);
  if (error != std::errc{} || rest != end || number == 0) return std::nullopt;
  return endpoint{host.text, number};
}

/// One entry of SENTINEL SENTINELS: a flat list of names and values.
std::optional<endpoint> read_sentinel(const answer& entry) {
  const answer* host = nullptr;
  const answer* port = nullptr;
  const auto& fields = entry.elements;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (fields[i].text == "ip") host = &fields[i + 1];
    if (fields[i].text == "port") port = &fields[i + 1];
  }
  if (host == nullptr || port == nullptr) return std::nullopt;
  return read_address(*host, *port);
}

}  // namespace

master_result read_master(const answer& from, const std::string& master_name) {
  if (from.is(type::nil) ||
      (from.is(type::error) && from.text.starts_with("IDONTKNOW")))
    return {std::nullopt, "no such master: " + master_name};
  if (from.is(type::error)) return {std::nullopt, from.text};
  std::optional<endpoint> found;
  if (from.is(type::array) && from.elements.size() == 2)
    found = read_address(from.elements[0], from.elements[1]);
  if (!found) return {std::nullopt, "malformed address of the master"};
  return {found, {}};
}

bool says_switched(const answer& push, const std::string& master_name) {
  const auto& parts = push.elements;
  return parts.size() == 3 && parts[0].text == "message" &&
         parts[1].text == "+switch-master" &&
         parts[2].text.starts_with(master_name + " ");
}

sentinel_view::sentinel_view(std::vector<endpoint> configured)
    : configured_(std::move(configured)), order_(configured_) {}

void sentinel_view::answered(const endpoint& who) {
  const auto found = std::find(order_.begin(), order_.end(), who);
  if (found != order_.end()) std::rotate(order_.begin(), found, found + 1);
}

void sentinel_view::misled(const endpoint& who) {
  const auto found = std::find(order_.begin(), order_.end(), who);
  if (found != order_.end()) std::rotate(found, found + 1, order_.end());
}

void sentinel_view::learn(const endpoint& from, const answer& sentinels) {
  if (!sentinels.is(type::array)) return;
  auto known = configured_;
  if (!contains(known, from)) known.push_back(from);
  for (const auto& entry : sentinels.elements) {
    if (known.size() >= most_sentinels) break;
    const auto found = read_sentinel(entry);
    if (found && !contains(known, *found)) known.push_back(*found);
  }
  // Those that are known already keep their places.
  std::erase_if(order_, [&](const auto& one) { return !contains(known, one); });
  for (const auto& one : known)
    if (!contains(order_, one)) order_.push_back(one);
}

}  // namespace status2::redis
