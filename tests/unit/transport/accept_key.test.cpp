#include "transport/accept_key.hpp"

#include <caf/test/unit_test.hpp>

using status2::transport::accept_key;

CAF_TEST(the_example_of_rfc_6455_is_answered_as_it_says) {
  CAF_CHECK_EQUAL(accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
                  "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

CAF_TEST(other_keys_have_other_answers) {
  CAF_CHECK_EQUAL(accept_key("AAAAAAAAAAAAAAAAAAAAAA=="),
                  "ICX+Yqv66kxgM0FcWaLWlFLwTAI=");
}
