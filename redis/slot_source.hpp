/// Where one sharded channel of a cluster is: the master of its slot.
#pragma once

#include "redis/cluster_source.hpp"
#include "redis/endpoint_source.hpp"

#include <memory>
#include <string>

namespace status2::redis {

/// Thread: that of the map's loop.
class slot_source final : public endpoint_source {
 public:
  slot_source(std::shared_ptr<cluster_map> map, std::string channel);

  void locate(located done) override;
  bool unfit(const endpoint&) override { return false; }
  void fit(const endpoint&) override {}

 private:
  const std::shared_ptr<cluster_map> map_;
  const std::string channel_;
};

}  // namespace status2::redis
