/// The settings of each part of the broker, made from the configuration: at the
/// start and at each reload.
#pragma once

#include "actors/channel_tail.hpp"
#include "actors/latch_store.hpp"
#include "actors/messages.hpp"
#include "service/configuration.hpp"
#include "transport/admission.hpp"
#include "transport/client_session.hpp"
#include "transport/listener.hpp"

#include <vector>

namespace status2::service {

/// Of the port for viewers. Its proxies are those that need no lookup.
transport::listener_settings listener_settings_of(const configuration& c);
/// Of the port of STATUS_ADMIN_ADDR.
transport::listener_settings admin_settings_of(const configuration& c);
/// `counters`: of all threads that have sessions.
transport::session_settings session_settings_of(
    const configuration& c,
    std::vector<const transport::io_counters*> counters);
transport::admission_limits admission_limits_of(const configuration& c);
actors::tail_limits tail_limits_of(const configuration& c);
actors::latch_limits latch_limits_of(const configuration& c);
actors::supervisor_limits supervisor_limits_of(const configuration& c);

/// Lowers STATUS_MAX_CONNECTIONS to what descriptors are left for, after it has
/// raised their limit. Returns whether it is lower than it was wanted.
bool limit_connections(configuration& values);

/// Logs what is worth a warning.
void warn_of(const configuration& values);

}  // namespace status2::service
