#include "transport/client_message.hpp"

#include "transport/characters.hpp"
#include "transport/clean_run.hpp"

#include <bitset>
#include <optional>

namespace status2::transport {

namespace {

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 'a' - 'A')
                                        : letter;
}

/// A string as it stands between its quotes, well formed.
class raw_string {
 public:
  explicit raw_string(std::string_view raw) : raw_(raw) {}

  std::string_view text() const { return raw_; }

  /// Whether the string is `letters`, which are lower case, in any case.
  bool spells(std::string_view letters) const {
    auto left = raw_;
    for (const char letter : letters)
      if (left.empty() || lower(take_character(left)) != letter) return false;
    return left.empty();
  }

 private:
  /// Takes one character off `left`. A character that is neither a letter of
  /// ASCII nor written as such an escape is 0.
  static char take_character(std::string_view& left) {
    const char first = left.front();
    if (first != '\\') {
      left.remove_prefix(1);
      return first;
    }
    if (left[1] != 'u') {
      left.remove_prefix(2);
      return 0;
    }
    unsigned unit = 0;
    for (const char digit : left.substr(2, 4))
      unit = unit << 4 | static_cast<unsigned>(hex_digit(digit));
    left.remove_prefix(6);
    return unit < 0x80 ? static_cast<char>(unit) : '\0';
  }

  std::string_view raw_;
};

/// Walks over a text once. The members that take something return false if it
/// is not there; then the text is not JSON.
class scanner {
 public:
  explicit scanner(std::string_view text) : text_(text) {}

  client_message scan() {
    skip_space();
    do {
      if (!begin_value() || !end_values()) return client_message::malformed;
    } while (depth_ > 0);
    return at_ == text_.size() ? kind_ : client_message::malformed;
  }

  /// The outermost object's `token`, once the text was scanned.
  std::string_view token() const { return token_; }

 private:
  /// Takes a scalar, an empty array or object without its end, or the starts
  /// of arrays and objects down to the first scalar in them.
  bool begin_value() {
    for (;;) {
      const bool object = take('{');
      if (!object && !take('[')) return take_scalar();
      if (depth_ == max_json_depth) return false;
      objects_[depth_++] = object;
      skip_space();
      if (at(object ? '}' : ']')) return true;
      if (object && !take_name()) return false;
    }
  }

  /// Takes what ends here, up to the next value or the end of the text.
  bool end_values() {
    for (skip_space(); depth_ > 0; skip_space()) {
      const bool object = objects_[depth_ - 1];
      if (take(',')) {
        skip_space();
        return !object || take_name();
      }
      if (!take(object ? '}' : ']')) return false;
      --depth_;
    }
    return true;
  }

  /// The name of a member, up to its value.
  bool take_name() {
    const auto name = take_string();
    if (!name) return false;
    skip_space();
    if (depth_ == 1) {
      is_type_ = name->spells("type");
      if (is_type_) kind_ = client_message::other;
      is_token_ = name->spells("token");
      if (is_token_) token_ = {};
    }
    if (!take(':')) return false;
    skip_space();
    return true;
  }

  bool take_scalar() {
    if (at('"')) {
      const auto value = take_string();
      if (value && depth_ == 1 && is_type_) {
        if (value->spells("init")) kind_ = client_message::init;
        if (value->spells("pong")) kind_ = client_message::pong;
        if (value->spells("auth")) kind_ = client_message::auth;
      }
      if (value && depth_ == 1 && is_token_) token_ = value->text();
      return value.has_value();
    }
    return take_word("true") || take_word("false") || take_word("null") ||
           take_number();
  }

  std::optional<raw_string> take_string() {
    if (!take('"')) return std::nullopt;
    const auto start = at_;
    for (;;) {
      at_ = clean_run_end(text_, at_);
      if (at('"')) break;
      if (!take('\\') || !take_escape()) return std::nullopt;
    }
    return raw_string(text_.substr(start, at_++ - start));
  }

  bool take_escape() {
    if (!take('u')) return take_one_of("\"\\/bfnrt");
    for (int digit = 0; digit < 4; ++digit)
      if (!take_if([](char c) { return hex_digit(c) >= 0; })) return false;
    return true;
  }

  bool take_number() {
    take('-');
    if (!take('0') && !take_digits()) return false;
    if (take('.') && !take_digits()) return false;
    if (take_one_of("eE")) {
      take_one_of("+-");
      return take_digits();
    }
    return true;
  }

  bool take_digits() {
    constexpr auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!take_if(digit)) return false;
    while (take_if(digit)) {
    }
    return true;
  }

  bool take_word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  void skip_space() {
    while (take_one_of(" \t\n\r")) {
    }
  }

  bool at(char wanted) const {
    return at_ < text_.size() && text_[at_] == wanted;
  }
  template <class Predicate>
  bool take_if(Predicate wanted) {
    if (at_ == text_.size() || !wanted(text_[at_])) return false;
    ++at_;
    return true;
  }
  bool take(char wanted) {
    return take_if([wanted](char c) { return c == wanted; });
  }
  bool take_one_of(std::string_view wanted) {
    return take_if(
        [wanted](char c) { return wanted.find(c) != std::string_view::npos; });
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  // The latest name of the outermost object is `type`, or `token`.
  bool is_type_ = false;
  bool is_token_ = false;
  std::string_view token_;
  client_message kind_ = client_message::other;
  std::bitset<max_json_depth> objects_;  ///< what is open: object or array
};

}  // namespace

client_message parse_client_message(std::string_view text) {
  if (text == R"({"type":"pong"})") return client_message::pong;
  if (text == R"({"type":"init"})") return client_message::init;
  return scanner(text).scan();
}

std::string_view token_of_auth(std::string_view text) {
  scanner whole(text);
  return whole.scan() == client_message::auth ? whole.token()
                                              : std::string_view();
}

}  // namespace status2::transport
