#include "redis/cluster_view.hpp"

#include <caf/test/unit_test.hpp>

#include <vector>

using namespace status2::redis;

namespace {

using endpoints = std::vector<endpoint>;

const endpoint a{"a"};
const endpoint b{"b"};
const endpoint c{"c"};
const endpoint d{"d"};

}  // namespace

CAF_TEST(a_node_at_the_end_is_tried_after_all_others) {
  cluster_view view({a, b, c});
  view.to_the_end(a);
  CAF_CHECK(view.order() == (endpoints{b, c, a}));
  view.to_the_end(c);
  CAF_CHECK(view.order() == (endpoints{b, a, c}));
  view.to_the_end(d);
  CAF_CHECK(view.order() == (endpoints{b, a, c}));
}

CAF_TEST(learned_nodes_replace_earlier_ones_and_seeds_stay) {
  cluster_view view({a});
  view.learn({b, c});
  CAF_CHECK(view.order() == (endpoints{a, b, c}));
  view.to_the_end(a);
  view.to_the_end(b);
  view.learn({d, b});
  CAF_CHECK(view.order() == (endpoints{a, b, d}));
  view.learn({});
  CAF_CHECK(view.order() == (endpoints{a}));
}

CAF_TEST(a_seed_that_is_learned_as_well_is_listed_once) {
  cluster_view view({a, b});
  view.learn({b, a, c});
  CAF_CHECK(view.order() == (endpoints{a, b, c}));
}
