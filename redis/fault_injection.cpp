#include "redis/fault_injection.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

namespace status2::redis {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using clock = std::chrono::steady_clock;

constexpr std::size_t most_held = 67108864;  // 64 MB

class faulty_connection final
    : public connection,
      public std::enable_shared_from_this<faulty_connection> {
 public:
  faulty_connection(asio::io_context& loop,
                    std::shared_ptr<const upstream_fault> fault,
                    std::unique_ptr<connection_events> events)
      : loop_(loop),
        fault_(std::move(fault)),
        events_(std::move(events)),
        release_(loop) {}

  void start(connection_settings settings) {
    settings.fault = nullptr;
    inner_ = open_connection(loop_, settings,
                             std::make_unique<filter>(shared_from_this()));
    fault_changed();
  }

  void write(std::string bytes) override { inner_->write(std::move(bytes)); }

  endpoint where() const override {
    return inner_ ? inner_->where() : endpoint{};
  }

  void close() override {
    events_.reset();
    stop();
  }

  void fault_changed() override {
    if (in_force() == upstream_fault::kind::drop)
      asio::post(loop_, [me = shared_from_this()] {
        me->end("dropped by fault injection", failure_kind::refused);
      });
  }

 private:
  /// Events of the connection inside, on their way through the faults.
  class filter final : public connection_events {
   public:
    explicit filter(std::shared_ptr<faulty_connection> owner)
        : owner_(std::move(owner)) {}
    void on_unanswered(const std::string& error) override {
      if (owner_->events_) owner_->events_->on_unanswered(error);
    }
    void on_warning(const std::string& text) override {
      if (owner_->events_) owner_->events_->on_warning(text);
    }
    void on_open() override { owner_->pass(std::nullopt); }
    void on_read(reply_batch&& batch) override {
      owner_->pass(std::move(batch));
    }
    void on_closed(const std::string& error, failure_kind kind) override {
      owner_->end(error, kind);
    }

   private:
    std::shared_ptr<faulty_connection> owner_;
  };

  /// A batch, or the opening of the connection.
  using event = std::optional<reply_batch>;
  struct held_event {
    event what;
    clock::time_point due;
  };

  upstream_fault::kind in_force() const {
    return clock::now() < fault_->until ? fault_->what
                                        : upstream_fault::kind::none;
  }

  void pass(event what) {
    if (!events_) return;
    auto due = clock::now();
    if (in_force() == upstream_fault::kind::stall) due = fault_->until;
    if (in_force() == upstream_fault::kind::delay) due += fault_->delay;
    if (held_.empty() && due <= clock::now()) return deliver(what);
    if (!held_.empty()) due = std::max(due, held_.back().due);
    held_bytes_ += what ? what->bytes.size() : 0;
    held_.push_back({std::move(what), due});
    if (held_bytes_ > most_held)
      return end("held back too much", failure_kind::refused);
    if (held_.size() == 1) wait_for_held();
  }

  void deliver(event& what) {
    if (what)
      events_->on_read(std::move(*what));
    else
      events_->on_open();
  }

  void wait_for_held() {
    release_.expires_at(held_.front().due);
    release_.async_wait([me = shared_from_this()](error_code cancelled) {
      if (!cancelled && me->events_) me->release_held();
    });
  }

  void release_held() {
    while (events_ && !held_.empty() && held_.front().due <= clock::now()) {
      auto first = std::move(held_.front());
      held_.pop_front();
      held_bytes_ -= first.what ? first.what->bytes.size() : 0;
      deliver(first.what);
    }
    if (events_ && !held_.empty()) wait_for_held();
  }

  void end(const std::string& error, failure_kind kind) {
    if (!events_) return;
    const auto events = std::move(events_);
    stop();
    events->on_closed(error, kind);
  }

  void stop() {
    release_.cancel();
    inner_->close();
  }

  asio::io_context& loop_;
  const std::shared_ptr<const upstream_fault> fault_;
  std::unique_ptr<connection_events> events_;  ///< null once closed
  asio::steady_timer release_;
  std::shared_ptr<connection> inner_;
  std::deque<held_event> held_;
  std::size_t held_bytes_ = 0;
};

}  // namespace

std::shared_ptr<connection> open_with_faults(
    asio::io_context& loop, const connection_settings& settings,
    std::unique_ptr<connection_events> events) {
  auto made = std::make_shared<faulty_connection>(loop, settings.fault,
                                                  std::move(events));
  made->start(settings);
  return made;
}

}  // namespace status2::redis
