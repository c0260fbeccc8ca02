// How loud a close is told: the contract's table, typed again on purpose.
#include "actors/session.hpp"

#include <caf/test/unit_test.hpp>

#include <array>
#include <utility>

using namespace status2::actors;
using status2::transport::close_reason;
using status2::transport::close_reason_count;

namespace {

log_level level_of(log_event event) {
  constexpr std::array levels{
#define X(event, level, component, msg, when) log_level::level,
      STATUS2_LOG_EVENTS(X)
#undef X
  };
  return levels[static_cast<std::size_t>(event)];
}

constexpr std::array<std::pair<close_reason, log_level>, close_reason_count>
    contract{{
        {close_reason::client_closed, log_level::DEBUG},
        {close_reason::connection_lost, log_level::DEBUG},
        {close_reason::protocol_error, log_level::INFO},
        {close_reason::bad_utf8, log_level::INFO},
        {close_reason::idle, log_level::INFO},
        {close_reason::slow_consumer, log_level::WARN},
        {close_reason::memory_limit, log_level::WARN},
        {close_reason::inbound_limit, log_level::WARN},
        {close_reason::message_rate, log_level::INFO},
        {close_reason::message_timeout, log_level::INFO},
        {close_reason::message_too_big, log_level::INFO},
        {close_reason::internal_error, log_level::WARN},
        {close_reason::shutdown, log_level::INFO},
    }};

}  // namespace

CAF_TEST(each_close_is_logged_at_the_level_of_its_row) {
  for (const auto& [reason, level] : contract) {
    CAF_MESSAGE(status2::transport::describe(reason).label);
    CAF_CHECK(level_of(event_of(reason)) == level);
  }
}

CAF_TEST(whose_fault_a_close_was_shows_in_its_message) {
  CAF_CHECK(event_of(close_reason::connection_lost) ==
            log_event::client_disconnected);
  CAF_CHECK(event_of(close_reason::idle) == log_event::client_closed);
  CAF_CHECK(event_of(close_reason::slow_consumer) == log_event::slow_consumer);
  CAF_CHECK(event_of(close_reason::memory_limit) == log_event::client_dropped);
  CAF_CHECK(event_of(close_reason::internal_error) ==
            log_event::client_dropped);
}
