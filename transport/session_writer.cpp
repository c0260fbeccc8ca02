#include "transport/session_writer.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <sys/socket.h>

namespace status2::transport {

namespace {

using boost::system::error_code;

constexpr int send_flags = MSG_NOSIGNAL | MSG_DONTWAIT;

/// The error of the call just made; none where the socket is only full.
error_code send_error() {
  const int code = errno;
  if (code == EAGAIN || code == EWOULDBLOCK || code == EINTR) return {};
  return {code, boost::system::system_category()};
}

bool is_close_frame(std::string_view bytes) {
  return !bytes.empty() && bytes.front() == '\x88';
}

}  // namespace

error_code session_writer::write(const frame_ptr& block) {
  count_due(*block);
  if (sealed_) {
    count({0, block->messages});
    return {};
  }
  std::size_t sent = 0;
  if (answered_ && outbox_.empty()) {
    if (const auto error = send_now(*block, sent)) {
      count({0, block->messages});
      return error;
    }
    if (sent == block->bytes.size()) {
      count({block->messages, 0});
      return {};
    }
  }
  queue(block, sent);
  return {};
}

error_code session_writer::write_raw(std::string_view bytes) {
  if (answered_ && sealed_) return {};
  auto block = std::make_shared<frame_block>();
  block->bytes = bytes;
  if (answered_) {
    const auto error = write(block);
    if (is_close_frame(bytes)) seal();
    return error;
  }
  answered_ = true;
  outbox_.push_front(block, io_loop::clock::now());
  loop_.counters().outbox_bytes.add(static_cast<std::int64_t>(bytes.size()));
  return flush();
}

error_code session_writer::flush() {
  constexpr std::size_t most_pieces = 64;
  while (!outbox_.empty()) {
    std::array<iovec, most_pieces> pieces;
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = outbox_.gather(pieces.data(), pieces.size());
    std::size_t wanted = 0;
    for (std::size_t i = 0; i < message.msg_iovlen; ++i)
      wanted += pieces[i].iov_len;
    const auto result = ::sendmsg(fd_, &message, send_flags);
    loop_.counters().sends.add();
    if (result < 0) return send_error();
    const auto sent = static_cast<std::size_t>(result);
    count_bytes(sent);
    loop_.counters().outbox_bytes.sub(result);
    leave(outbox_.consume(sent));
    if (sent < wanted) return {};
  }
  return {};
}

void session_writer::cut() {
  const auto before = outbox_.bytes();
  leave(outbox_.cut());
  loop_.counters().outbox_bytes.sub(
      static_cast<std::int64_t>(before - outbox_.bytes()));
}

void session_writer::close() {
  loop_.counters().outbox_bytes.sub(static_cast<std::int64_t>(outbox_.bytes()));
  leave(outbox_.clear());
  sealed_ = true;
  answered_ = true;
}

error_code session_writer::send_now(const frame_block& block,
                                    std::size_t& sent) {
  const auto result =
      ::send(fd_, block.bytes.data(), block.bytes.size(), send_flags);
  loop_.counters().sends.add();
  if (result < 0) return send_error();
  sent = static_cast<std::size_t>(result);
  count_bytes(sent);
  return {};
}

void session_writer::queue(const frame_ptr& block, std::size_t sent) {
  outbox_.push(block, sent, io_loop::clock::now());
  loop_.counters().outbox_bytes.add(
      static_cast<std::int64_t>(block->bytes.size() - sent));
  count_waiting(block->messages);
}

void session_writer::leave(const message_tally& tally) {
  count_waiting(-static_cast<std::int64_t>(tally.sent + tally.discarded));
  count(tally);
}

void session_writer::count(const message_tally& tally) {
  const auto sent = static_cast<std::int64_t>(tally.sent);
  total_.sent += tally.sent;
  total_.discarded += tally.discarded;
  loop_.counters().messages_forwarded.add(sent);
  if (!channel_) return;
  channel_->sent.add(sent);
  channel_->discarded.add(static_cast<std::int64_t>(tally.discarded));
}

void session_writer::count_due(const frame_block& block) {
  loop_.counters().deliveries_due.add(block.messages);
  if (channel_) channel_->due.add(block.messages);
}

void session_writer::count_waiting(std::int64_t more) {
  loop_.counters().messages_waiting.add(more);
  if (channel_) channel_->waiting.add(more);
}

void session_writer::count_bytes(std::size_t sent) {
  loop_.counters().bytes_sent.add(static_cast<std::int64_t>(sent));
}

}  // namespace status2::transport
