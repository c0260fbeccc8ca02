/// The nodes of a cluster that are known, in the order in which to try them.
/// Pure.
#pragma once

#include "redis/endpoint.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace status2::redis {

/// Thread: one.
class cluster_view {
 public:
  /// `seeds` stay for ever.
  explicit cluster_view(std::vector<endpoint> seeds)
      : seeds_(std::move(seeds)), order_(seeds_) {}

  /// Never empty.
  const std::vector<endpoint>& order() const { return order_; }

  /// `node` serves, so another one is tried first after its loss; or it does
  /// not serve.
  void to_the_end(const endpoint& node) {
    const auto found = std::find(order_.begin(), order_.end(), node);
    if (found != order_.end()) std::rotate(found, found + 1, order_.end());
  }

  /// `nodes` of the newest topology replace those of earlier ones. Nodes that
  /// are known already keep their places; of the others, the seeds are last.
  void learn(const std::vector<endpoint>& nodes) {
    auto known = nodes;
    known.insert(known.end(), seeds_.begin(), seeds_.end());
    std::erase_if(order_, [&](const auto& one) { return !in(known, one); });
    for (const auto& one : known)
      if (!in(order_, one)) order_.push_back(one);
  }

 private:
  static bool in(const std::vector<endpoint>& list, const endpoint& one) {
    return std::find(list.begin(), list.end(), one) != list.end();
  }

  const std::vector<endpoint> seeds_;
  std::vector<endpoint> order_;
};

}  // namespace status2::redis
