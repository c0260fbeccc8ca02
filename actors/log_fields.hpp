/// What the fields of log lines hold: the source of a table in docs/logs.md.
/// tests/compose/documents_test.py compares it with the fields that are logged.
#pragma once

#include <array>
#include <string_view>

namespace status2::actors {

struct log_field_row {
  std::string_view key;
  std::string_view meaning;
};

inline constexpr std::array log_field_rows{
    log_field_row{"run_id", "The run: the channel's name before the colon."},
    log_field_row{"channel", "What follows the colon."},
    log_field_row{"session", "The number of a client's session actor."},
    log_field_row{"certificate", "The file of the certificate for clients."},
    log_field_row{"expires", "When it expires, as Unix time."},
    log_field_row{"kernel_tls",
                  "`yes`: the kernel encrypts for clients; `no`: `reason` says "
                  "why not."},
    log_field_row{"remote",
                  "The client, `ip:port`; behind a trusted proxy that names "
                  "it in a header of HTTP the address alone, and so in "
                  "`client refused`. `unix:/path`: a peer at a Unix socket "
                  "that names nobody."},
    log_field_row{
        "reason",
        "Why a session ended, a row of docs/contract.md; why a "
        "request or a token was refused, a row of docs/metrics.md; in "
        "`connection limit` what set the limit."},
    log_field_row{"origin",
                  "The `Origin` of a refused request, cut to 120 bytes."},
    log_field_row{"path", "The path of a refused request, cut to 120 bytes."},
    log_field_row{"code",
                  "In session lines the code of the client's Close frame, 0 "
                  "if none came; in `stopped` the exit code."},
    log_field_row{"sent", "Messages that the client got whole."},
    log_field_row{"discarded",
                  "Messages that were meant for it and that it never got "
                  "whole."},
    log_field_row{"text", "What the client sent, cut to 120 bytes."},
    log_field_row{"suppressed",
                  "Lines like this one that were left out since the last."},
    log_field_row{"lines", "Log lines that standard output did not take."},
    log_field_row{"limit", "How many clients, or channels, are accepted."},
    log_field_row{"error", "What went wrong, in words."},
    log_field_row{"attempt", "Failures to reach Redis in a row, this one too."},
    log_field_row{"backoff",
                  "The wait until the next attempt, or until the actor is "
                  "started again, such as `1500ms`."},
    log_field_row{"bytes", "The size of the payload."},
    log_field_row{"channels", "Channels that Redis has acknowledged."},
    log_field_row{"viewers", "Clients that watch them when the outage ends."},
    log_field_row{"outage_ms",
                  "Milliseconds from the loss of the link to the last "
                  "acknowledgement."},
    log_field_row{"resume_worst_ms",
                  "Milliseconds from link up until Redis had acknowledged a "
                  "channel: the longest."},
    log_field_row{"resume_p95_ms", "The same: the 95th percentile."},
    log_field_row{"link",
                  "`first`: the silent link spoke again; `second`: the one "
                  "beside it, or the one with new settings, took over."},
    log_field_row{"actor",
                  "The actor: its name, the kind of child, or what the chaos "
                  "door was asked to kill."},
    log_field_row{"action",
                  "Of the chaos door: `kill` or `redis`; in `chaos access "
                  "denied` the path."},
    log_field_row{"fault", "`drop`, `stall` or `delay`, as it was asked for."},
    log_field_row{"for", "How long the fault lasts, as it was asked for."},
    log_field_row{"address",
                  "Where the broker listens; in `redis connecting` the URL of "
                  "Redis, without its password; in `trusted proxy found` the "
                  "addresses of `name`."},
    log_field_row{"port", "The port that is open; 0: a Unix socket."},
    log_field_row{"name", "A name in STATUS_TRUSTED_PROXIES."},
    log_field_row{"redis", "The URL of Redis, without its password."},
    log_field_row{"settings",
                  "Variables, and options of the Redis URL: those without an "
                  "effect, those that changed, or those that wait for a "
                  "restart, by the line's message."},
    log_field_row{"version", "Of the program."},
    log_field_row{"commit", "It was built from."},
    log_field_row{"thread", "The number of an I/O thread, from 0."},
    log_field_row{"late_ms", "Milliseconds for which a thread did not run."},
    log_field_row{"backend", "`io_uring`, `aio` or `sendto`."},
    log_field_row{
        "call",
        "The system call that sends: `io_uring_enter` and `io_submit` "
        "take many frames at once, `sendto` one."},
    log_field_row{"keys", "Keys that tokens may be signed with."},
    log_field_row{"signal", "Its number: 15 is SIGTERM, 2 SIGINT, 3 SIGQUIT."},
};

}  // namespace status2::actors
