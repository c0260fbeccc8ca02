/// An I/O thread as CAF sees it: the place where actors bound to it run, and
/// where a fan-out is handed over. On the main path: collects what the actors
/// of one turn send to groups and passes it on in one piece a thread.
#pragma once

#include "actors/log.hpp"
#include "actors/rate_limit.hpp"
#include "transport/frame.hpp"
#include "transport/io_loop.hpp"

#include <caf/actor_system.hpp>
#include <caf/execution_unit.hpp>
#include <caf/intrusive_ptr.hpp>
#include <caf/message.hpp>
#include <caf/resumable.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace status2::actors {

class channel_group;

/// One message of a group on its way to the members on one thread: a frame, or
/// any other message.
struct delivery {
  caf::intrusive_ptr<channel_group> group;
  transport::frame_ptr frame;  ///< null: `content` goes to the mailboxes
  caf::message content;
};

/// Thread: members say so; what says nothing belongs to the thread itself.
class io_thread final : public caf::execution_unit {
 public:
  explicit io_thread(std::size_t index, transport::io_backend backend =
                                            transport::io_backend::automatic);
  ~io_thread() override;

  /// Before start(): the system whose actors run here. Thread: any, once.
  void attach(caf::actor_system& system) { system_ = &system; }
  void start();
  /// Ends the loop and joins. Every actor bound here must have ended.
  void stop();

  std::size_t index() const { return loop_.index(); }
  transport::io_loop& loop() { return loop_; }
  /// The I/O thread that is running, or null. Thread: any.
  static io_thread* current();
  /// Logs `event` with how frames are sent. Thread: itself, or any while it has
  /// no clients.
  void log_sender(log_event event);

  /// Runs `ptr` here in a coming turn. Thread: any.
  void exec_later(caf::resumable* ptr) override;
  /// Delivers `item` on `target` at the end of the caller's turn: one
  /// hand-over and at most one wake for all that the turn sends there.
  /// Thread: any. Order: kept for one caller and one target.
  static void hand_over(io_thread& target, delivery item);

 private:
  struct inbox {
    std::vector<caf::resumable*> jobs;
    std::vector<delivery> deliveries;
    bool empty() const { return jobs.empty() && deliveries.empty(); }
  };

  void log_stall(std::chrono::nanoseconds length);
  void schedule_turn();
  void turn();
  void take_inbox();
  void run_jobs();
  void flush();
  void receive(std::vector<delivery>& items);
  /// Leaves one block a group where several came.
  void gather(std::vector<delivery>& items);
  /// Puts work into the inbox and wakes the thread if it was empty.
  template <class Put>
  void post(Put put);

  transport::io_loop loop_;
  std::thread thread_;
  bool turn_scheduled_ = false;
  std::deque<caf::resumable*> jobs_;
  std::vector<delivery> local_;
  /// What this turn sends to other threads, an entry for each.
  std::vector<std::pair<io_thread*, std::vector<delivery>>> outgoing_;

  rate_limit stalls_{1};  ///< log lines a second

  std::mutex inbox_mutex_;
  inbox inbox_;
};

}  // namespace status2::actors
