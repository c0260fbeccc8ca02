#include "redis/slot_source.hpp"

#include <utility>

namespace status2::redis {

slot_source::slot_source(std::shared_ptr<cluster_map> map, std::string channel)
    : map_(std::move(map)), channel_(std::move(channel)) {}

void slot_source::locate(located done) {
  map_->topology([done = std::move(done), slot = key_slot(channel_)](
                     const cluster_topology& found, const std::string& error) {
    if (!error.empty()) return done({}, error);
    const auto* const master = found.master_of(slot);
    if (master == nullptr)
      return done({}, "no node serves slot " + std::to_string(slot));
    done({{*master}, server_role::any}, {});
  });
}

}  // namespace status2::redis
