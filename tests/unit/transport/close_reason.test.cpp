// The table of close reasons, typed again.
#include "transport/close_reason.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::transport;

CAF_TEST(codes_are_those_of_the_contract) {
  CAF_CHECK_EQUAL(describe(close_reason::idle).code, 1008);
  CAF_CHECK_EQUAL(describe(close_reason::slow_consumer).code, 1008);
  CAF_CHECK_EQUAL(describe(close_reason::memory_limit).code, 1008);
  CAF_CHECK_EQUAL(describe(close_reason::message_rate).code, 1008);
  CAF_CHECK_EQUAL(describe(close_reason::message_timeout).code, 1008);
  CAF_CHECK_EQUAL(describe(close_reason::inbound_limit).code, 1008);
  CAF_CHECK_EQUAL(describe(close_reason::message_too_big).code, 1009);
  CAF_CHECK_EQUAL(describe(close_reason::shutdown).code, 1001);
  CAF_CHECK_EQUAL(describe(close_reason::protocol_error).code, 1002);
  CAF_CHECK_EQUAL(describe(close_reason::bad_utf8).code, 1007);
  CAF_CHECK_EQUAL(describe(close_reason::internal_error).code, 1011);
  CAF_CHECK_EQUAL(describe(close_reason::out_of_memory).code, 1011);
  CAF_CHECK_EQUAL(describe(close_reason::token_expired).code, 4401);
  CAF_CHECK_EQUAL(describe(close_reason::token_revoked).code, 4401);
  CAF_CHECK_EQUAL(describe(close_reason::client_closed).code, 0);
  CAF_CHECK_EQUAL(describe(close_reason::connection_lost).code, 0);
}

CAF_TEST(a_hangup_comes_before_the_closes_of_limits_and_shutdown_only) {
  for (std::size_t i = 0; i < close_reason_count; ++i) {
    const auto reason = static_cast<close_reason>(i);
    const bool expected = reason == close_reason::idle ||
                          reason == close_reason::slow_consumer ||
                          reason == close_reason::memory_limit ||
                          reason == close_reason::message_rate ||
                          reason == close_reason::message_timeout ||
                          reason == close_reason::inbound_limit ||
                          reason == close_reason::shutdown;
    CAF_CHECK_EQUAL(describe(reason).hangup, expected);
  }
}

CAF_TEST(labels_are_the_names) {
  CAF_CHECK(describe(close_reason::slow_consumer).label == "slow_consumer");
  CAF_CHECK(describe(close_reason::shutdown).label == "shutdown");
}
