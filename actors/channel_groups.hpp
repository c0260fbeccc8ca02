/// The project's own CAF group module: a group a channel. On the main path:
/// send(group, frame_message) ends in one flat array of sinks a thread.
///
/// CAF's built-in module never forgets a group, spawns an actor for each and
/// holds a lock over a fan-out; docs/decisions/0002 has the comparison.
#pragma once

#include "actors/gap_ledger.hpp"
#include "actors/io_thread.hpp"
#include "transport/client_session.hpp"

#include <caf/abstract_group.hpp>
#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/group.hpp>
#include <caf/group_module.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace status2::actors {

class io_actor;

/// A channel's viewers. Actors bound to an I/O thread that have a sink get
/// frames through it, in the array of their thread; all others, and all other
/// messages, go through mailboxes.
class channel_group final : public caf::abstract_group {
 public:
  channel_group(caf::group_module& module, std::string id, std::size_t threads);
  ~channel_group() override;

  /// Joining and leaving of a bound actor happens on its own thread, so a
  /// fan-out there needs no lock. Thread: the actor's, or any if not bound.
  bool subscribe(caf::strong_actor_ptr who) override;
  void unsubscribe(const caf::actor_control_block* who) override;
  /// What send(group, …) calls. Blocks: never. Thread: any.
  void enqueue(caf::strong_actor_ptr sender, caf::message_id id,
               caf::message content, caf::execution_unit* unit) override;
  caf::error save(caf::serializer&) const override;
  void stop() override {}

  /// Whether Redis has acknowledged the channel. Thread: any.
  bool live() const { return gaps_.live(); }
  /// Knows the start of the next gap. Thread: that of the Redis link.
  gap_ledger& gaps() { return gaps_; }

  /// The channel's subscriber actor, which answers replay_wanted. Null while
  /// the channel has no living subscriber. Thread: any.
  caf::actor subscriber() const;
  void subscriber(const caf::actor_addr& who);

  /// What became of deliveries to the members on all threads. Thread: any.
  struct deliveries {
    std::int64_t due = 0;
    std::int64_t sent = 0;
    std::int64_t discarded = 0;
    std::int64_t waiting = 0;
  };
  deliveries tally() const;
  /// The same of the members on `thread`, which counts it.
  const std::shared_ptr<transport::delivery_tally>& tally(
      std::size_t thread) const {
    return by_thread_[thread].tally;
  }

  /// Members, bound or not. Thread: any.
  std::size_t size() const;
  /// Members that receive frames of this encoding. Members that are not bound
  /// to a thread receive frames of every encoding. Thread: any.
  std::size_t size(transport::encoding kind) const;

  /// Fetch what a message to the members touches (actors/prefetch.hpp): first
  /// the group, and once that is there, who they are. Thread: any.
  void prefetch() const;
  void prefetch_members() const;

  using time_point = std::chrono::steady_clock::time_point;
  /// A fan-out of frames to many members on the thread of the Redis link.
  struct fan_out {
    time_point start;
    std::chrono::nanoseconds cost{0};  ///< processor time of the thread
    std::uint32_t messages = 0;
  };
  /// The last one. Thread: that of the Redis link.
  const fan_out& last_fan_out() const { return last_fan_out_; }
  void last_fan_out(const fan_out& what) { last_fan_out_ = what; }

  /// Appends the frames of `item` to those of an earlier item of this group in
  /// the same turn of `thread`, the running one. False if it stays by itself: a
  /// later one may be appended to it. Each item must stay where it is until
  /// end_gathering().
  bool gather(const io_thread& thread, delivery& item);
  void end_gathering(const io_thread& thread);
  /// Fetches what deliver_here() touches first for `item`; after gather().
  void prefetch_sink(const io_thread& thread, const delivery& item) const;
  /// Delivers to the members on `thread`, which is the running one.
  void deliver_here(io_thread& thread, delivery& item);

  /// `group`, which must come from this module.
  static channel_group& of(const caf::group& group);

 private:
  struct bound_member {
    io_actor* actor;
    transport::frame_sink* sink;
    caf::strong_actor_ptr keep_alive;
  };
  /// Members on one thread that receive frames of one encoding.
  struct readers {
    std::vector<bound_member> members;
    delivery* last_frames = nullptr;  ///< of the turn; more may go behind them
    std::shared_ptr<transport::frame_block> gathered;  ///< theirs, once copied
  };
  /// Other threads read `sizes`, `thread` and the tally only.
  struct thread_members {
    /// Of a compressed encoding only once it has, or had, members.
    readers& of(transport::encoding kind);
    const readers& of(transport::encoding kind) const {
      return const_cast<thread_members*>(this)->of(kind);
    }
    template <class Action>
    void for_each(Action action) {
      for (auto& readers : plain)
        action(readers);
      if (!deflated) return;
      for (auto& readers : *deflated)
        action(readers);
    }
    std::size_t size(transport::encoding kind) const {
      return sizes[transport::index_of(kind)].load(std::memory_order_acquire);
    }
    std::size_t size() const;

    static constexpr auto plain_kinds = transport::uncompressed_encodings;
    static constexpr auto deflated_kinds =
        transport::encodings.size() - plain_kinds;
    std::array<std::atomic<std::uint32_t>, transport::encodings.size()> sizes{};
    std::array<readers, plain_kinds> plain;
    /// Most channels have none: null until there is one.
    std::unique_ptr<std::array<readers, deflated_kinds>> deflated;
    std::shared_ptr<transport::delivery_tally> tally =
        std::make_shared<transport::delivery_tally>();
    std::atomic<io_thread*> thread{nullptr};
  };
  using unbound_members = std::vector<caf::strong_actor_ptr>;
  static constexpr std::size_t home = 0;  ///< the thread of the Redis link

  static void count_members(thread_members& here, transport::encoding changed);
  void deliver_frames(io_thread& thread, const transport::frame_block& block);

  std::vector<thread_members> by_thread_;
  std::atomic<std::size_t> unbound_size_{0};  ///< read along with by_thread_
  gap_ledger gaps_;
  fan_out last_fan_out_{};
  mutable std::mutex mutex_;  ///< guards the two pointers, not a fan-out
  std::shared_ptr<const unbound_members> unbound_;
  caf::actor_addr subscriber_;
};

/// Thread: any.
class channel_groups final : public caf::group_module {
 public:
  static constexpr const char* module_name = "channel";

  channel_groups(caf::actor_system& system, std::size_t threads);
  ~channel_groups() override;

  /// The group of `name`, made if need be. Groups are equal while anybody
  /// knows one: until forget().
  caf::expected<caf::group> get(const std::string& name) override;
  /// Lets go of a group: its memory returns with its last handle.
  void forget(const std::string& name);
  std::size_t size() const;
  /// Members of the group of `name`; none if there is no such group.
  std::size_t viewers(const std::string& name) const;

  caf::error load(caf::deserializer&, caf::group&) override;
  void stop() override;

  /// The module of `system`, which must have been configured with it.
  static channel_groups& of(caf::actor_system& system);

 private:
  const std::size_t threads_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, caf::group> groups_;
};

}  // namespace status2::actors
