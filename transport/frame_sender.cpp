#include "transport/frame_sender.hpp"

#include <utility>

namespace status2::transport {

namespace {

// So few are sent one by one: a batch would cost as much.
constexpr std::size_t few = 3;

}  // namespace

std::string_view name_of(io_backend backend) {
  switch (backend) {
    case io_backend::automatic:
      return "auto";
    case io_backend::io_uring:
      return "io_uring";
    case io_backend::aio:
      return "aio";
    case io_backend::sendto:
      return "sendto";
  }
  return {};
}

std::optional<io_backend> backend_named(std::string_view name) {
  using enum io_backend;
  for (const auto backend : {automatic, io_uring, aio, sendto})
    if (name == name_of(backend)) return backend;
  if (name == "epoll") return aio;
  return std::nullopt;
}

frame_sender::frame_sender(io_backend wanted, io_counters& counters)
    : counters_(counters) {
  waiting_.reserve(most_in_a_batch);
  choose(wanted);
}

frame_sender::~frame_sender() = default;

void frame_sender::choose(io_backend wanted) {
  using enum io_backend;
  backend_ = sendto;
  if (wanted == sendto) return;
  if (wanted != aio && take(make_uring_call(counters_.send_calls))) {
    backend_ = io_uring;
    counters_.io_uring_threads.add();
  } else if (take(make_aio_call(counters_.send_calls))) {
    backend_ = aio;
    counters_.aio_threads.add();
  }
}

bool frame_sender::take(std::unique_ptr<batch_call> call) {
  const auto obstacle = call->obstacle();
  if (obstacle.empty()) {
    call_ = std::move(call);
    return true;
  }
  obstacle_ += (obstacle_.empty() ? "" : "; ") + obstacle;
  return false;
}

std::string_view frame_sender::call_name() const {
  return call_ ? call_->name() : "sendto";
}

void frame_sender::encrypt(byte_stream& stream, const frame_block& block,
                           send_target& target) {
  encrypted_.push_back({&stream, &block, &target});
  if (encrypted_.size() == most_in_a_batch) flush();
}

void frame_sender::flush_encrypted() {
  if (encrypted_.empty()) return;
  const auto count = static_cast<std::int64_t>(encrypted_.size());
  counters_.sends.add(count);
  counters_.send_calls.add(count);
  for (auto& one : encrypted_)
    one.result = one.stream->write(one.block->bytes);
  for (auto& one : encrypted_)
    one.target->on_sent(one.result);
  encrypted_.clear();
}

void frame_sender::flush() {
  flush_encrypted();
  if (waiting_.empty()) return;
  counters_.sends.add(static_cast<std::int64_t>(waiting_.size()));
  const bool sound = !call_ || waiting_.size() <= few || call_->send(waiting_);
  send_the_rest();
  // After all are sent: what a target does now cannot take the descriptor from
  // under another one's bytes.
  for (auto& one : waiting_)
    one.target->on_sent(*one.result);
  waiting_.clear();
  if (!sound) give_up();
}

void frame_sender::send_the_rest() {
  for (auto& one : waiting_) {
    if (one.result) continue;
    counters_.send_calls.add();
    one.result = send_now(one.fd, one.block->bytes);
  }
}

void frame_sender::give_up() {
  const auto failed = std::exchange(call_, nullptr);
  if (backend_ == io_backend::io_uring) {
    counters_.io_uring_threads.sub();
    choose(io_backend::aio);
  } else {
    counters_.aio_threads.sub();
    choose(io_backend::sendto);
  }
  counters_.batch_calls_given_up.add();
  obstacle_ = std::string(failed->name()) + " failed";
  if (given_up_) given_up_();
}

}  // namespace status2::transport
