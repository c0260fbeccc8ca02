/// The one ordered way out of a session: at once if the socket takes it, else
/// through the outbox. Control frames and messages take turns here, whole each.
#pragma once

#include "transport/byte_stream.hpp"
#include "transport/frame.hpp"
#include "transport/io_loop.hpp"
#include "transport/outbox.hpp"

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace status2::transport {

/// Owns: what waits; the stream is its session's. Thread: that of `loop`.
/// Errors: a member that queues throws std::bad_alloc if there is no memory.
/// The block then counts as discarded, and the writer is sealed if a part of it
/// is out.
class session_writer {
 public:
  /// `stream` must stay open until close(); `channel` may be null.
  session_writer(io_loop& loop, byte_stream& stream,
                 std::shared_ptr<delivery_tally> channel = nullptr)
      : loop_(loop), stream_(stream), channel_(std::move(channel)) {}

  /// Hands `block` to the loop's sender, which tells `target`, or queues it;
  /// drops it once sealed.
  void send(const frame_block& block, send_target& target);
  /// What `target` was told. Errors: as write().
  boost::system::error_code sent(std::ptrdiff_t result);
  /// Queues `block` for flush(); drops it once sealed.
  void enqueue(const frame_block& block);
  /// Sends or queues `block` without the sender; drops it once sealed.
  /// Errors: the system's, after which only close() makes sense.
  boost::system::error_code write(const frame_ptr& block);
  /// Sends or queues `bytes`: the answer to the handshake first, which goes
  /// before everything else, then whole control frames.
  boost::system::error_code write_raw(std::string_view bytes);
  /// Sends from the queue, in gathered calls, until it is empty, the socket
  /// takes no more or has taken `most` bytes. Errors: as write().
  boost::system::error_code flush(std::size_t most = most_in_a_turn);
  /// Bytes for one socket before the loop looks at the next one.
  static constexpr std::size_t most_in_a_turn = 65536;

  /// Nothing more is taken: the last frame, a Close, is sent or queued.
  void seal() { sealed_ = true; }
  bool sealed() const { return sealed_; }
  /// Whether a frame that is written now reaches the client.
  bool takes_frames() const { return answered_ && !sealed_; }
  /// Drops what waits, except for the rest of a frame that is partly out.
  void cut();
  /// Drops everything; the socket is not touched again.
  void close();

  /// Whether flush() is due as soon as the socket takes more. Behind a block
  /// that is at the sender it is not: sent() flushes.
  bool waiting() const {
    return answered_ && under_way_ == nullptr &&
           (!outbox_.empty() || !stream_.drained());
  }
  const outbox& queued() const { return outbox_; }
  const message_tally& total() const { return total_; }

 private:
  /// Whether nothing is in front of a new block.
  bool idle() const {
    return answered_ && under_way_ == nullptr && outbox_.empty() &&
           stream_.drained();
  }
  /// The socket took `result` bytes of `block`, or said a negative errno.
  boost::system::error_code note(const frame_block& block,
                                 std::ptrdiff_t result);
  void queue(const frame_block& block);
  /// Carries `put` out, which queues `block`, of which `sent` bytes are out.
  template <class Put>
  void keep(Put put, const frame_block& block, std::size_t sent);
  queued_block queued(frame_ptr block);
  void count_queued(const frame_block& block, std::size_t sent);
  void leave(const message_tally& tally);
  void count(const message_tally& tally);
  void count_due(const frame_block& block);
  void count_waiting(std::int64_t more);
  void count_bytes(std::size_t sent);

  io_loop& loop_;
  byte_stream& stream_;
  std::shared_ptr<delivery_tally> channel_;
  outbox outbox_;
  message_tally total_;
  const frame_block* under_way_ = nullptr;  ///< at the sender
  bool answered_ = false;  ///< the answer to the handshake is in front
  bool sealed_ = false;
};

}  // namespace status2::transport
