#include "redis/answer.hpp"

#include <hiredis/hiredis.h>

#include <utility>

namespace status2::redis {

struct answer_reader::builder {
  redisReader* reader = nullptr;
  answer root;  ///< of the answer under way
  std::size_t values = 0;
  bool too_many = false;

  /// A place for the value that `task` reads, null if there are too many. An
  /// array that is under way is the last element of its parent, so its address
  /// stays the same until it is complete.
  answer* add(const redisReadTask* task, answer::type kind) {
    too_many = ++values > most_values;
    if (too_many) return nullptr;
    auto* place = &root;
    if (task->parent != nullptr) {
      auto* parent = static_cast<answer*>(task->parent->obj);
      place = &parent->elements.emplace_back();
    }
    place->kind = kind;
    return place;
  }
};

struct answer_reader::hooks {
  static builder& of(const redisReadTask* task) {
    return *static_cast<builder*>(task->privdata);
  }
  static void* text(const redisReadTask* task, char* data, size_t size) {
    const auto kind = task->type == REDIS_REPLY_ERROR    ? answer::type::error
                      : task->type == REDIS_REPLY_STATUS ? answer::type::status
                                                         : answer::type::text;
    auto* place = of(task).add(task, kind);
    if (place != nullptr) place->text.assign(data, size);
    return place;
  }
  static void* array(const redisReadTask* task, int) {
    return of(task).add(task, answer::type::array);
  }
  static void* integer(const redisReadTask* task, long long value) {
    auto* place = of(task).add(task, answer::type::integer);
    if (place != nullptr) place->integer = value;
    return place;
  }
  static void* nil(const redisReadTask* task) {
    return of(task).add(task, answer::type::nil);
  }
  static void release(void*) {}  // the builder owns every value
  static redisReplyObjectFunctions table;
};

redisReplyObjectFunctions answer_reader::hooks::table = {
    hooks::text, hooks::array, hooks::integer, hooks::nil, hooks::release};

answer_reader::answer_reader() : builder_(std::make_unique<builder>()) {
  builder_->reader = redisReaderCreateWithFunctions(&hooks::table);
  builder_->reader->privdata = builder_.get();
}

answer_reader::~answer_reader() {
  redisReaderFree(builder_->reader);
}

bool answer_reader::feed(std::string_view data, std::vector<answer>& out) {
  // hiredis parses what it was fed before it is asked: pieces keep the count of
  // bytes per answer close, and its buffer small.
  constexpr std::size_t piece = 16384;
  auto& b = *builder_;
  while (!data.empty() && error_.empty()) {
    const auto part = data.substr(0, piece);
    data.remove_prefix(part.size());
    unfinished_ += part.size();
    redisReaderFeed(b.reader, part.data(), part.size());
    void* done = nullptr;
    while (redisReaderGetReply(b.reader, &done) == REDIS_OK &&
           done != nullptr) {
      out.push_back(std::exchange(b.root, {}));
      b.values = 0;
      unfinished_ = 0;
    }
    if (b.too_many || unfinished_ > most_bytes)
      error_ = "the answer is too large";
    else if (b.reader->err != 0)
      error_ = b.reader->errstr;
  }
  return error_.empty();
}

}  // namespace status2::redis
