#include "actors/replay.hpp"

#include "transport/encoder.hpp"
#include "transport/message_id.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace status2::actors {

namespace {

using transport::frame_block;

// Payload bytes of a part, unless one message is larger.
constexpr std::size_t part_bytes = 65536;
// Live blocks that are held while a part is made, and their bytes.
constexpr std::size_t most_held = 64;
constexpr std::size_t most_bytes_held = 262144;

/// `hole` on the clock of the outside.
transport::gap as_gap(const channel_tail::hole& hole,
                      channel_tail::time_point now) {
  using outside = transport::gap::time_point;
  const auto at = [now, wall = outside::clock::now()](auto time) {
    return wall - std::chrono::duration_cast<outside::duration>(now - time);
  };
  transport::gap gap{{}, at(hole.until), hole.cause};
  if (hole.since) gap.since = at(*hole.since);
  return gap;
}

/// Makes blocks of entries: one of consecutive messages, one of each gap.
class part_writer {
 public:
  part_writer(transport::encoding kind, std::string_view epoch)
      : kind_(kind), epoch_(epoch) {}

  void add(const channel_tail::entry& entry) {
    const transport::position at{epoch_, entry.number};
    if (entry.gap != nullptr) {
      end_block();
      blocks_.push_back(encode_gap(kind_, at, *entry.gap));
      return;
    }
    if (!open_) {
      open_ = std::make_shared<frame_block>();
      open_->kind = kind_;
    }
    append_message(*open_, at, entry.payload);
  }
  void add(transport::frame_ptr block) {
    end_block();
    blocks_.push_back(std::move(block));
  }
  std::vector<transport::frame_ptr> blocks() {
    end_block();
    return std::move(blocks_);
  }

 private:
  void end_block() {
    if (open_) blocks_.push_back(std::exchange(open_, nullptr));
  }

  transport::encoding kind_;
  std::string_view epoch_;
  std::shared_ptr<frame_block> open_;
  std::vector<transport::frame_ptr> blocks_;
};

/// Whether the client has `word`, or this part of its replay and the tail
/// behind it bring the message. The part begins behind `after`.
bool is_covered(const last_word& word, const channel_tail& tail,
                const replay_wanted& wanted, std::uint64_t after) {
  const std::string_view epoch = tail.epoch();
  if (word.epoch == epoch && word.number > after) return true;
  if (wanted.progress)
    return word.is_known_at({epoch, wanted.progress->after}, epoch);
  if (!wanted.request.since) return false;
  const auto id = transport::parse_message_id(*wanted.request.since);
  if (!id || (id->epoch == epoch && id->number > tail.last())) return false;
  return word.is_known_at(*id, epoch);
}

}  // namespace

replay_part make_replay_part(channel_tail& tail, const replay_wanted& wanted,
                             channel_tail::time_point now,
                             const last_word* word) {
  const auto start = wanted.progress ? tail.go_on(wanted.progress->after, now)
                                     : tail.find(wanted.request, now);
  auto progress = wanted.progress.value_or(replay_progress{});
  progress.after = start.after;
  part_writer writer(wanted.kind, tail.epoch());
  if (start.missing) {
    progress.complete = false;
    writer.add(encode_gap(wanted.kind, as_gap(*start.missing, now)));
  }
  std::size_t bytes = 0;
  if (word != nullptr && !is_covered(*word, tail, wanted, start.after)) {
    writer.add(encode_last_word(wanted.kind, word->position(), word->payload));
    bytes = word->payload.size() + 1;
    ++progress.replayed;
  }
  tail.for_each(start.after, [&](const channel_tail::entry& entry) {
    if (bytes > 0 && bytes + entry.payload.size() > part_bytes) return false;
    bytes += entry.payload.size() + 1;
    writer.add(entry);
    progress.after = entry.number;
    if (entry.gap != nullptr)
      progress.complete = false;
    else
      ++progress.replayed;
    return true;
  });
  replay_part part{wanted.question, writer.blocks(), progress};
  if (progress.after == tail.last())
    part.resumption =
        encode_resumption(wanted.kind, {tail.epoch(), tail.last()},
                          {progress.complete, progress.replayed});
  return part;
}

replay_sink::replay_sink(transport::frame_sink& client) : client_(client) {
  held_.reserve(most_held);
}

std::uint64_t replay_sink::ask() {
  state_ = state::asking;
  held_.reserve(most_held);
  held_.clear();
  bytes_held_ = 0;
  overrun_ = false;
  return ++question_;
}

void replay_sink::deliver(const frame_block& block) noexcept {
  if (passes(block)) client_.deliver(block);
}

void replay_sink::enqueue(const frame_block& block) noexcept {
  if (passes(block)) client_.enqueue(block);
}

bool replay_sink::passes(const frame_block& block) noexcept {
  // The group may still have had it when the replay was made.
  if (state_ == state::live) return block.first_number > after_;
  if (state_ == state::sending) return false;
  bytes_held_ += block.bytes.size();
  if (held_.size() == most_held || bytes_held_ > most_bytes_held)
    overrun_ = true;
  else
    held_.push_back(block.shared_from_this());
  return false;
}

bool replay_sink::take(const replay_part& part) {
  if (state_ != state::asking || part.question != question_) return false;
  bool all_out = true;
  for (const auto& block : part.blocks)
    all_out = client_.offer(block) && all_out;
  progress_ = part.progress;
  if (part.resumption && !overrun_) {
    go_live(part);
    return false;
  }
  state_ = state::sending;
  return all_out;
}

void replay_sink::go_live(const replay_part& part) {
  state_ = state::live;
  after_ = part.progress.after;
  client_.offer(part.resumption);
  for (const auto& block : std::exchange(held_, {}))
    if (block->first_number > after_) client_.offer(block);
}

}  // namespace status2::actors
