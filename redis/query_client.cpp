#include "redis/query_client.hpp"

#include "redis/connection.hpp"
#include "redis/query_wire.hpp"

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <string_view>
#include <utility>

namespace status2::redis {

namespace asio = boost::asio;

namespace {

using clock = std::chrono::steady_clock;

std::string encode(const query_client::commands& question) {
  std::string bytes;
  for (const auto& words : question)
    bytes += encode_command({words.begin(), words.end()});
  return bytes;
}

}  // namespace

class query_client::impl : public std::enable_shared_from_this<impl> {
 public:
  impl(asio::io_context& loop, query_settings settings, query_client& owner)
      : loop_(loop),
        settings_(std::move(settings)),
        owner_(owner),
        deadline_(loop) {}

  void ask(const commands& question, answered done) {
    questions_.push_back({encode(question),
                          question.size(),
                          std::move(done),
                          clock::now() + settings_.timeout,
                          {}});
    if (questions_.size() == 1) watch_deadline();
    if (!wire_)
      open();
    else if (open_)
      wire_->send(questions_.back().bytes);
  }

  void close() {
    ++epoch_;
    drop_wire();
    questions_.clear();
    deadline_.cancel();
  }

 private:
  struct question {
    std::string bytes;
    std::size_t wanted;  ///< answers
    answered done;
    clock::time_point due;
    std::vector<answer> answers;
  };

  void open() {
    wire_events events;
    events.opened = [this] { on_open(); };
    // A callback may destroy the client.
    events.answered = [me = shared_from_this()](std::vector<answer> answers) {
      me->on_answers(std::move(answers));
    };
    events.lost = [me = shared_from_this()](const std::string& error) {
      me->fail(error);
    };
    wire_ = std::make_shared<query_wire>(loop_, settings_.where, settings_.tls,
                                         std::move(events));
    wire_->open({settings_.timeout, false, settings_.memory});
  }

  void drop_wire() {
    open_ = false;
    login_pending_ = false;
    if (wire_) std::exchange(wire_, nullptr)->close();
  }

  void on_open() {
    open_ = true;
    std::string bytes;
    login_pending_ = !settings_.password.empty();
    if (login_pending_) {
      std::vector<std::string> words{"AUTH", settings_.password};
      if (!settings_.user.empty())
        words.insert(words.begin() + 1, settings_.user);
      bytes = encode({words});
    }
    for (const auto& each : questions_)
      bytes += each.bytes;
    wire_->send(bytes);
  }

  void on_answers(std::vector<answer> answers) {
    const auto wire = wire_;
    for (auto& each : answers) {
      on_answer(std::move(each));
      if (wire_ != wire) return;  // a callback or an error has ended it
    }
  }

  void on_answer(answer&& one) {
    if (std::exchange(login_pending_, false)) {
      if (one.is(answer::type::error))
        fail("login refused: " + login_error(one.text, settings_.password));
      return;
    }
    if (questions_.empty()) {
      const auto pushed = owner_.pushed;
      if (!pushed) return fail("an answer that nobody asked for");
      return pushed(one);
    }
    auto& first = questions_.front();
    first.answers.push_back(std::move(one));
    if (first.answers.size() < first.wanted) return;
    const auto complete = std::move(first);
    questions_.pop_front();
    watch_deadline();
    complete.done(complete.answers, {});
  }

  void watch_deadline() {
    if (questions_.empty()) {
      deadline_.cancel();
      return;
    }
    deadline_.expires_at(questions_.front().due);
    deadline_.async_wait(
        [me = shared_from_this()](boost::system::error_code cancelled) {
          if (!cancelled) me->on_deadline();
        });
  }

  void on_deadline() {
    // The timer may have been set anew while this was on its way.
    if (questions_.empty() || clock::now() < questions_.front().due) return;
    fail("no answer in time");
  }

  void fail(const std::string& error) {
    drop_wire();
    deadline_.cancel();
    const auto epoch = epoch_;
    for (const auto& each : std::exchange(questions_, {})) {
      each.done({}, error);
      if (epoch_ != epoch) return;  // closed by the callback
    }
    if (const auto lost = owner_.lost) lost(error);
  }

  asio::io_context& loop_;
  const query_settings settings_;
  query_client& owner_;  ///< lives as long as there is no close()
  std::shared_ptr<query_wire> wire_;
  bool open_ = false;
  bool login_pending_ = false;
  std::deque<question> questions_;  ///< in the order of their answers
  asio::steady_timer deadline_;     ///< of the first question
  std::uint64_t epoch_ = 0;         ///< counts calls of close()
};

query_client::query_client(asio::io_context& loop, query_settings settings)
    : impl_(std::make_shared<impl>(loop, std::move(settings), *this)) {}

query_client::~query_client() {
  close();
}

void query_client::ask(const commands& question, answered done) {
  impl_->ask(question, std::move(done));
}

void query_client::close() {
  impl_->close();
}

}  // namespace status2::redis
