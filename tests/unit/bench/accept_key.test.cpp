#include "tests/bench/accept_key.hpp"

#include <caf/test/unit_test.hpp>

CAF_TEST(the_example_of_rfc_6455_is_answered_as_it_says) {
  CAF_CHECK_EQUAL(status2::bench::accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
                  "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
