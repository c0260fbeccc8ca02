#include "transport/outbox.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace status2::transport {

namespace {

/// Length of the unmasked frame at the start of `bytes`.
std::size_t frame_length(std::string_view bytes) {
  const auto byte = [bytes](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at]));
  };
  const auto short_length = byte(1);
  if (short_length < 126) return 2 + short_length;
  const std::size_t header = short_length == 126 ? 4 : 10;
  std::size_t length = 0;
  for (std::size_t at = 2; at < header; ++at)
    length = length << 8 | byte(at);
  return header + length;
}

/// Length of the event at the start of `bytes`: it ends with an empty line, and
/// JSON has none inside.
std::size_t event_length(std::string_view bytes) {
  constexpr std::string_view end = "\n\n";
  return bytes.find(end) + end.size();
}

std::size_t message_length(encoding kind, std::string_view bytes) {
  return kind == encoding::event_stream ? event_length(bytes)
                                        : frame_length(bytes);
}

/// Where the message that holds byte `at` ends and how many messages end there
/// or before. A block without messages counts as one piece.
struct boundary {
  std::size_t end = 0;
  std::uint64_t messages = 0;
};

boundary boundary_at(const frame_block& block, std::size_t at) {
  if (at == 0) return {};
  if (block.messages == 0) return {block.bytes.size(), 0};
  boundary found;
  while (found.end < at) {
    found.end += message_length(
        block.kind, std::string_view(block.bytes).substr(found.end));
    ++found.messages;
  }
  return found;
}

std::uint64_t messages_before(const frame_block& block, std::size_t end) {
  if (block.messages == 0) return 0;
  if (end == block.bytes.size()) return block.messages;
  const auto found = boundary_at(block, end);
  return found.end == end ? found.messages : found.messages - 1;
}

}  // namespace

queued_block::queued_block(frame_ptr block, counter& memory)
    : block_(std::move(block)), memory_(&memory) {
  if (block_->outboxes.fetch_add(1, std::memory_order_relaxed) == 0)
    memory_->add(static_cast<std::int64_t>(block_->bytes.size()));
}

queued_block& queued_block::operator=(queued_block&& other) noexcept {
  leave();
  block_ = std::move(other.block_);
  memory_ = other.memory_;
  return *this;
}

void queued_block::leave() {
  const auto block = std::exchange(block_, nullptr);
  if (block && block->outboxes.fetch_sub(1, std::memory_order_relaxed) == 1)
    memory_->sub(static_cast<std::int64_t>(block->bytes.size()));
}

std::optional<outbox::time_point> outbox::oldest() const {
  if (empty()) return std::nullopt;
  return queue_[next_].since;
}

std::optional<outbox::time_point> outbox::stalled_since() const {
  if (empty()) return std::nullopt;
  return std::max(queue_[next_].since, taken_at_);
}

std::size_t outbox::bytes_behind_first() const {
  if (empty()) return 0;
  const auto& first = queue_[next_];
  return bytes_ - (first.end - first.begin);
}

void outbox::push(queued_block block, std::size_t sent, time_point now) {
  const auto size = block->bytes.size();
  queue_.push_back({std::move(block), sent, size, now});
  bytes_ += size - sent;
}

void outbox::push_front(queued_block block, std::size_t sent, time_point now) {
  const auto size = block->bytes.size();
  queue_.insert(queue_.begin() + static_cast<std::ptrdiff_t>(next_),
                entry{std::move(block), sent, size, now});
  bytes_ += size - sent;
}

std::size_t outbox::gather(iovec* pieces, std::size_t limit,
                           std::size_t bytes) const {
  const auto count = std::min(limit, queue_.size() - next_);
  for (std::size_t i = 0; i < count; ++i) {
    if (bytes == 0) return i;
    const auto& entry = queue_[next_ + i];
    // sendmsg() reads only, but its type does not say so.
    pieces[i].iov_base = const_cast<char*>(entry.block->bytes.data()) +
                         static_cast<std::ptrdiff_t>(entry.begin);
    pieces[i].iov_len = std::min(entry.end - entry.begin, bytes);
    bytes -= pieces[i].iov_len;
  }
  return count;
}

message_tally outbox::consume(std::size_t count, time_point now) {
  message_tally tally;
  if (count > 0) taken_at_ = now;
  bytes_ -= count;
  while (count > 0) {
    auto& entry = queue_[next_];
    const auto part = std::min(count, entry.end - entry.begin);
    entry.begin += part;
    count -= part;
    if (entry.begin < entry.end) break;
    tally.sent += messages_before(*entry.block, entry.end);
    entry.block.leave();
    ++next_;
  }
  shrink();
  return tally;
}

message_tally outbox::cut() {
  if (empty() || queue_[next_].begin == 0) return clear();
  auto tally = drop_from(next_ + 1);
  auto& entry = queue_[next_];
  const auto whole = boundary_at(*entry.block, entry.begin);
  if (whole.end == entry.begin) {
    const auto rest = clear();
    return {tally.sent + rest.sent, tally.discarded + rest.discarded};
  }
  tally.discarded += messages_before(*entry.block, entry.end) - whole.messages;
  bytes_ -= entry.end - whole.end;
  entry.end = whole.end;
  return tally;
}

message_tally outbox::clear() {
  const auto tally = drop_from(next_);
  queue_ = std::vector<entry>();
  next_ = 0;
  return tally;
}

message_tally outbox::drop_from(std::size_t first) {
  message_tally tally;
  for (auto i = first; i < queue_.size(); ++i) {
    const auto& entry = queue_[i];
    const auto all = messages_before(*entry.block, entry.end);
    const auto sent = messages_before(*entry.block, entry.begin);
    tally.sent += sent;
    tally.discarded += all - sent;
    bytes_ -= entry.end - entry.begin;
  }
  queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(first),
               queue_.end());
  return tally;
}

void outbox::shrink() {
  constexpr std::size_t worth_moving = 64;
  if (empty()) {
    queue_ = std::vector<entry>();
    next_ = 0;
  } else if (next_ >= worth_moving && next_ > queue_.size() / 2) {
    queue_.erase(queue_.begin(),
                 queue_.begin() + static_cast<std::ptrdiff_t>(next_));
    next_ = 0;
  }
}

}  // namespace status2::transport
