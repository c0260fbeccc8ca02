#include "transport/session_writer.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace status2::transport {

namespace {

using boost::system::error_code;

/// The error that `code` is; none where the socket is only full.
error_code send_error(int code) {
  if (code == EAGAIN || code == EWOULDBLOCK || code == EINTR) return {};
  return {code, boost::system::system_category()};
}

}  // namespace

void session_writer::send(const frame_block& block, send_target& target) {
  count_due(block);
  if (sealed_) {
    count({0, block.messages});
  } else if (idle()) {
    under_way_ = &block;
    loop_.sender().send(stream_, block, target);
  } else {
    queue(block);
  }
}

error_code session_writer::sent(std::ptrdiff_t result) {
  // close() has counted it already.
  if (under_way_ == nullptr) return {};
  const auto error = note(*std::exchange(under_way_, nullptr), result);
  // What came meanwhile waited for its turn.
  return error || !waiting() ? error : flush();
}

void session_writer::enqueue(const frame_block& block) {
  count_due(block);
  if (sealed_)
    count({0, block.messages});
  else
    queue(block);
}

error_code session_writer::write(const frame_ptr& block) {
  count_due(*block);
  if (sealed_) {
    count({0, block->messages});
    return {};
  }
  if (idle()) {
    loop_.counters().sends.add();
    loop_.counters().send_calls.add();
    return note(*block, stream_.write(block->bytes));
  }
  queue(*block);
  return {};
}

error_code session_writer::write_raw(std::string_view bytes) {
  if (answered_ && sealed_) return {};
  auto block = std::make_shared<frame_block>();
  block->bytes = bytes;
  if (answered_ || (outbox_.empty() && !sealed_)) {
    answered_ = true;
    return write(block);
  }
  outbox_.push_front(queued(block), 0, loop_.now());
  answered_ = true;
  loop_.counters().outbox_bytes.add(static_cast<std::int64_t>(bytes.size()));
  return flush();
}

error_code session_writer::flush(std::size_t most) {
  constexpr std::size_t most_pieces = 64;
  if (const auto left = stream_.flush(); left < 0)
    return send_error(static_cast<int>(-left));
  while (!outbox_.empty() && most > 0) {
    std::array<iovec, most_pieces> pieces;
    const auto count = outbox_.gather(pieces.data(), pieces.size(), most);
    std::size_t wanted = 0;
    for (std::size_t i = 0; i < count; ++i)
      wanted += pieces[i].iov_len;
    // Counted first: who has the bytes finds them in the metrics.
    loop_.counters().sends.add();
    loop_.counters().send_calls.add();
    const auto result = stream_.write({pieces.data(), count});
    if (result < 0) return send_error(static_cast<int>(-result));
    const auto sent = static_cast<std::size_t>(result);
    most -= sent;
    count_bytes(sent);
    loop_.counters().outbox_bytes.sub(result);
    leave(outbox_.consume(sent, loop_.now()));
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
  if (under_way_ != nullptr)
    count({0, std::exchange(under_way_, nullptr)->messages});
  loop_.counters().outbox_bytes.sub(static_cast<std::int64_t>(outbox_.bytes()));
  leave(outbox_.clear());
  sealed_ = true;
  answered_ = true;
}

error_code session_writer::note(const frame_block& block,
                                std::ptrdiff_t result) {
  if (result < 0) {
    if (const auto error = send_error(static_cast<int>(-result))) {
      count({0, block.messages});
      return error;
    }
    result = 0;
  }
  const auto bytes = static_cast<std::size_t>(result);
  count_bytes(bytes);
  if (bytes == block.bytes.size()) {
    count({block.messages, 0});
  } else {
    keep(
        [&] {
          outbox_.push_front(queued(block.shared_from_this()), bytes,
                             loop_.now());
        },
        block, bytes);
  }
  return {};
}

void session_writer::queue(const frame_block& block) {
  keep([&] { outbox_.push(queued(block.shared_from_this()), 0, loop_.now()); },
       block, 0);
}

template <class Put>
void session_writer::keep(Put put, const frame_block& block, std::size_t sent) {
  try {
    put();
  } catch (const std::bad_alloc&) {
    count({0, block.messages});
    // Nothing may follow a part of a frame.
    if (sent > 0) sealed_ = true;
    throw;
  }
  count_queued(block, sent);
}

queued_block session_writer::queued(frame_ptr block) {
  return {std::move(block), loop_.counters().outbox_memory};
}

void session_writer::count_queued(const frame_block& block, std::size_t sent) {
  loop_.counters().outbox_bytes.add(
      static_cast<std::int64_t>(block.bytes.size() - sent));
  count_waiting(block.messages);
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
