/// What the actors count, for the whole process. The table is also the source
/// of rows of docs/metrics.md.
#pragma once

#include "actors/histogram.hpp"
#include "transport/refusal.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace status2::actors {

// clang-format off
/// X(member, metric name, counter|gauge, help)
#define STATUS2_ACTOR_METRICS(X)                                               \
  X(redis_up, "status2_redis_up", gauge,                                       \
    "1 while the Redis link works; 0 before it first does, and while an "      \
    "outage is surfaced.")                                                     \
  X(redis_reconnects, "status2_redis_reconnects_total", counter,               \
    "Times the Redis link was established again after a loss.")                \
  X(redis_connect_failures, "status2_redis_connect_failures_total", counter,   \
    "Attempts to connect to Redis that failed.")                               \
  X(redis_links_doubled, "status2_redis_links_doubled_total", counter,         \
    "Second links opened beside one that went silent.")                        \
  X(redis_change_pending, "status2_redis_change_pending", gauge,               \
    "1 while the link still uses the Redis settings from before a reload, "    \
    "because the new ones do not work yet; else 0.")                           \
  X(redis_channels_refused, "status2_redis_channels_refused", gauge,           \
    "Channels that viewers want and Redis refuses to subscribe.")              \
  X(redis_reads, "status2_redis_reads_total", counter,                         \
    "Reads from the Redis link.")                                              \
  X(messages_received, "status2_messages_received_total", counter,             \
    "Messages received from Redis, those of the canary included.")             \
  X(messages_fanned_out, "status2_messages_fanned_out_total", counter,         \
    "Received messages that were handed to viewers.")                          \
  X(messages_unwatched, "status2_messages_unwatched_total", counter,           \
    "Messages that had no viewer: the channel's last one had left (see "       \
    "STATUS_CHANNEL_LINGER and STATUS_TAIL_LINGER).")                          \
  X(deflate_input, "status2_deflate_input_bytes_total", counter,               \
    "Bytes of frames before STATUS_COMPRESSION, each message once for all "    \
    "clients that negotiated it.")                                             \
  X(deflate_output, "status2_deflate_output_bytes_total", counter,             \
    "The same frames after it, those that it leaves as they are included.")    \
  X(tail_memory, "status2_tail_memory_bytes", gauge,                           \
    "Memory of the messages that channels keep for replays; "                  \
    "STATUS_TAIL_TOTAL_BYTES bounds it.")                                      \
  X(tail_evictions, "status2_tail_evictions_total", counter,                   \
    "Kept messages that went because STATUS_TAIL_TOTAL_BYTES was reached.")    \
  X(latched_channels, "status2_latched_channels", gauge,                       \
    "Channels whose last word is kept; see STATUS_LATCH_PATTERNS.")            \
  X(latch_memory, "status2_latch_memory_bytes", gauge,                         \
    "Memory of the last words; STATUS_LATCH_TOTAL_BYTES bounds it.")           \
  X(latch_evictions, "status2_latch_evictions_total", counter,                 \
    "Last words that went before STATUS_LATCH_TTL, because "                   \
    "STATUS_LATCH_TOTAL_BYTES or STATUS_LATCH_CHANNELS was reached.")          \
  X(replays_complete, "status2_replays_complete_total", counter,               \
    "Replays to clients that miss no message.")                                \
  X(replays_incomplete, "status2_replays_incomplete_total", counter,           \
    "Replays to clients that may miss messages, and were told.")               \
  X(messages_too_large, "status2_messages_too_large_total", counter,           \
    "Messages dropped because their payload is larger than "                   \
    "STATUS_MAX_PAYLOAD.")                                                     \
  X(channels_active, "status2_channels_active", gauge,                         \
    "Channels that have a subscriber actor.")                                  \
  X(channels_subscribed, "status2_channels_subscribed", gauge,                 \
    "Channels whose subscription Redis has acknowledged, that of the canary "  \
    "included.")                                                               \
  X(connections_limit, "status2_connections_limit", gauge,                     \
    "Clients at once: STATUS_MAX_CONNECTIONS, or what open descriptors "       \
    "leave.")                                                                  \
  X(tls_expiry, "status2_tls_certificate_expiry_timestamp_seconds", gauge,     \
    "When the certificate for clients expires, as Unix time; 0 without TLS.")  \
  X(canary_failures, "status2_canary_failures_total", counter,                 \
    "Canary messages that did not come back in time.")                         \
  X(chaos_uses, "status2_chaos_uses_total", counter,                           \
    "Faults injected through the chaos door.")                                 \
  X(actor_restarts, "status2_actor_restarts_total", counter,                   \
    "Actors that the supervisor restarted.")                                   \
  X(actors_failing, "status2_actors_failing", gauge,                           \
    "1 while a part dies faster than the restart policy allows; else 0.")      \
  X(memory_reserve, "status2_memory_reserve", gauge,                           \
    "1 while the reserve of 4 MB is there; 0 after an allocation failed, "     \
    "while new clients are answered 503.")                                     \
  X(allocations_failed, "status2_allocations_failed_total", counter,           \
    "Allocations that failed although the reserve was given back; each ends "  \
    "one request or one client.")                                              \
  X(config_reload_successful, "status2_config_last_reload_successful", gauge,  \
    "1 if the configuration that was read last is accepted; 0 if the one "     \
    "before it stays.")                                                        \
  X(config_reload_time,                                                        \
    "status2_config_last_reload_success_timestamp_seconds", gauge,             \
    "When a configuration was accepted last, at the start or on SIGHUP, "      \
    "seconds since 1970.")                                                     \
  X(ready, "status2_ready", gauge,                                             \
    "1 while /ready answers 200; else 0.")                                     \
  X(log_lines_dropped, "status2_log_lines_dropped_total", counter,             \
    "Log lines lost because standard output failed or did not keep up.")
// clang-format on

// clang-format off
/// X(member, metric name, help): durations in seconds.
#define STATUS2_ACTOR_HISTOGRAMS(X)                                            \
  X(resume_acknowledged, "status2_resume_acknowledged_seconds",                \
    "After an outage, a channel: from link up to Redis's acknowledgement.")    \
  X(resume, "status2_resume_seconds",                                          \
    "After an outage, a channel: from link up to its first message.")          \
  X(canary, "status2_canary_seconds",                                          \
    "Round trip of the canary message through Redis.")
// clang-format on

/// Thread: any.
struct broker_counters {
#define X(member, name, kind, help) std::atomic<std::int64_t> member{0};
  STATUS2_ACTOR_METRICS(X)
#undef X
#define X(member, name, help) duration_histogram member;
  STATUS2_ACTOR_HISTOGRAMS(X)
#undef X
  /// `status2_requests_refused_total{reason}`.
  std::array<std::atomic<std::int64_t>, transport::refusal_count>
      requests_refused{};
  void count(transport::refusal why) {
    ++requests_refused[static_cast<std::size_t>(why)];
  }
};

}  // namespace status2::actors
