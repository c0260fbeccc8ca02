/// How many clients the limit of open descriptors allows.
#pragma once

#include <cstddef>

namespace status2::service {

/// Descriptors that are not clients': listener, Redis, threads' polls, files.
inline constexpr std::size_t own_descriptors = 64;
/// Those kept free of viewers for requests: of new ones, of probes, of scrapes.
inline constexpr std::size_t request_descriptors = 64;

/// Raises the soft limit of open descriptors to the hard one; what it is now.
/// Errors: a limit that cannot be raised stays. Thread: any, before serving.
std::size_t raise_descriptor_limit();

/// `wanted`, or what `descriptors` leave beside both reserves; at least 1.
std::size_t connections_within(std::size_t descriptors, std::size_t wanted);

/// Connections that may be open without being viewers, so that with
/// `connections` viewers the broker keeps its own reserve; at least 1.
std::size_t requests_within(std::size_t descriptors, std::size_t connections);

}  // namespace status2::service
