#include "tests/support/redis_client.hpp"

#include <hiredis/hiredis.h>

#include <stdexcept>
#include <sys/time.h>

namespace status2::support {

namespace {

timeval timeval_of(std::chrono::milliseconds time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  return {whole.count(), std::chrono::microseconds{time - whole}.count()};
}

redis_reply copy_of(const redisReply& from) {
  redis_reply to;
  to.error = from.type == REDIS_REPLY_ERROR;
  to.number = from.integer;
  if (from.str != nullptr) to.text.assign(from.str, from.len);
  for (std::size_t i = 0; i < from.elements; ++i)
    to.items.push_back(copy_of(*from.element[i]));
  return to;
}

}  // namespace

void redis_client::closer::operator()(redisContext* context) const {
  ::redisFree(context);
}

redis_client::redis_client(std::uint16_t port, const std::string& password,
                           std::chrono::milliseconds patience)
    : context_(
          ::redisConnectWithTimeout("127.0.0.1", port, timeval_of(patience))) {
  if (!context_ || context_->err != 0)
    throw std::runtime_error("no connection to the test's Redis");
  ::redisSetTimeout(context_.get(), timeval_of(patience));
  if (!password.empty()) {
    const auto reply = command({"AUTH", password});
    if (reply.error) throw std::runtime_error(reply.text);
  }
}

redis_client::~redis_client() = default;
redis_client::redis_client(redis_client&&) noexcept = default;
redis_client& redis_client::operator=(redis_client&&) noexcept = default;

redis_reply redis_client::command(const std::vector<std::string>& words) {
  append({words.begin(), words.end()});
  return read_reply();
}

std::int64_t redis_client::publish(const std::string& channel,
                                   std::string_view payload) {
  append({"PUBLISH", channel, payload});
  return read_reply().number;
}

void redis_client::publish_all(const std::string& channel,
                               const std::vector<std::string>& payloads) {
  for (const auto& payload : payloads)
    append({"PUBLISH", channel, payload});
  for (std::size_t i = 0; i < payloads.size(); ++i)
    read_reply();
}

void redis_client::post(const std::string& channel, std::string_view payload) {
  append({"PUBLISH", channel, payload});
  int done = 0;
  while (done == 0)
    if (::redisBufferWrite(context_.get(), &done) != REDIS_OK)
      throw std::runtime_error("the test's Redis took nothing");
  ++owed_;
}

void redis_client::append(const std::vector<std::string_view>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> lengths;
  for (auto word : words) {
    texts.push_back(word.data());
    lengths.push_back(word.size());
  }
  ::redisAppendCommandArgv(context_.get(), static_cast<int>(texts.size()),
                           texts.data(), lengths.data());
}

redis_reply redis_client::read_reply() {
  for (; owed_ > 0; --owed_)
    read_one();
  return read_one();
}

redis_reply redis_client::read_one() {
  void* reply = nullptr;
  if (::redisGetReply(context_.get(), &reply) != REDIS_OK)
    throw std::runtime_error("the test's Redis on port " +
                             std::to_string(context_->tcp.port) + ": " +
                             context_->errstr);
  auto result = copy_of(*static_cast<redisReply*>(reply));
  ::freeReplyObject(reply);
  return result;
}

}  // namespace status2::support
