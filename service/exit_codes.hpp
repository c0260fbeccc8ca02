/// The process's exit codes. Source: docs/contract.md.
#pragma once

namespace status2::service {

inline constexpr int exit_ok = 0;
/// Could not do what was asked, such as a port in use; the reason is said.
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
/// The supervisor itself died: a bug. Whoever runs the service restarts it.
inline constexpr int exit_supervisor_died = 70;
/// A second signal cut a drain short: this and its number, as shells count.
inline constexpr int exit_signalled = 128;

}  // namespace status2::service
