#include "tests/support/autobahn_deflate.hpp"

#include "tests/support/client_transcript.hpp"
#include "tests/support/deflate_reference.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <random>
#include <string_view>

namespace status2::support {

namespace {

constexpr std::size_t data_size = 200000;

/// Bytes in a message and, unless 0, in a frame.
struct shape {
  std::size_t size;
  std::size_t fragment;
};
constexpr std::array<shape, 18> shapes{{{16, 0},
                                        {64, 0},
                                        {256, 0},
                                        {1024, 0},
                                        {4096, 0},
                                        {8192, 0},
                                        {16384, 0},
                                        {32768, 0},
                                        {65536, 0},
                                        {131072, 0},
                                        {8192, 256},
                                        {16384, 256},
                                        {32768, 256},
                                        {65536, 256},
                                        {131072, 256},
                                        {131072, 1024},
                                        {131072, 4096},
                                        {131072, 32768}}};

using random = std::minstd_rand;

std::string filled(const std::function<void(std::string&, random&)>& more) {
  random source(12);
  std::string data;
  while (data.size() < data_size)
    more(data, source);
  data.resize(data_size);
  return data;
}

std::string prose() {
  static constexpr std::array<std::string_view, 16> words{
      "Habe", "nun",    "ach",      "Philosophie", "Juristerei", "und",
      "auch", "leider", "durchaus", "studiert",    "mit",        "heissem",
      "da",   "steh",   "ich",      "Thor"};
  return filled([](std::string& data, random& source) {
    data += words[source() % words.size()];
    data += source() % 9 == 0 ? ",\r\n" : " ";
  });
}

/// Neighbours differ little.
std::string picture() {
  int shade = 128;
  return filled([&](std::string& data, random& source) {
    shade = std::clamp(shade + static_cast<int>(source() % 9) - 4, 0, 255);
    data += static_cast<char>(shade);
  });
}

std::string noise() {
  return filled([](std::string& data, random& source) {
    data += static_cast<char>(source() >> 8);
  });
}

std::string json() {
  return filled([](std::string& data, random& source) {
    data += R"({"id": )" + std::to_string(source() % 100000) +
            R"(, "name": "object )" + std::to_string(source() % 50) +
            "\", \"tags\": [\"a\", \"b\"], \"ratio\": 0." +
            std::to_string(source() % 1000) + "},\n";
  });
}

std::string html() {
  return filled([](std::string& data, random& source) {
    data += "<tr class=\"row\"><td>" + std::to_string(source() % 1000) +
            "</td><td><a href=\"/page/" + std::to_string(source() % 300) +
            "\">page</a></td></tr>\n";
  });
}

/// Pieces of `size` bytes, each behind the one before, round and round.
std::vector<std::string> pieces(const std::string& data, std::size_t size,
                                std::size_t count) {
  std::vector<std::string> all;
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::string piece = data.substr(at, size);
    piece += data.substr(0, size - piece.size());
    at = (at + size) % data.size();
    all.push_back(std::move(piece));
  }
  return all;
}

constexpr std::string_view deflate = "permessage-deflate";
constexpr std::string_view client_parameters =
    "; client_no_context_takeover; client_max_window_bits";
constexpr std::string_view no_takeover = "; server_no_context_takeover";

std::string offer(std::string_view parameters = {}) {
  std::string text(deflate);
  return text.append(client_parameters).append(parameters);
}

std::string answer(std::string_view parameters = {}) {
  std::string text(deflate);
  return text.append("; server_no_context_takeover; client_no_context_takeover")
      .append(parameters);
}

}  // namespace

std::string deflate_case::bytes() const {
  std::string all;
  for (const auto& message : messages) {
    const bool compressed = !answer.empty();
    const auto payload = compressed ? deflated(message) : message;
    std::string_view rest = payload;
    int first_byte = (binary ? 2 : 1) | (compressed ? 0x40 : 0);
    for (; fragment > 0 && rest.size() > fragment; first_byte = 0) {
      all += client_frame(first_byte, rest.substr(0, fragment));
      rest.remove_prefix(fragment);
    }
    all += client_frame(0x80 | first_byte, rest);
  }
  return all;
}

std::vector<deflate_case> deflate_cases(std::size_t most, std::size_t bytes) {
  std::vector<deflate_case> cases;
  const auto add = [&](const std::string& group, const std::string& data,
                       bool binary, const std::string& offered,
                       const std::string& answered) {
    int number = 0;
    for (const auto& [size, fragment] : shapes)
      cases.push_back(
          {group + "." + std::to_string(++number), offered, answered, binary,
           pieces(data, size, std::clamp<std::size_t>(bytes / size, 1, most)),
           fragment});
  };
  add("12.1", prose(), true, offer(), answer());
  add("12.2", picture(), true, offer(), answer());
  add("12.3", noise(), true, offer(), answer());
  add("12.4", json(), false, offer(), answer());
  add("12.5", html(), false, offer(), answer());
  const std::string smallest = "; server_max_window_bits=8";
  const std::string largest = "; server_max_window_bits=15";
  const auto both = [](const std::string& window) {
    return offer(std::string(no_takeover) + window);
  };
  add("13.1", json(), false, offer(), answer());
  add("13.2", json(), false, offer(no_takeover), answer());
  add("13.3", json(), false, offer(smallest), {});
  add("13.4", json(), false, offer(largest), answer(largest));
  add("13.5", json(), false, both(smallest), {});
  add("13.6", json(), false, both(largest), answer(largest));
  add("13.7", json(), false,
      both(smallest) + ", " + offer(no_takeover) + ", " + offer(), answer());
  return cases;
}

}  // namespace status2::support
