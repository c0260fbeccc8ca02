#include "redis/reply_reader.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace status2::redis {

namespace {

// hiredis asks for objects; a reply here is at most three texts, kept as
// places in the batch. Any non-null pointer satisfies it.
void* const made = reinterpret_cast<void*>(1);

constexpr std::size_t texts_kept = 3;

/// Payloads from this size on pass by hiredis, which would keep them a second
/// time.
constexpr std::size_t large = 65536;
/// Room behind a large payload for what the same read brings after it.
constexpr std::size_t room_behind = 262144;
/// Bytes of an unfinished reply, apart from a large payload.
constexpr std::size_t most_kept = 1048576;

}  // namespace

struct reply_reader::parser {
  explicit parser(std::size_t limit) : max_payload(limit) {}

  const std::size_t max_payload;
  redisReader* reader = nullptr;
  std::string bytes;  ///< of the batch under way; the tail may be unfinished
  struct text {
    std::uint32_t at = 0, size = 0;
  };
  std::array<text, texts_kept> texts{};
  std::size_t count = 0;
  std::size_t unfinished_at = 0;  ///< where the texts of this reply begin
  int type = 0;
  int elements = 0;     ///< of the array under way
  bool nested = false;  ///< arrays in it
  /// Bytes of the large payload under way, with its end of line, that have not
  /// come yet.
  std::uint64_t payload_left = 0;
  std::uint64_t payload_size = 0;
  bool too_large = false;  ///< the payload is dropped

  void keep(const char* data, std::size_t size) {
    if (size > max_payload && payload_is_next()) {
      drop(size);
      size = 0;
    }
    if (count < texts_kept)
      texts[count] = {static_cast<std::uint32_t>(bytes.size()),
                      static_cast<std::uint32_t>(size)};
    ++count;
    bytes.append(data, size);
  }
  void drop(std::uint64_t size) {
    too_large = true;
    payload_size = size;
  }
  std::string_view view(std::size_t i) const {
    return std::string_view(bytes).substr(texts[i].at, texts[i].size);
  }
  std::string_view rest() const {
    return {reader->buf + reader->pos, reader->len - reader->pos};
  }
  /// Whether the reply under way is a message whose channel is read.
  bool payload_is_next() const {
    return type == REDIS_REPLY_ARRAY && elements == 3 && !nested &&
           count == 2 && (view(0) == "message" || view(0) == "smessage");
  }
  void open();
  void close() { redisReaderFree(reader); }
  void begin_large_payload();
  std::size_t take(std::string_view data);
  reply_batch::reply finish();
};

struct reply_reader::hooks {
  static parser& of(const redisReadTask* task) {
    return *static_cast<parser*>(task->privdata);
  }
  static void* text(const redisReadTask* task, char* data, size_t size) {
    if (task->parent == nullptr) of(task).type = task->type;
    of(task).keep(data, size);
    return made;
  }
  static void* array(const redisReadTask* task, int elements) {
    if (task->parent == nullptr) {
      of(task).type = task->type;
      of(task).elements = elements;
    } else {
      of(task).nested = true;
    }
    return made;
  }
  static void* integer(const redisReadTask* task, long long) {
    if (task->parent == nullptr) of(task).type = task->type;
    return made;
  }
  static void* nil(const redisReadTask* task) {
    if (task->parent == nullptr) of(task).type = task->type;
    of(task).keep("", 0);
    return made;
  }
  static void release(void*) {}
  static redisReplyObjectFunctions table;
};

redisReplyObjectFunctions reply_reader::hooks::table = {
    hooks::text, hooks::array, hooks::integer, hooks::nil, hooks::release};

void reply_reader::parser::open() {
  reader = redisReaderCreateWithFunctions(&hooks::table);
  reader->privdata = this;
}

/// If the unfinished reply waits for a large payload, takes it over from
/// hiredis, which begins anew with the next reply.
void reply_reader::parser::begin_large_payload() {
  // hiredis has taken the `$`. A line that it has not taken announces a bulk.
  constexpr std::size_t longest_line = 24;
  const auto line = rest().substr(0, longest_line);
  const auto end = line.find("\r\n");
  if (end == std::string_view::npos || !payload_is_next()) return;
  std::uint64_t size = 0;
  const auto [stop, error] =
      std::from_chars(line.data(), line.data() + end, size);
  if (error != std::errc{} || stop != line.data() + end || size < large) return;
  payload_left = size + 2;
  if (size > max_payload) {
    drop(size);
  } else {
    payload_size = size;
    bytes.reserve(bytes.size() + size + room_behind);
  }
  texts[count++] = {static_cast<std::uint32_t>(bytes.size()),
                    static_cast<std::uint32_t>(too_large ? 0 : size)};
  take(rest().substr(end + 2));
  close();
  open();
}

/// Takes the part of the large payload that `data` begins with. Returns its
/// size.
std::size_t reply_reader::parser::take(std::string_view data) {
  const auto part = std::min<std::uint64_t>(payload_left, data.size());
  if (!too_large && payload_left > 2)
    bytes.append(data.substr(0, std::min(part, payload_left - 2)));
  payload_left -= part;
  return part;
}

reply_batch::reply reply_reader::parser::finish() {
  reply_batch::reply reply;
  std::size_t first = 1;
  if (type == REDIS_REPLY_ERROR || type == REDIS_REPLY_STATUS) {
    first = 0;
    reply.kind = type == REDIS_REPLY_ERROR ? reply_kind::error
                 : view(0) == "PONG"       ? reply_kind::pong
                                           : reply_kind::status;
  } else if (type == REDIS_REPLY_ARRAY && count > 0) {
    auto name = view(0);
    // Sharded Pub/Sub has the same pushes with an s before their names.
    const auto plain =
        name.starts_with("ss") || name == "smessage" || name == "sunsubscribe"
            ? name.substr(1)
            : name;
    reply.kind = too_large                          ? reply_kind::too_large
                 : plain == "message" && count == 3 ? reply_kind::message
                 : plain == "subscribe"             ? reply_kind::subscribed
                 : plain == "unsubscribe"           ? reply_kind::unsubscribed
                 : plain == "pong"                  ? reply_kind::pong
                                                    : reply_kind::other;
  }
  // The other texts and arrays begin with the text that is asked for.
  if (reply.kind == reply_kind::other) first = 0;
  if (count > first) {
    reply.first_at = texts[first].at;
    reply.first_size = texts[first].size;
  }
  if (reply.kind == reply_kind::message) {
    reply.second_at = texts[2].at;
    reply.second_size = texts[2].size;
  } else if (reply.kind == reply_kind::too_large) {
    constexpr auto most = std::numeric_limits<std::uint32_t>::max();
    reply.second_size =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(payload_size, most));
  }
  count = 0;
  type = 0;
  elements = 0;
  nested = false;
  too_large = false;
  unfinished_at = bytes.size();
  return reply;
}

reply_reader::reply_reader(std::size_t max_payload)
    : parser_(std::make_unique<parser>(max_payload)) {
  parser_->open();
}

reply_reader::~reply_reader() {
  parser_->close();
}

bool reply_reader::unfinished() const {
  const auto& reader = *parser_->reader;
  return reader.pos < reader.len || reader.ridx > 0 || !parser_->bytes.empty();
}

std::size_t reply_reader::kept() const {
  return parser_->bytes.capacity() + parser_->rest().size();
}

bool reply_reader::feed(std::string_view data, reply_batch& out) {
  constexpr std::size_t short_reply = 96;  // bytes of a typical one
  auto& p = *parser_;
  if (!error_.empty()) return false;
  if (p.payload_left > 0) {
    data.remove_prefix(p.take(data));
    if (p.payload_left > 0) return true;
    out.replies.push_back(p.finish());
  }
  p.bytes.reserve(p.bytes.size() + data.size());
  out.replies.reserve(out.replies.size() + data.size() / short_reply + 1);
  redisReaderFeed(p.reader, data.data(), data.size());
  void* reply = nullptr;
  while (redisReaderGetReply(p.reader, &reply) == REDIS_OK && reply != nullptr)
    out.replies.push_back(p.finish());
  if (p.reader->err != 0) error_ = p.reader->errstr;
  // An unfinished reply keeps its texts for the next read.
  std::string tail = p.bytes.substr(p.unfinished_at);
  for (auto& text : p.texts)
    text.at -= static_cast<std::uint32_t>(p.unfinished_at);
  p.bytes.resize(p.unfinished_at);
  out.bytes = std::exchange(p.bytes, std::move(tail));
  p.unfinished_at = 0;
  if (error_.empty()) p.begin_large_payload();
  if (p.payload_left == 0 && kept() > most_kept)
    error_ = "a reply of more than " + std::to_string(most_kept) + " bytes";
  return error_.empty();
}

}  // namespace status2::redis
