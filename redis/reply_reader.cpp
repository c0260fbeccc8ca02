#include "redis/reply_reader.hpp"

#include <hiredis/hiredis.h>

#include <array>
#include <utility>

namespace status2::redis {

namespace {

// hiredis asks for objects; a reply here is at most three texts, kept as
// places in the batch. Any non-null pointer satisfies it.
void* const made = reinterpret_cast<void*>(1);

constexpr std::size_t texts_kept = 3;

}  // namespace

struct reply_reader::parser {
  redisReader* reader = nullptr;
  std::string bytes;  ///< of the batch under way; the tail may be unfinished
  struct text {
    std::uint32_t at = 0, size = 0;
  };
  std::array<text, texts_kept> texts{};
  std::size_t count = 0;
  std::size_t unfinished_at = 0;  ///< where the texts of this reply begin
  int type = 0;

  void keep(const char* data, std::size_t size) {
    if (count < texts_kept)
      texts[count] = {static_cast<std::uint32_t>(bytes.size()),
                      static_cast<std::uint32_t>(size)};
    ++count;
    bytes.append(data, size);
  }
  std::string_view view(std::size_t i) const {
    return std::string_view(bytes).substr(texts[i].at, texts[i].size);
  }
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
  static void* array(const redisReadTask* task, int) {
    if (task->parent == nullptr) of(task).type = task->type;
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
    reply.kind = name == "message" && count == 3 ? reply_kind::message
                 : name == "subscribe"           ? reply_kind::subscribed
                 : name == "unsubscribe"         ? reply_kind::unsubscribed
                 : name == "pong"                ? reply_kind::pong
                                                 : reply_kind::other;
  }
  if (count > first) {
    reply.first_at = texts[first].at;
    reply.first_size = texts[first].size;
  }
  if (reply.kind == reply_kind::message) {
    reply.second_at = texts[2].at;
    reply.second_size = texts[2].size;
  }
  count = 0;
  type = 0;
  unfinished_at = bytes.size();
  return reply;
}

reply_reader::reply_reader() : parser_(std::make_unique<parser>()) {
  parser_->reader = redisReaderCreateWithFunctions(&hooks::table);
  parser_->reader->privdata = parser_.get();
}

reply_reader::~reply_reader() {
  redisReaderFree(parser_->reader);
}

bool reply_reader::feed(std::string_view data, reply_batch& out) {
  constexpr std::size_t short_reply = 96;  // bytes of a typical one
  auto& p = *parser_;
  p.bytes.reserve(p.bytes.size() + data.size());
  out.replies.reserve(data.size() / short_reply + 1);
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
  return error_.empty();
}

}  // namespace status2::redis
