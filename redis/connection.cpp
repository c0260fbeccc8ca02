#include "redis/connection.hpp"

#include "redis/read_pace.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <utility>

namespace status2::redis {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using unix_socket = asio::local::stream_protocol::socket;
using tls_stream = asio::ssl::stream<tcp::socket>;

constexpr std::size_t read_size = 262144;
constexpr std::size_t most_unsent = 67108864;  // 64 MB

/// The TLS context of the process: the system's certificates.
asio::ssl::context& tls_context() {
  static asio::ssl::context context = [] {
    asio::ssl::context c{asio::ssl::context::tls_client};
    c.set_default_verify_paths();
    c.set_verify_mode(asio::ssl::verify_peer);
    return c;
  }();
  return context;
}

/// The parts that do not depend on how bytes travel: deadlines, login, reading
/// and writing in order. `Stream` is a TCP, Unix or TLS stream.
template <class Stream>
class connection_over final
    : public connection,
      public std::enable_shared_from_this<connection_over<Stream>> {
 public:
  template <class... Arguments>
  connection_over(asio::io_context& loop, const connection_settings& settings,
                  std::unique_ptr<connection_events> events,
                  Arguments&... arguments)
      : settings_(settings),
        events_(std::move(events)),
        stream_(loop, arguments...),
        resolver_(loop),
        deadline_(loop),
        release_(loop),
        pause_(loop),
        pace_(settings.read_interval) {}

  void start() {
    expect("connect");
    fault_changed();
    if constexpr (std::is_same_v<Stream, unix_socket>) {
      stream_.async_connect({settings_.url.unix_path}, then(&self::on_connect));
    } else {
      resolver_.async_resolve(
          settings_.url.host, std::to_string(settings_.url.port),
          [me = this->shared_from_this()](error_code error,
                                          tcp::resolver::results_type found) {
            me->on_resolve(error, found);
          });
    }
  }

  void close() override {
    if (!events_) return;
    events_.reset();
    error_code ignored;
    resolver_.cancel();
    deadline_.cancel();
    release_.cancel();
    pause_.cancel();
    lowest().close(ignored);
  }

  void fault_changed() override {
    if (fault() == upstream_fault::kind::drop)
      asio::post(deadline_.get_executor(), [me = this->shared_from_this()] {
        me->fail("dropped by fault injection");
      });
  }

 protected:
  void write(std::string bytes) override {
    if (!events_) return;
    unsent_ += bytes;
    if (unsent_.size() > most_unsent)
      return asio::post(
          deadline_.get_executor(),
          [me = this->shared_from_this()] { me->fail("Redis does not read"); });
    flush();
  }

 private:
  using self = connection_over;
  using clock = std::chrono::steady_clock;
  static constexpr bool tls = std::is_same_v<Stream, tls_stream>;

  struct held_piece {
    std::string bytes;
    clock::time_point due;
  };

  template <class Member>
  auto then(Member member) {
    return [me = this->shared_from_this(), member](error_code error,
                                                   auto... rest) {
      if (me->events_) ((*me).*member)(error, rest...);
    };
  }

  auto& lowest() {
    if constexpr (tls)
      return stream_.next_layer();
    else
      return stream_;
  }

  /// A step begins: it has request_timeout to end.
  void expect(const char* step) {
    step_ = step;
    deadline_.expires_after(settings_.request_timeout);
    deadline_.async_wait([me = this->shared_from_this()](error_code error) {
      if (!error && me->events_) me->fail("no answer in time");
    });
  }

  void fail(const std::string& why) {
    if (!events_) return;
    auto events = std::move(events_);
    error_code ignored;
    resolver_.cancel();
    deadline_.cancel();
    release_.cancel();
    pause_.cancel();
    lowest().close(ignored);
    events->on_closed(step_.empty() ? why : step_ + ": " + why);
  }

  void on_resolve(error_code error, const tcp::resolver::results_type& found) {
    if (!events_) return;
    if (error) return fail(error.message());
    if constexpr (!std::is_same_v<Stream, unix_socket>)
      asio::async_connect(lowest(), found,
                          [me = this->shared_from_this()](error_code e, auto) {
                            if (me->events_) me->on_connect(e);
                          });
  }

  void on_connect(error_code error) {
    if (error) return fail(error.message());
    lowest().non_blocking(true, error);
    if (error) return fail(error.message());
    if constexpr (!std::is_same_v<Stream, unix_socket>)
      lowest().set_option(tcp::no_delay{true}, error);
    if constexpr (tls) {
      expect("TLS");
      const auto& host = settings_.url.host;
      SSL_set_tlsext_host_name(stream_.native_handle(), host.c_str());
      stream_.set_verify_callback(asio::ssl::host_name_verification(host));
      stream_.async_handshake(asio::ssl::stream_base::client,
                              then(&self::on_secured));
    } else {
      log_in();
    }
  }

  void on_secured(error_code error) {
    if (error) return fail(error.message());
    log_in();
  }

  /// AUTH, SELECT and PING in one write; every one must be answered well. A
  /// hung Redis accepts connections too, so the PING is never left out.
  void log_in() {
    expect("login");
    const auto& url = settings_.url;
    if (!url.password.empty()) {
      ++login_answers_left_;
      if (url.user.empty())
        unsent_ += encode_command({"AUTH", url.password});
      else
        unsent_ += encode_command({"AUTH", url.user, url.password});
    }
    if (url.database != 0) {
      ++login_answers_left_;
      unsent_ += encode_command({"SELECT", std::to_string(url.database)});
    }
    ++login_answers_left_;
    unsent_ += encode_command({"PING"});
    flush();
    read_some();
  }

  /// Reads again once what was read is dealt with: what that posted to this
  /// thread comes before.
  void read_on() {
    if (pace_.off()) return read_some();
    asio::post(deadline_.get_executor(), [me = this->shared_from_this()] {
      if (!me->events_) return;
      me->pace_.done(clock::now());
      if (me->more_)
        me->read_some();
      else
        me->read_in_time();
    });
  }

  /// Reads now or when the pause is over.
  void read_in_time() {
    if (clock::now() >= pace_.due()) return read_some();
    if (pace_.dense()) return pause();
    low_watermark(1);
    lowest().async_wait(asio::socket_base::wait_read, then(&self::on_bytes_in));
  }

  void on_bytes_in(error_code) {
    if (clock::now() >= pace_.due())
      read_some();
    else
      pause();
  }

  /// Reads when the pause is over; until then the socket does not wake the
  /// thread for what it gets.
  void pause() {
    low_watermark(read_size / 4);
    pause_.expires_at(pace_.due());
    pause_.async_wait([me = this->shared_from_this()](error_code error) {
      if (!error && me->events_) me->read_what_came();
    });
  }

  /// Spares a turn of the loop where something lies there, as it mostly does.
  void read_what_came() {
    if (!reads_at_once()) return read_some();
    error_code error;
    const auto size = stream_.read_some(room(), error);
    if (error == asio::error::would_block) return read_some();
    on_read(error, size);
  }

  /// How many bytes make the socket readable: 1 before every wait for it. Unix
  /// sockets ignore it and wake the thread in the pause.
  void low_watermark(std::size_t bytes) {
    if (std::exchange(low_watermark_, bytes) == bytes) return;
    error_code ignored;
    lowest().set_option(
        asio::socket_base::receive_low_watermark(static_cast<int>(bytes)),
        ignored);
  }

  asio::mutable_buffer room() {
    buffer_.resize(read_size);
    return asio::buffer(buffer_);
  }

  void read_some() {
    low_watermark(1);
    stream_.async_read_some(room(), then(&self::on_read));
  }

  /// The fault that is in force now.
  upstream_fault::kind fault() const {
    const auto* injected = settings_.fault.get();
    if (injected == nullptr || clock::now() >= injected->until)
      return upstream_fault::kind::none;
    return injected->what;
  }

  void on_read(error_code error, std::size_t size) {
    if (error) return fail(error.message());
    pace_.read(clock::now());
    const std::string_view bytes{buffer_.data(), read_rest(size)};
    if (held_.empty() && fault() == upstream_fault::kind::none)
      on_bytes(bytes);
    else
      hold(bytes);
    if (events_) read_on();
  }

  /// Reading from a TLS stream may write as well, and must not do so between
  /// the parts of a write under way.
  bool reads_at_once() const { return !tls || sending_.empty(); }

  /// One read of a TLS stream brings one record, which is one message or a few.
  /// Adds those that lie behind it; how many bytes there are now.
  std::size_t read_rest(std::size_t size) {
    more_ = tls || size == read_size;
    while (tls && size < read_size && reads_at_once()) {
      error_code error;
      size += stream_.read_some(asio::buffer(buffer_) + size, error);
      // Any other error comes again with the next read.
      more_ = error != asio::error::would_block;
      if (error) break;
    }
    return size;
  }

  /// Keeps bytes back as long as the fault wants.
  void hold(std::string_view bytes) {
    auto due = clock::now();
    if (fault() == upstream_fault::kind::stall) due = settings_.fault->until;
    if (fault() == upstream_fault::kind::delay) due += settings_.fault->delay;
    if (!held_.empty()) due = std::max(due, held_.back().due);
    held_.push_back({std::string(bytes), due});
    held_bytes_ += bytes.size();
    if (held_bytes_ > most_unsent) return fail("held back too much");
    if (held_.size() == 1) wait_for_held();
  }

  void wait_for_held() {
    release_.expires_at(held_.front().due);
    release_.async_wait([me = this->shared_from_this()](error_code error) {
      if (!error && me->events_) me->release_held();
    });
  }

  void release_held() {
    while (events_ && !held_.empty() && held_.front().due <= clock::now()) {
      const auto piece = std::move(held_.front());
      held_.pop_front();
      held_bytes_ -= piece.bytes.size();
      on_bytes(piece.bytes);
    }
    if (events_ && !held_.empty()) wait_for_held();
  }

  void on_bytes(std::string_view bytes) {
    reply_batch batch;
    const bool sound = reader_.feed(bytes, batch);
    if (login_answers_left_ > 0)
      on_login_answers(batch);
    else if (!batch.replies.empty())
      events_->on_read(std::move(batch));
    // What came before the error was good.
    if (!sound) fail("protocol error: " + reader_.error());
  }

  void on_login_answers(const reply_batch& batch) {
    for (const auto& reply : batch.replies) {
      if (reply.kind == reply_kind::error)
        return fail(std::string(batch.first(reply)));
      if (--login_answers_left_ > 0) continue;
      step_.clear();
      deadline_.cancel();
      return events_->on_open();
    }
  }

  void flush() {
    if (!sending_.empty() || unsent_.empty()) return;
    std::swap(sending_, unsent_);
    asio::async_write(stream_, asio::buffer(sending_), then(&self::on_written));
  }

  void on_written(error_code error, std::size_t) {
    sending_.clear();
    if (error) return fail(error.message());
    flush();
  }

  const connection_settings settings_;
  std::unique_ptr<connection_events> events_;  ///< null once closed
  Stream stream_;
  tcp::resolver resolver_;
  asio::steady_timer deadline_;
  asio::steady_timer release_;
  asio::steady_timer pause_;
  read_pace pace_;
  std::size_t low_watermark_ = 1;
  bool more_ = false;            ///< to read, though the socket may not say so
  std::deque<held_piece> held_;  ///< by an injected fault
  std::size_t held_bytes_ = 0;
  std::string step_;  ///< the one under way, empty once open
  std::size_t login_answers_left_ = 0;
  reply_reader reader_;
  std::string buffer_;
  std::string sending_;
  std::string unsent_;
};

template <class Stream, class... Arguments>
std::shared_ptr<connection> start_over(
    asio::io_context& loop, const connection_settings& settings,
    std::unique_ptr<connection_events> events, Arguments&... arguments) {
  auto made = std::make_shared<connection_over<Stream>>(
      loop, settings, std::move(events), arguments...);
  made->start();
  return made;
}

}  // namespace

void connection::send(const std::vector<std::string_view>& words) {
  write(encode_command(words));
}

std::shared_ptr<connection> open_connection(
    asio::io_context& loop, const connection_settings& settings,
    std::unique_ptr<connection_events> events) {
  if (!settings.url.unix_path.empty())
    return start_over<unix_socket>(loop, settings, std::move(events));
  if (settings.url.tls)
    return start_over<tls_stream>(loop, settings, std::move(events),
                                  tls_context());
  return start_over<tcp::socket>(loop, settings, std::move(events));
}

std::string encode_command(const std::vector<std::string_view>& words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (auto word : words) {
    out += "$" + std::to_string(word.size()) + "\r\n";
    out += word;
    out += "\r\n";
  }
  return out;
}

}  // namespace status2::redis
