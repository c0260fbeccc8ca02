#include "actors/session_replay.hpp"

#include "actors/channel_groups.hpp"

#include <caf/actor_cast.hpp>

#include <utility>

namespace status2::actors {

session_replay::session_replay(caf::event_based_actor* self, caf::group channel,
                               transport::watch_options options,
                               transport::frame_sink& client)
    : self_(self),
      channel_(std::move(channel)),
      options_(std::move(options)),
      sink_(client) {}

void session_replay::ask() {
  const auto question = sink_.ask();
  const auto subscriber = channel_group::of(channel_).subscriber();
  // The next subscriber makes the channel live again, and on_live() asks it.
  if (!subscriber) return;
  // A part is made for this client alone, on the thread of the Redis link.
  self_->send(subscriber,
              replay_wanted{caf::actor_cast<caf::actor>(self_),
                            without_compression(options_.kind()),
                            *options_.replay, question, sink_.progress()});
}

void session_replay::on_part(const replay_part& part) {
  if (sink_.take(part)) ask();
}

void session_replay::on_emptied() {
  if (sink_.now() == replay_sink::state::sending) ask();
}

void session_replay::on_live() {
  if (sink_.now() == replay_sink::state::asking) ask();
}

}  // namespace status2::actors
