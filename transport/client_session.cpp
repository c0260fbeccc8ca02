#include "transport/client_session.hpp"

#include "transport/client_session_impl.hpp"
#include "transport/encoder.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <new>
#include <random>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>

namespace status2::transport {

namespace {

namespace asio = boost::asio;

/// So that clients which came at once are not pinged at once.
std::chrono::nanoseconds random_part_of(std::chrono::nanoseconds interval) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<std::int64_t> part(0, interval.count());
  return std::chrono::nanoseconds{part(random)};
}

}  // namespace

client_session_impl::client_session_impl(
    io_loop& loop, upgrade_request request, const session_settings& settings,
    std::unique_ptr<session_events> events,
    std::shared_ptr<delivery_tally> channel)
    : loop_(loop),
      stream_(std::move(request.stream)),
      writer_(loop, stream_, std::move(channel)),
      settings_(settings),
      protocol_(protocol_of(request.options)),
      events_(std::move(events)),
      request_(std::make_unique<upgrade_request>(std::move(request))),
      remote_(std::move(request_->remote)),
      place_(std::move(request_->place)),
      frames_(settings.max_message_size, request_->options.deflated),
      token_(std::move(request_->token)) {
  wants_gaps_ = request_->options.gaps;
  deflated_ = request_->options.deflated;
  loop_.counters().connections_active.add();
  if (!protocol_.two_way) loop_.counters().event_streams_active.add();
  if (deflated_) loop_.counters().connections_compressed.add();
  if (stream_.tls() != nullptr) loop_.counters().connections_tls.add();
}

void client_session_impl::start() {
  if (phase_ == phase::closed || !request_) return;
  const auto now = loop_.now();
  next_ping_ = now + random_part_of(ping_interval());
  if (phase_ == phase::created) phase_ = phase::open;
  if (token_) token_->next_look = now + random_part_of(token_->until_look());
  guarded([this] {
    const auto request = std::exchange(request_, nullptr);
    const auto error = loop_.sockets().add(
        stream_.fd(),
        std::shared_ptr<watched_socket>(shared_from_this(), this));
    if (error) {
      finish(close_reason::internal_error, error);
      return;
    }
    sent(writer_.write_raw(protocol_.answer(*request)));
    // What came with the request.
    if (!request->leftover.empty()) feed(request->leftover);
    if (phase_ == phase::open) schedule();
  });
}

void client_session_impl::deliver(const frame_block& block) noexcept {
  guarded([&] {
    writer_.send(block, *this);
    sent({});
  });
  if (reason_) count_discarded();
}

bool client_session_impl::offer(const frame_ptr& block) noexcept {
  // Blocks that were handed to the sender come first.
  loop_.sender().flush();
  guarded([&] { sent(writer_.write(block)); });
  if (reason_) count_discarded();
  tell_emptied_ = !writer_.queued().empty();
  return phase_ == phase::open && !tell_emptied_;
}

void client_session_impl::enqueue(const frame_block& block) noexcept {
  guarded([&] {
    writer_.enqueue(block);
    sent({});
  });
  if (reason_) count_discarded();
}

void client_session_impl::on_sent(std::ptrdiff_t result) noexcept {
  guarded([&] { sent(writer_.sent(result)); });
  if (reason_) count_discarded();
}

void client_session_impl::send_ping() {
  if (phase_ > phase::open) return;
  loop_.counters().pings_sent.add();
  guarded([&] { sent(writer_.write(protocol_.ping)); });
}

void client_session_impl::close(close_reason reason) {
  if (phase_ > phase::open) return;
  const auto& row = describe(reason);
  if (row.code == 0) {
    finish(reason);
    return;
  }
  guarded([&] {
    phase_ = phase::closing;
    reason_ = reason;
    loop_.holders().erase(this);
    close_deadline_ = loop_.now() + settings_.close_timeout;
    schedule();
    if (reason == close_reason::slow_consumer ||
        reason == close_reason::memory_limit ||
        reason == close_reason::out_of_memory) {
      loop_.counters().write_errors.add();
      cut_short();
    }
    const bool hangup = settings_.hangup && row.hangup;
    if (hangup) sent(writer_.write(protocol_.hangup));
    const bool normal = hangup && reason == close_reason::shutdown;
    if (const auto last =
            protocol_.close(normal ? normal_closure : row.code, row.text)) {
      sent(writer_.write(last));
      writer_.seal();
    } else if (phase_ == phase::closing) {
      end(reason, true);
    }
    count_discarded();
  });
}

void client_session_impl::cut_short() {
  const auto oldest = writer_.queued().oldest();
  writer_.cut();
  if (!wants_gaps_ || !oldest) return;
  using std::chrono::duration_cast;
  const auto until = gap::time_point::clock::now();
  const auto age =
      duration_cast<gap::time_point::duration>(loop_.now() - *oldest);
  sent(writer_.write(
      encode_gap(protocol_.kind, {until - age, until, gap_cause::slow})));
}

void client_session_impl::count_discarded() {
  const auto all = writer_.total().discarded;
  const auto more = all - std::exchange(discarded_counted_, all);
  loop_.counters().messages_discarded[static_cast<std::size_t>(*reason_)].add(
      static_cast<std::int64_t>(more));
}

void client_session_impl::abandon() {
  events_.reset();
  if (phase_ == phase::created)
    finish(close_reason::internal_error);
  else
    close(close_reason::internal_error);
}

void client_session_impl::sent(const error_code& error) {
  if (error) {
    loop_.counters().write_errors.add();
    finish(close_reason::connection_lost, error);
  } else if (!writer_.queued().empty()) {
    check_outbox();
  } else if (writer_.waiting()) {
    if (!watches_writable_) watch();
  } else if (watches_writable_) {
    on_emptied();
  }
}

void client_session_impl::check_outbox() {
  if (over_limit() && writer_.waiting()) {
    // Its turn may not have come since more was queued: the socket decides.
    const auto error = writer_.flush(writer_.queued().bytes());
    if (error || writer_.queued().empty()) return sent(error);
  }
  if (over_limit()) return close(close_reason::slow_consumer);
  if (!writer_.waiting()) return;
  if (!watches_writable_) {
    watch();
    schedule();
  }
  check_total();
}

void client_session_impl::check_total() {
  if (settings_.total_outbox_limit == 0 || phase_ > phase::open) return;
  auto& holders = loop_.holders();
  holders.insert(this);
  const auto limit = static_cast<std::int64_t>(settings_.total_outbox_limit);
  const auto& threads = settings_.outbox_counters;
  std::int64_t memory = 0;
  std::int64_t waiting = 0;
  for (const auto* counters : threads) {
    memory +=
        counters->outbox_memory.value() + counters->outbox_kernel_bytes.value();
    waiting += counters->outbox_bytes.value();
  }
  // A thread that holds less than its share has nobody to blame.
  const auto here = loop_.counters().outbox_bytes.value();
  const auto threads_count = static_cast<std::int64_t>(threads.size());
  if (memory <= limit || here * threads_count < waiting) return;
  auto* largest = *std::max_element(
      holders.begin(), holders.end(), [](const auto* a, const auto* b) {
        return a->outbox_bytes() < b->outbox_bytes();
      });
  largest->give_up();
}

void client_session_impl::watch() {
  watches_writable_ = writer_.waiting();
  std::uint32_t events = 0;
  if (deaf_)
    events |= EPOLLRDHUP;
  else if (!end_of_stream_)
    events |= EPOLLIN;
  if (watches_writable_) events |= EPOLLOUT;
  loop_.sockets().change(stream_.fd(), *this, events);
  note_kernel_bytes(watches_writable_);
}

void client_session_impl::note_kernel_bytes(bool waiting) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof memory;
  // The kernel before 4.12 does not tell.
  if (waiting)
    ::getsockopt(stream_.fd(), SOL_SOCKET, SO_MEMINFO, memory.data(), &size);
  std::int64_t bytes = memory[SK_MEMINFO_WMEM_QUEUED];
  if (waiting) bytes += static_cast<std::int64_t>(stream_.unsent());
  loop_.counters().outbox_kernel_bytes.add(bytes -
                                           std::exchange(kernel_bytes_, bytes));
}

void client_session_impl::on_emptied() {
  loop_.holders().erase(this);
  if (std::exchange(ping_waits_, false) && !unanswered_)
    unanswered_ = loop_.now();
  watch();
  if (std::exchange(tell_emptied_, false) && events_) events_->on_emptied();
}

void client_session_impl::on_writable() {
  sent(writer_.flush());
  if (phase_ != phase::closed && writer_.waiting()) note_kernel_bytes(true);
  if (phase_ == phase::ending && !writer_.waiting()) on_flushed();
}

void client_session_impl::on_timer() {
  if (const auto self = std::move(self_)) {
    report({});
    return;
  }
  guarded([this] {
    const auto now = loop_.now();
    if (phase_ == phase::open) {
      check_open(now);
    } else if (now >= close_deadline_) {
      drop_unsent();
      finish(close_reason::internal_error);
      return;
    }
    if (phase_ != phase::closed) schedule();
  });
}

/// The kernel would keep what the client does not take for minutes after the
/// socket is closed.
void client_session_impl::drop_unsent() {
  int unsent = 0;
  ::ioctl(stream_.fd(), SIOCOUTQ, &unsent);
  if (unsent == 0 && !writer_.waiting()) return;
  const linger at_once{1, 0};
  ::setsockopt(stream_.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

bool client_session_impl::stalled(time_point now) const {
  const auto since = writer_.queued().stalled_since();
  return since && now >= *since + settings_.write_timeout;
}

void client_session_impl::check_open(time_point now) {
  // The kernel reports room in the socket only once a third of it is free.
  if (stalled(now) && writer_.waiting()) on_writable();
  if (phase_ != phase::open) return;
  if (unanswered_ && now >= *unanswered_ + settings_.pong_timeout) {
    close(close_reason::idle);
  } else if (message_begun_ &&
             now >= *message_begun_ + settings_.message_timeout) {
    refuse_input(close_reason::message_timeout);
  } else if (stalled(now)) {
    close(close_reason::slow_consumer);
  } else if (token_ && now >= token_->next_look) {
    look_at_token(now);
  } else if (now >= next_ping_) {
    next_ping_ += ping_interval();
    if (next_ping_ <= now) next_ping_ = now + ping_interval();
    beat(now);
  }
}

void client_session_impl::beat(time_point now) {
  if (protocol_.two_way) {
    ping_waits_ = !writer_.queued().empty();
    if (!ping_waits_ && !unanswered_) unanswered_ = now;
  }
  // With those of the other sessions whose time has come.
  loop_.counters().pings_sent.add();
  deliver(std::exchange(silent_, true) ? *protocol_.ping_for_silent
                                       : *protocol_.ping);
}

void client_session_impl::schedule() {
  if (phase_ >= phase::closing) {
    loop_.arm(*this, close_deadline_);
    return;
  }
  auto due = next_ping_;
  if (unanswered_) due = std::min(due, *unanswered_ + settings_.pong_timeout);
  if (message_begun_)
    due = std::min(due, *message_begun_ + settings_.message_timeout);
  if (token_) due = std::min(due, token_->next_look);
  if (const auto since = writer_.queued().stalled_since())
    due = std::min(due, *since + settings_.write_timeout);
  loop_.arm(*this, due);
}

void client_session_impl::end(close_reason reason, bool linger) {
  if (!reason_) reason_ = reason;
  if (phase_ != phase::closing)
    close_deadline_ = loop_.now() + settings_.close_timeout;
  phase_ = phase::ending;
  linger_ = linger;
  writer_.seal();
  schedule();
  if (!writer_.waiting()) on_flushed();
}

void client_session_impl::on_flushed() {
  stream_.end_writing();
  if (!linger_) finish(*reason_);
}

void client_session_impl::finish(close_reason reason, const error_code& error,
                                 std::string_view fault) {
  if (phase_ == phase::closed) return;
  phase_ = phase::closed;
  if (!reason_) reason_ = reason;
  writer_.close();
  watches_writable_ = false;
  note_kernel_bytes(false);
  count_discarded();
  place_.reset();
  loop_.inbound().hold(*this, 0);
  loop_.holders().erase(this);
  loop_.disarm(*this);
  const auto self = loop_.sockets().remove(*this);
  if (stream_.tls() != nullptr) loop_.counters().connections_tls.sub();
  stream_.close();
  loop_.counters().connections_active.sub();
  if (!protocol_.two_way) loop_.counters().event_streams_active.sub();
  if (deflated_) loop_.counters().connections_compressed.sub();
  loop_.counters().sessions_closed[static_cast<std::size_t>(*reason_)].add();
  if (!events_ && !self) return;
  try {
    report_later(error ? error.message() : std::string(fault));
  } catch (const std::bad_alloc&) {
    report_by_timer();
  }
}

void client_session_impl::report_later(std::string error) {
  asio::post(loop_.context(),
             [self = shared_from_this(), error = std::move(error)] {
               self->report(error);
             });
}

void client_session_impl::report_by_timer() {
  constexpr std::chrono::seconds later{1};
  self_ = shared_from_this();
  loop_.arm(*this, loop_.now() + later);
}

void client_session_impl::report(const std::string& error) noexcept {
  auto events = std::move(events_);
  if (!events) return;
  try {
    events->on_closed({*reason_, peer_code_, error, writer_.total().sent,
                       writer_.total().discarded});
  } catch (const std::bad_alloc&) {
    // Its owner waits for it.
    events_ = std::move(events);
    report_by_timer();
  } catch (...) {
    // The session has ended already.
  }
}

void client_session_impl::on_out_of_memory() noexcept {
  // Behind a part of a frame a Close frame would be taken for the rest of it.
  if (phase_ == phase::open && writer_.takes_frames())
    close(close_reason::out_of_memory);
  else
    finish(close_reason::out_of_memory);
}

client_session::client_session(io_loop& loop, upgrade_request request,
                               const session_settings& settings,
                               std::unique_ptr<session_events> events,
                               std::shared_ptr<delivery_tally> channel)
    : impl_(std::make_shared<client_session_impl>(loop, std::move(request),
                                                  settings, std::move(events),
                                                  std::move(channel))) {}

client_session::~client_session() {
  impl_->abandon();
}

void client_session::start() {
  impl_->start();
}

frame_sink& client_session::sink() {
  return *impl_;
}

void client_session::send_ping() {
  impl_->send_ping();
}

void client_session::close(close_reason reason) {
  impl_->close(reason);
}

const std::string& client_session::remote() const {
  return impl_->remote();
}

}  // namespace status2::transport
