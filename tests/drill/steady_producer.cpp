#include "tests/drill/steady_producer.hpp"

#include <algorithm>
#include <utility>

namespace status2::drill {

namespace {

using steady = std::chrono::steady_clock;
using wall_clock = std::chrono::system_clock;

constexpr std::chrono::milliseconds shortest_wait{1};
constexpr std::chrono::seconds last_answers_within{2};

}  // namespace

steady_producer::steady_producer(redis::connection_settings redis,
                                 std::vector<std::string> channels, double rate)
    : channels_(std::move(channels)),
      step_(std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::duration<double>(1 / rate))),
      redis_(loop_, std::move(redis)),
      next_(steady::now()) {
  redis_.read = [this](const auto& batch) { on_answers(batch.replies.size()); };
  redis_.lost = [this] { on_lost(); };
  redis_.open();
  pace();
  thread_ = std::thread([this] { loop_.run(); });
}

void steady_producer::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void steady_producer::pace() {
  const auto now = steady::now();
  if (stopping_) {
    if (under_way_.empty() || now > next_ + last_answers_within)
      return loop_.stop();
  } else {
    for (; next_ <= now; next_ += step_) {
      if (redis_.is_open())
        publish_one();
      else
        ++skipped_;
    }
  }
  timer_.expires_at(
      std::max(now + shortest_wait, std::min(next_, now + step_)));
  timer_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) pace();
  });
}

void steady_producer::publish_one() {
  const auto index = turn_++ % channels_.size();
  const auto& channel = channels_[index];
  auto& sent = published_[channel];
  under_way_.push_back({index, sent.size(), wall_clock::now()});
  redis_.send({"PUBLISH", channel,
               std::to_string(sent.size()) + ' ' +
                   std::to_string(steady::now().time_since_epoch().count())});
  // Until the answer comes, nobody need have got it.
  sent.push_back({wall_clock::time_point::min(), wall_clock::time_point{}});
  ++sent_;
}

void steady_producer::on_answers(std::size_t count) {
  for (; count > 0 && !under_way_.empty(); --count) {
    const auto& one = under_way_.front();
    published_[channels_[one.channel]][one.number] = {one.before,
                                                      wall_clock::now()};
    under_way_.pop_front();
    ++answered_;
  }
}

void steady_producer::on_lost() {
  under_way_.clear();
}

}  // namespace status2::drill
