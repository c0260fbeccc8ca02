#include "redis/query_wire.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace status2::redis {

namespace asio = boost::asio;
using boost::system::error_code;

/// A handler that does nothing once the wire is closed.
template <class Member>
auto query_wire::then(Member member) {
  return [me = shared_from_this(), member](auto... arguments) {
    if (!me->closed_) ((*me).*member)(std::move(arguments)...);
  };
}

void query_wire::open(const dial_settings& settings) {
  if (tls_ && !tls_->error.empty())
    return asio::post(loop_,
                      [me = shared_from_this()] { me->fail(me->tls_->error); });
  dial_events events;
  events.connected = [me = shared_from_this()](dialed_socket socket,
                                               const endpoint&) {
    if (!me->closed_) me->on_connected(std::move(socket));
  };
  events.failed = [me = shared_from_this()](const std::string& error) {
    me->fail(error);
  };
  dialer_ = dial(loop_, {where_}, settings, std::move(events));
}

void query_wire::send(const std::string& bytes) {
  if (closed_) return;
  unsent_ += bytes;
  flush();
}

void query_wire::close() {
  closed_ = true;
  events_ = {};
  // The dial holds the wire.
  if (dialer_) std::exchange(dialer_, nullptr)->cancel();
  if (stream_) stream_->close();
}

void query_wire::on_connected(dialed_socket socket) {
  stream_.emplace(std::move(socket), tls_);
  if (!stream_->encrypted()) return on_secured({});
  stream_->secure(where_.host, [me = shared_from_this()](error_code error) {
    if (!me->closed_) me->on_secured(error);
  });
}

void query_wire::on_secured(error_code error) {
  if (error) {
    const auto problem = stream_->certificate_problem();
    return fail(problem.empty() ? "TLS: " + error.message() : problem);
  }
  wait();
  events_.opened();
}

void query_wire::wait() {
  stream_->when_readable(then(&query_wire::on_readable));
}

void query_wire::on_readable(error_code error) {
  if (error) return fail(error.message());
  read();
}

void query_wire::read() {
  // See stream::read().
  read_postponed_ = stream_->encrypted() && !sending_.empty();
  if (read_postponed_) return;
  error_code error;
  const auto size = stream_->read(asio::buffer(buffer_), error);
  if (error == asio::error::would_block) return wait();
  if (error) return fail(error.message());
  std::vector<answer> answers;
  const bool sound = reader_.feed({buffer_.data(), size}, answers);
  const auto answered = events_.answered;  // close() would destroy it
  if (!answers.empty()) answered(std::move(answers));
  if (closed_) return;
  // The answers before the error were good.
  if (!sound) return fail("protocol error: " + reader_.error());
  // A TLS record may hold more than was read, and the socket does not show it.
  asio::post(loop_, then(&query_wire::read));
}

void query_wire::flush() {
  if (!sending_.empty() || unsent_.empty()) return;
  std::swap(sending_, unsent_);
  stream_->write(asio::buffer(sending_),
                 [me = shared_from_this()](error_code error, std::size_t) {
                   if (!me->closed_) me->on_written(error);
                 });
}

void query_wire::on_written(error_code error) {
  sending_.clear();
  if (error) return fail(error.message());
  if (std::exchange(read_postponed_, false)) read();
  if (!closed_) flush();
}

void query_wire::fail(const std::string& error) {
  if (closed_) return;
  const auto lost = std::move(events_.lost);
  close();
  lost(error);
}

}  // namespace status2::redis
