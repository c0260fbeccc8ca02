#include "tests/support/autobahn_cases.hpp"

#include "tests/support/client_transcript.hpp"

#include <string_view>
#include <utility>

namespace status2::support {

namespace {

using transport::close_reason;
using wait = autobahn_step::wait;

constexpr int text = 1;
constexpr int binary = 2;
constexpr int close = 8;
constexpr int ping = 9;
constexpr int pong = 10;
constexpr std::string_view hello = "Hello, world!";
constexpr std::string_view not_utf8{"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", 8};

/// "κόσμε", in UTF-8.
constexpr std::string_view greek =
    "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
constexpr std::string_view mixed = "Hello-µ@ßöäüàá-UTF-8!!";

/// A final frame; `reserved` is the number in the three reserved bits.
std::string frame(int opcode, std::string_view payload = {}, int reserved = 0) {
  return client_frame(0x80 | reserved << 4 | opcode, payload);
}

/// A frame with more to come.
std::string part(int opcode, std::string_view payload) {
  return client_frame(opcode, payload);
}

/// A close frame with a code.
std::string close_frame(int code, std::string_view reason = {}) {
  std::string payload{static_cast<char>(code >> 8),
                      static_cast<char>(code & 0xff)};
  return frame(close, payload.append(reason));
}

/// A text message in frames with `size` bytes each.
std::string fragments(std::string_view message, std::size_t size) {
  std::string bytes;
  int opcode = text;
  for (; message.size() > size; message.remove_prefix(size)) {
    bytes += part(opcode, message.substr(0, size));
    opcode = 0;
  }
  return bytes + frame(opcode, message);
}

using frames = std::vector<std::string>;

std::vector<autobahn_step> in_one_write(const frames& all) {
  std::string bytes;
  for (const auto& each : all)
    bytes += each;
  return {{bytes}};
}

std::vector<autobahn_step> a_write_per_frame(const frames& all) {
  std::vector<autobahn_step> steps;
  for (const auto& each : all)
    steps.push_back({each});
  return steps;
}

std::vector<autobahn_step> in_chops(const frames& all, std::size_t size) {
  std::vector<autobahn_step> steps;
  for (std::string_view each : all)
    for (; !each.empty(); each.remove_prefix(std::min(size, each.size())))
      steps.push_back({std::string(each.substr(0, size))});
  return steps;
}

/// The three ways in which Autobahn sends the same frames.
std::vector<std::vector<autobahn_step>> three_ways(const frames& all) {
  return {in_one_write(all), a_write_per_frame(all), in_chops(all, 1)};
}

/// A UTF-8 sequence of `length` bytes for `point`, whether or not UTF-8 allows
/// that, by the scheme of RFC 2279.
std::string encoded(std::uint32_t point, std::size_t length) {
  if (length == 1) return {static_cast<char>(point)};
  std::string bytes(length, '\0');
  for (auto at = length; at-- > 1; point >>= 6U)
    bytes[at] = static_cast<char>(0x80 | (point & 0x3f));
  const auto lead = 0xff00U >> length & 0xff;
  bytes[0] = static_cast<char>(lead | point);
  return bytes;
}

/// The largest number that `length` bytes of that scheme have room for.
std::uint32_t largest(std::size_t length) {
  return length == 1 ? 0x7f : (std::uint32_t{1} << (5 * length + 1)) - 1;
}

class case_list {
 public:
  /// The next cases are `group`.1 and so on, or go on where that group stopped.
  void begin(std::string group) {
    group_ = std::move(group);
    next_ = 1;
  }

  void open(std::vector<autobahn_step> steps, std::vector<std::string> texts,
            std::vector<std::string> pongs = {}) {
    auto& added = add(std::move(steps));
    added.texts = std::move(texts);
    added.pongs = std::move(pongs);
  }

  void ends(std::vector<autobahn_step> steps, std::uint16_t code,
            close_reason reason, std::vector<std::string> texts = {}) {
    auto& added = add(std::move(steps));
    added.texts = std::move(texts);
    added.stays_open = false;
    added.code = code;
    added.reason = reason;
  }
  void breaks(std::vector<autobahn_step> steps,
              std::vector<std::string> texts = {}) {
    ends(std::move(steps), 1002, close_reason::protocol_error,
         std::move(texts));
  }
  void bad_utf8(std::vector<autobahn_step> steps) {
    ends(std::move(steps), 1007, close_reason::bad_utf8);
  }
  void closes(const frames& all, std::uint16_t code = 1000,
              std::vector<std::string> texts = {}) {
    ends(in_one_write(all), code, close_reason::client_closed,
         std::move(texts));
  }

  /// A text in one frame.
  void utf8(bool valid, const std::string& bytes) {
    if (valid)
      open({{frame(text, bytes)}}, {bytes});
    else
      bad_utf8({{frame(text, bytes)}});
  }

  std::vector<autobahn_case> take() { return std::move(cases_); }

 private:
  autobahn_case& add(std::vector<autobahn_step> steps) {
    cases_.push_back(
        {group_ + "." + std::to_string(next_++), std::move(steps)});
    return cases_.back();
  }

  std::string group_;
  int next_ = 1;
  std::vector<autobahn_case> cases_;
};

void add_sizes(case_list& list) {
  for (const int opcode : {text, binary}) {
    list.begin(opcode == text ? "1.1" : "1.2");
    const auto add = [&](std::size_t size, std::size_t chops) {
      const std::string payload(size, opcode == text ? '*' : '\xfe');
      const auto bytes = frame(opcode, payload);
      const frames texts = opcode == text ? frames{payload} : frames{};
      list.open(in_chops({bytes}, chops == 0 ? bytes.size() : chops), texts);
    };
    for (const std::size_t size : {0, 125, 126, 127, 128, 65535, 65536})
      add(size, 0);
    add(65536, 997);
  }
}

void add_pings(case_list& list) {
  list.begin("2");
  const std::string longest(125, '\xfe');
  for (const auto& payload :
       {std::string(), std::string(hello), std::string(not_utf8), longest})
    list.open({{frame(ping, payload)}}, {}, {payload});
  list.breaks({{frame(ping, std::string(126, '\xfe'))}});
  list.open(in_chops({frame(ping, longest)}, 1), {}, {longest});
  for (const auto* payload : {"", "unsolicited pong payload"})
    list.closes({frame(pong, payload), close_frame(1000)});
  list.open(in_one_write({frame(pong, "unsolicited pong payload"),
                          frame(ping, "ping payload")}),
            {}, {"ping payload"});
  frames pings;
  std::vector<std::string> pongs;
  for (int i = 0; i < 10; ++i) {
    pongs.push_back("payload-" + std::to_string(i));
    pings.push_back(frame(ping, pongs.back()));
  }
  list.open(in_one_write(pings), {}, pongs);
  list.open(in_chops(pings, 1), {}, pongs);
}

void add_reserved_bits(case_list& list) {
  list.begin("3");
  list.breaks({{frame(text, hello, 1)}});
  int reserved = 2;
  for (const auto way : {0U, 1U, 2U}) {
    list.breaks(three_ways({frame(text, hello), frame(text, hello, reserved++),
                            frame(ping)})[way],
                {std::string(hello)});
  }
  list.breaks({{frame(binary, not_utf8, 5)}});
  list.breaks({{frame(ping, hello, 6)}});
  list.breaks({{frame(close, {}, 7)}});
}

void add_opcodes(case_list& list) {
  for (const int first : {3, 11}) {
    list.begin(first == 3 ? "4.1" : "4.2");
    list.breaks({{frame(first)}});
    list.breaks({{frame(first + 1, "reserved opcode payload")}});
    const auto behind_text = [](int opcode, std::string_view payload) {
      return frames{frame(text, hello), frame(opcode, payload), frame(ping)};
    };
    list.breaks(in_one_write(behind_text(first + 2, "")), {std::string(hello)});
    list.breaks(in_one_write(behind_text(first + 3, hello)),
                {std::string(hello)});
    list.breaks(in_chops(behind_text(first + 4, hello), 1),
                {std::string(hello)});
  }
}

void add_fragments(case_list& list) {
  list.begin("5");
  const std::string both = "fragment1fragment2";
  const auto first = part(text, "fragment1");
  const auto second = frame(0, "fragment2");
  for (const int opcode : {ping, pong})
    list.breaks(in_one_write({part(opcode, "fragment1"), second}));
  for (const auto& way : three_ways({first, second}))
    list.open(way, {both});
  for (const auto& way :
       three_ways({first, frame(ping, "ping payload"), second}))
    list.open(way, {both}, {"ping payload"});
  constexpr std::string_view nothing = "non-continuation payload";
  for (const auto& lonely : {frame(0, nothing), part(0, nothing)})
    for (const auto& way : three_ways({lonely, frame(text, hello)}))
      list.breaks(way);
  list.breaks(in_one_write({first, second, part(0, "fragment3"),
                            frame(text, "fragment4")}),
              {both});
  for (const auto& lonely : {part(0, "fragment1"), frame(0, "fragment1")}) {
    const auto begun = part(text, "fragment2");
    const auto ended = frame(0, "fragment3");
    list.breaks(in_one_write({lonely, begun, ended, lonely, begun, ended}));
  }
  list.breaks(in_one_write({first, frame(text, "fragment2")}));
  const frames before{first, part(0, "fragment2"), frame(ping, "pongme 1!")};
  const frames after{part(0, "fragment3"), part(0, "fragment4"),
                     frame(ping, "pongme 2!"), frame(0, "fragment5")};
  for (const auto way : {0U, 1U}) {
    auto steps = three_ways(before)[way];
    steps.back().then = wait::pong;
    const auto rest = three_ways(after)[way];
    steps.insert(steps.end(), rest.begin(), rest.end());
    list.open(steps, {both + "fragment3fragment4fragment5"},
              {"pongme 1!", "pongme 2!"});
  }
}

/// A message that is invalid in the middle: it must end the connection before
/// the rest comes, which is never sent.
void add_fail_fast(case_list& list) {
  list.begin("6.4");
  const auto invalid = encoded(0x110000, 4);
  const auto whole = std::string(greek) + invalid + "edited";
  const auto size = greek.size();
  for (const auto& [kept, then] :
       {std::pair{size, invalid.size()}, std::pair{size + 1, std::size_t{1}}})
    list.bad_utf8({{part(text, whole.substr(0, kept)), wait::kept},
                   {part(0, whole.substr(kept, then))}});
  const auto bytes = frame(text, whole);
  const auto head = bytes.size() - whole.size();
  for (const auto& [kept, then] :
       {std::pair{size, invalid.size()}, std::pair{size + 1, std::size_t{1}}})
    list.bad_utf8({{bytes.substr(0, head + kept), wait::kept},
                   {bytes.substr(head + kept, then)}});
}

void add_messages_in_utf8(case_list& list) {
  list.begin("6.1");
  list.open({{frame(text)}}, {""});
  list.open(in_one_write({part(text, ""), part(0, ""), frame(0)}), {""});
  const std::string middle = "middle frame payload";
  list.open(in_one_write({part(text, ""), part(0, middle), frame(0)}),
            {middle});
  list.begin("6.2");
  list.utf8(true, std::string(mixed));
  const auto boundary = mixed.find("ü");
  list.open(in_one_write({part(text, mixed.substr(0, boundary)),
                          frame(0, mixed.substr(boundary))}),
            {std::string(mixed)});
  for (const auto message : {mixed, greek})
    list.open({{fragments(message, 1)}}, {std::string(message)});
  list.begin("6.3");
  const auto invalid = std::string(greek) + encoded(0xd800, 3) + "edited";
  list.utf8(false, invalid);
  list.bad_utf8({{fragments(invalid, 1)}});
  add_fail_fast(list);
}

/// Sequences at the ends of their ranges, and the longer ones of RFC 2279.
void add_utf8_ranges(case_list& list) {
  list.begin("6.5");
  for (const auto* inside : {"$", "¢", "€", "\xf0\xa4\xad\xa2"})
    list.utf8(true, "hello" + std::string(inside) + "world");
  list.utf8(true, std::string(greek));
  list.begin("6.6");
  for (std::size_t size = 1; size <= greek.size(); ++size) {
    const bool whole = size == greek.size() || (greek[size] & '\xc0') != '\x80';
    list.utf8(whole, std::string(greek.substr(0, size)));
  }
  list.begin("6.7");
  for (const std::size_t length : {1, 2, 3, 4})
    list.utf8(true, encoded(length == 1 ? 0 : largest(length - 1) + 1, length));
  list.begin("6.8");
  for (const std::size_t length : {5, 6})
    list.utf8(false, encoded(largest(length - 1) + 1, length));
  list.begin("6.9");
  for (const std::size_t length : {1, 2, 3})
    list.utf8(true, encoded(largest(length), length));
  list.utf8(true, encoded(0x10ffff, 4));
  list.begin("6.10");
  for (const std::size_t length : {4, 5, 6})
    list.utf8(false, encoded(largest(length), length));
  list.begin("6.11");
  for (const std::uint32_t point : {0xd7ff, 0xe000, 0xfffd})
    list.utf8(true, encoded(point, 3));
  list.utf8(true, encoded(0x10ffff, 4));
  list.utf8(false, encoded(0x110000, 4));
}

/// Sequences with too many or too few bytes, and bytes of no sequence.
void add_utf8_cuts(case_list& list) {
  list.begin("6.12");
  list.utf8(false, "\x80");
  list.utf8(false, "\xbf");
  for (const std::size_t length : {2, 3, 4, 5, 6})
    list.utf8(false, std::string("\x80\xbf\x80\xbf\x80\xbf").substr(0, length));
  std::string run;
  for (int byte = 0x80; byte < 0xbf; ++byte)
    run += static_cast<char>(byte);
  list.utf8(false, run);
  list.begin("6.13");
  for (const auto& [from, to] :
       {std::pair{0xc0, 0xdf}, std::pair{0xe0, 0xef}, std::pair{0xf0, 0xf7},
        std::pair{0xf8, 0xfb}, std::pair{0xfc, 0xfd}}) {
    std::string starts;
    for (int byte = from; byte < to; ++byte)
      (starts += static_cast<char>(byte)) += ' ';
    list.utf8(false, starts);
  }
  list.begin("6.14");
  std::string all;
  for (const bool last : {false, true})
    for (const std::size_t length : {2, 3, 4, 5, 6}) {
      const auto cut =
          encoded(last ? largest(length) : 0, length).substr(0, length - 1);
      list.utf8(false, cut);
      all += cut;
    }
  list.begin("6.15");
  list.utf8(false, all);
  list.begin("6.16");
  for (const auto* bytes : {"\xfe", "\xff", "\xfe\xfe\xff\xff"})
    list.utf8(false, bytes);
}

/// Sequences that are longer than need be, surrogates, and non-characters,
/// which are valid.
void add_utf8_points(case_list& list) {
  constexpr std::size_t lengths[] = {2, 3, 4, 5, 6};
  list.begin("6.17");
  for (const auto length : lengths)
    list.utf8(false, encoded('/', length));
  list.begin("6.18");
  for (const auto length : lengths)
    list.utf8(false, encoded(largest(length - 1), length));
  list.begin("6.19");
  for (const auto length : lengths)
    list.utf8(false, encoded(0, length));
  list.begin("6.20");
  for (const std::uint32_t point :
       {0xd800, 0xdb7f, 0xdb80, 0xdbff, 0xdc00, 0xdf80, 0xdfff})
    list.utf8(false, encoded(point, 3));
  list.begin("6.21");
  for (const std::uint32_t high : {0xd800, 0xdb7f, 0xdb80, 0xdbff})
    for (const std::uint32_t low : {0xdc00, 0xdfff})
      list.utf8(false, encoded(high, 3) + encoded(low, 3));
  list.begin("6.22");
  for (std::uint32_t plane = 0; plane <= 0x10; ++plane)
    for (const std::uint32_t last : {0xfffe, 0xffff})
      list.utf8(true, encoded(plane << 16 | last, plane == 0 ? 3 : 4));
  list.begin("6.23");
  for (std::uint32_t point = 0xfff9; point <= 0xffff; ++point)
    list.utf8(true, encoded(point, 3));
}

void add_closes(case_list& list) {
  const std::string message = "Hello World!";
  const auto normal = close_frame(1000);
  list.begin("7.1");
  list.open({{frame(text, message)}}, {message});
  list.closes({normal, frame(close)});
  list.closes({normal, frame(ping)});
  list.closes({normal, frame(text, message)});
  list.closes({part(text, "fragment1"), normal, frame(0, "fragment2")});
  std::string large;
  while (large.size() < 256 * 1024)
    large += "BAsd7&jh23";
  large.resize(256 * 1024);
  list.closes({frame(text, large), frame(text, message), normal, frame(ping)},
              1000, {large, message});
  list.begin("7.3");
  list.closes({frame(close)});
  list.breaks({{frame(close, "a")}});
  list.closes({normal});
  list.closes({close_frame(1000, message)});
  list.closes({close_frame(1000, std::string(123, '*'))});
  list.breaks({{close_frame(1000, std::string(124, '*'))}});
  list.begin("7.5");
  list.breaks({{close_frame(
      1000, std::string(greek) + encoded(0xd800, 3) + "edited")}});
  list.begin("7.7");
  for (const std::uint16_t code : {1000, 1001, 1002, 1003, 1007, 1008, 1009,
                                   1010, 1011, 3000, 3999, 4000, 4999})
    list.closes({close_frame(code)}, code);
  list.begin("7.9");
  for (const int code : {0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999})
    list.breaks({{close_frame(code)}});
  // No rule of RFC 6455 is about these codes.
  list.begin("7.13");
  for (const std::uint16_t code : {5000, 65535})
    list.closes({close_frame(code)}, code);
}

}  // namespace

std::vector<autobahn_case> autobahn_cases() {
  case_list list;
  add_sizes(list);
  add_pings(list);
  add_reserved_bits(list);
  add_opcodes(list);
  add_fragments(list);
  add_messages_in_utf8(list);
  add_utf8_ranges(list);
  add_utf8_cuts(list);
  add_utf8_points(list);
  add_closes(list);
  list.begin("10.1");
  const std::string large(65536, '*');
  list.open({{fragments(large, 1300)}}, {large});
  return list.take();
}

}  // namespace status2::support
