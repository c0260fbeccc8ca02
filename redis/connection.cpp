#include "redis/connection.hpp"

#include "redis/endpoint_sources.hpp"
#include "redis/fault_injection.hpp"
#include "redis/login.hpp"
#include "redis/read_pace.hpp"
#include "redis/stream.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <optional>
#include <utility>

namespace status2::redis {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using clock = std::chrono::steady_clock;

constexpr std::size_t read_size = 262144;
constexpr std::size_t most_unsent = 67108864;  // 64 MB

class socket_connection final
    : public connection,
      public std::enable_shared_from_this<socket_connection> {
 public:
  socket_connection(asio::io_context& loop, connection_settings settings,
                    std::unique_ptr<connection_events> events)
      : loop_(loop),
        settings_(std::move(settings)),
        events_(std::move(events)),
        deadline_(loop),
        pause_(loop),
        pace_(settings_.read_interval),
        reader_(settings_.max_payload) {
    if (!settings_.source)
      settings_.source = make_endpoint_source(
          loop, settings_.url, {settings_.tls, settings_.request_timeout});
  }

  void start() {
    expect("connect");
    settings_.source->locate(
        [me = shared_from_this()](const location& where,
                                  const std::string& error) {
          if (me->events_) me->on_located(where, error);
        });
  }

  void close() override {
    events_.reset();
    stop();
  }

  endpoint where() const override { return where_; }

  void write(std::string bytes) override {
    if (!events_) return;
    unsent_ += bytes;
    if (unsent_.size() > most_unsent)
      return asio::post(loop_, [me = shared_from_this()] {
        me->fail("Redis does not read", failure_kind::refused);
      });
    flush();
  }

 private:
  using self = socket_connection;

  /// A handler of Asio that does nothing once the connection is closed.
  template <class Member>
  auto then(Member member) {
    return [me = shared_from_this(), member](error_code error, auto...) {
      if (me->events_) ((*me).*member)(error);
    };
  }

  /// Begins a step. The connection fails if the step takes longer than
  /// request_timeout.
  void expect(const char* step) {
    step_ = step;
    deadline_.expires_after(settings_.request_timeout);
    deadline_.async_wait(
        [me = shared_from_this(), turn = ++turn_](error_code cancelled) {
          // A timer that has expired can no longer be cancelled: its handler
          // runs although the step has ended.
          if (cancelled || !me->events_ || turn != me->turn_) return;
          me->fail_unfit("no answer in time");
        });
  }

  /// Ends the deadline of the step under way.
  void end_deadline() {
    ++turn_;
    deadline_.cancel();
  }

  void stop() {
    deadline_.cancel();
    pause_.cancel();
    if (dial_) dial_->cancel();
    dial_.reset();
    if (stream_) stream_->close();
  }

  std::string with_step(const std::string& error) const {
    return step_.empty() ? error : step_ + ": " + error;
  }

  void fail(const std::string& why, failure_kind kind) {
    if (!events_) return;
    const auto events = std::move(events_);
    stop();
    events->on_closed(with_step(why), kind);
  }

  /// The server that was reached, if any, does not serve: another may.
  void fail_unfit(const std::string& why,
                  failure_kind kind = failure_kind::unreachable) {
    if (!events_) return;
    if (stream_ && settings_.source->unfit(where_))
      kind = failure_kind::unreachable;
    fail(why, kind);
  }

  // -- opening ----------------------------------------------------------------

  void on_located(const location& where, const std::string& error) {
    if (!error.empty()) return fail(error, failure_kind::unreachable);
    end_deadline();  // the dial has deadlines of its own
    role_ = where.role;
    dial_ = dial(
        loop_, where.endpoints,
        {settings_.request_timeout, settings_.knocks, settings_.source->memory},
        {.connected =
             [me = shared_from_this()](dialed_socket socket,
                                       const endpoint& to) {
               if (me->events_) me->on_connected(std::move(socket), to);
             },
         .failed =
             [me = shared_from_this()](const std::string& why) {
               me->fail(why, failure_kind::unreachable);
             },
         .unanswered =
             [me = shared_from_this()](const std::string& why) {
               if (me->events_) me->events_->on_unanswered(me->with_step(why));
             }});
  }

  void on_connected(dialed_socket socket, const endpoint& to) {
    dial_.reset();
    where_ = to;
    if (!settings_.url.tls) {
      stream_.emplace(std::move(socket), nullptr);
      return log_in();
    }
    expect("TLS");
    if (!settings_.tls) settings_.tls = make_tls_context({});
    if (!settings_.tls->error.empty())
      return fail(settings_.tls->error, failure_kind::refused);
    stream_.emplace(std::move(socket), settings_.tls);
    stream_->secure(where_.host, then(&self::on_secured));
  }

  void on_secured(error_code error) {
    if (!error) return log_in();
    const auto problem = stream_->certificate_problem();
    const bool ended = error == asio::error::eof ||
                       error == asio::error::connection_reset ||
                       error == asio::ssl::error::stream_truncated;
    fail_unfit(problem.empty() ? error.message() : problem,
               ended && problem.empty() ? failure_kind::unreachable
                                        : failure_kind::refused);
  }

  void log_in() {
    expect("login");
    login_.emplace(settings_.url, role_, settings_.name);
    unsent_ += login_->commands();
    flush();
    read_now();
  }

  /// Takes the answers to the login off `batch`.
  void on_login_answers(reply_batch& batch) {
    for (std::size_t i = 0; i < batch.replies.size(); ++i) {
      switch (login_->answer(batch, batch.replies[i])) {
        case login::verdict::more:
          break;
        case login::verdict::refused:
          return fail_unfit(login_->error(), failure_kind::refused);
        case login::verdict::unfit:
          return fail_unfit(login_->error());
        case login::verdict::done:
          return on_logged_in();
      }
    }
  }

  void on_logged_in() {
    step_.clear();
    end_deadline();
    settings_.source->fit(where_);
    const auto finished = std::exchange(login_, std::nullopt);
    for (const auto& warning : finished->warnings)
      events_->on_warning(warning);
    events_->on_open();
  }

  // -- reading ----------------------------------------------------------------

  /// Reads again once the results of the last read are dealt with: work that
  /// the read has posted to this thread comes before.
  void read_on() {
    if (pace_.off() && drained_) return wait_for_bytes();
    asio::post(loop_, [me = shared_from_this()] {
      if (!me->events_) return;
      me->pace_.done(clock::now());
      if (me->drained_)
        me->read_in_time();
      else
        me->read_now();
    });
  }

  /// Reads now or when the pause is over.
  void read_in_time() {
    if (clock::now() >= pace_.due()) return read_now();
    if (pace_.dense()) return pause();
    wait_for_bytes();
  }

  void wait_for_bytes() {
    stream_->low_watermark(1);
    stream_->when_readable(then(&self::on_bytes_in));
  }

  void on_bytes_in(error_code) {
    if (clock::now() >= pace_.due())
      read_now();
    else
      pause();
  }

  /// Reads when the pause is over; until then the socket does not wake the
  /// thread for single messages.
  void pause() {
    stream_->low_watermark(read_size / 4);
    pause_.expires_at(pace_.due());
    pause_.async_wait([me = shared_from_this()](error_code cancelled) {
      if (!cancelled && me->events_) me->read_now();
    });
  }

  /// Reading from an encrypted stream may write as well, and must not do so
  /// between the parts of a write under way.
  bool may_read() const { return !stream_->encrypted() || sending_.empty(); }

  void read_now() {
    read_waits_ = !may_read();
    if (read_waits_) return;  // on_written() goes on
    buffer_.resize(read_size);
    read_at_ = clock::now();
    error_code error;
    const auto size = stream_->read(asio::buffer(buffer_), error);
    if (error == asio::error::would_block) return wait_for_bytes();
    if (error) return on_read_error(error);
    on_read({buffer_.data(), read_rest(size)});
  }

  void on_read_error(error_code error) {
    // A server that closes before it says a word costs nobody anything.
    fail_unfit(refusal_.empty() ? error.message() : refusal_,
               heard_ ? failure_kind::refused : failure_kind::unreachable);
  }

  /// Adds bytes that lie behind the first `size` until nothing is left: one
  /// read of an encrypted stream brings one record only, and the end of a
  /// stream shows in a read of its own. Returns how many bytes there are now.
  std::size_t read_rest(std::size_t size) {
    drained_ = false;
    while (size < read_size && may_read()) {
      error_code error;
      size += stream_->read(asio::buffer(buffer_) + size, error);
      drained_ = error == asio::error::would_block;
      // Any other error comes again with the next read.
      if (error) break;
    }
    return size;
  }

  void on_read(std::string_view bytes) {
    heard_ = true;
    pace_.read(clock::now());
    reply_batch batch;
    const bool sound = reader_.feed(bytes, batch);
    batch.read_at = read_at_;
    batch.drained = drained_ && !reader_.unfinished();
    if (login_) {
      on_login_answers(batch);
      if (login_) refusal_ = login_->error();
      if (!events_) return;
    } else {
      // Part of a large message is a sign of life as well.
      events_->on_read(std::move(batch));
    }
    // Replies before the error were good.
    if (!sound)
      fail("protocol error: " + reader_.error(), failure_kind::refused);
    if (events_) read_on();
  }

  // -- writing ----------------------------------------------------------------

  void flush() {
    if (!sending_.empty() || unsent_.empty()) return;
    std::swap(sending_, unsent_);
    stream_->write(asio::buffer(sending_), then(&self::on_written));
  }

  void on_written(error_code error) {
    sending_.clear();
    if (error) return on_write_error(error);
    flush();
    if (read_waits_) read_now();
  }

  /// A server that closes may have said why: an error, or an alert of TLS.
  void on_write_error(error_code error) {
    buffer_.resize(read_size);
    error_code reason;
    const auto size = stream_->read(asio::buffer(buffer_), reason);
    if (size > 0) on_read({buffer_.data(), size});
    if (!events_) return;
    const bool said = reason && reason != asio::error::would_block &&
                      reason != asio::error::eof;
    on_read_error(said ? reason : error);
  }

  asio::io_context& loop_;
  connection_settings settings_;
  std::unique_ptr<connection_events> events_;  ///< null once closed
  asio::steady_timer deadline_;
  std::uint64_t turn_ = 0;  ///< of the deadline that is in force
  asio::steady_timer pause_;
  std::string step_;  ///< the one under way, empty once open
  std::shared_ptr<dialer> dial_;
  server_role role_ = server_role::any;
  endpoint where_;
  std::optional<stream> stream_;
  std::optional<login> login_;
  std::string refusal_;  ///< in a login under way
  bool heard_ = false;   ///< the server has said something
  read_pace pace_;
  bool read_waits_ = false;  ///< for a write
  bool drained_ = false;     ///< the last read left nothing
  clock::time_point read_at_{};
  reply_reader reader_;
  std::string buffer_;
  std::string sending_;
  std::string unsent_;
};

}  // namespace

void connection::send(const std::vector<std::string_view>& words) {
  write(encode_command(words));
}

std::shared_ptr<connection> open_connection(
    asio::io_context& loop, const connection_settings& settings,
    std::unique_ptr<connection_events> events) {
  if (settings.fault)
    return open_with_faults(loop, settings, std::move(events));
  auto made =
      std::make_shared<socket_connection>(loop, settings, std::move(events));
  made->start();
  return made;
}

}  // namespace status2::redis
