#include "actors/redis_link_events.hpp"

#include "actors/messages.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <string>
#include <utility>

namespace status2::actors {

namespace {

class messages final : public redis::connection_events {
 public:
  messages(caf::actor_addr link, redis::link_id id)
      : link_(std::move(link)), id_(id) {}

  void on_open() override { tell(redis_opened{id_}); }
  void on_read(redis::reply_batch&& batch) override {
    tell(redis_read{id_,
                    std::make_shared<redis::reply_batch>(std::move(batch))});
  }
  void on_unanswered(const std::string& error) override {
    tell(redis_unanswered{id_, error});
  }
  void on_warning(const std::string& text) override {
    tell(redis_warning{text});
  }
  void on_closed(const std::string& error, redis::failure_kind kind) override {
    tell(redis_closed{id_, error, kind});
  }

 private:
  template <class Message>
  void tell(Message message) {
    if (auto link = caf::actor_cast<caf::actor>(link_))
      caf::anon_send(link, std::move(message));
  }

  caf::actor_addr link_;
  redis::link_id id_;
};

}  // namespace

std::unique_ptr<redis::connection_events> events_as_messages(
    caf::actor_addr link, redis::link_id id) {
  return std::make_unique<messages>(std::move(link), id);
}

}  // namespace status2::actors
