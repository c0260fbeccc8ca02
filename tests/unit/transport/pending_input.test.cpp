#include "transport/pending_input.hpp"

#include <caf/test/unit_test.hpp>

using status2::transport::pending_input;

CAF_TEST(bytes_taken_in_their_turn_are_never_copied) {
  const std::string came = "request";
  pending_input input;
  input.add(came);
  CAF_CHECK(input.view().data() == came.data());
  input.take(came.size());
  input.keep();
  CAF_CHECK(input.empty());
}

CAF_TEST(what_is_left_outlives_its_turn) {
  std::string came = "first second";
  pending_input input;
  input.add(came);
  input.take(6);
  input.keep();
  came.assign(came.size(), '-');
  CAF_CHECK_EQUAL(input.view(), "second");
  input.keep();
  CAF_CHECK_EQUAL(input.view(), "second");
}

CAF_TEST(more_comes_behind_what_is_left) {
  std::string came = "ab";
  pending_input input;
  input.add(came);
  input.take(1);
  const std::string more = "cd";
  input.add(more);
  CAF_CHECK_EQUAL(input.view(), "bcd");
  input.take(2);
  input.add(more);
  CAF_CHECK_EQUAL(input.view(), "dcd");
  input.clear();
  CAF_CHECK(input.empty());
  input.add(more);
  CAF_CHECK(input.view().data() == more.data());
}
