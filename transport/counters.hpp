/// What the transport counts. Each I/O thread writes its own copy without
/// locks; `/metrics` adds them up. The table is also the source of the rows of
/// docs/metrics.md.
#pragma once

#include "transport/close_reason.hpp"
#include "transport/token_fault.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace status2::transport {

/// A number one thread writes and any thread reads. Gauges go down again.
class counter {
 public:
  void add(std::int64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n,
                 std::memory_order_relaxed);
  }
  void sub(std::int64_t n = 1) { add(-n); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// clang-format off
/// X(member, metric name, counter|gauge, help)
#define STATUS2_TRANSPORT_METRICS(X)                                           \
  X(connections_active, "status2_connections_active", gauge,                   \
    "Sessions that are open now, WebSockets and event streams.")               \
  X(event_streams_active, "status2_event_streams_active", gauge,               \
    "Sessions that are open now and are event streams.")                       \
  X(connections_compressed, "status2_connections_compressed", gauge,           \
    "WebSockets that are open now and negotiated STATUS_COMPRESSION.")         \
  X(deliveries_due, "status2_deliveries_due_total", counter,                   \
    "Messages times viewers: what all sessions together were handed.")         \
  X(messages_forwarded, "status2_messages_forwarded_total", counter,           \
    "Status messages handed whole to a client's socket.")                      \
  X(messages_waiting, "status2_messages_waiting", gauge,                       \
    "Status messages that wait for clients' sockets to take them.")            \
  X(write_errors, "status2_write_errors_total", counter,                       \
    "Writes to a client that failed, slow consumers included.")                \
  X(bytes_sent, "status2_bytes_sent_total", counter,                           \
    "Bytes handed to clients' sockets, frame headers included.")               \
  X(outbox_bytes, "status2_outbox_bytes", gauge,                               \
    "Bytes that wait for clients' sockets to take them.")                      \
  X(outbox_memory, "status2_outbox_memory_bytes", gauge,                       \
    "Memory of the frames that wait, each counted once for all its clients; "  \
    "STATUS_OUTBOX_TOTAL_BYTES bounds it.")                                    \
  X(outbox_kernel_bytes, "status2_outbox_kernel_bytes", gauge,                 \
    "Memory of the kernel for clients whose outbox is not empty, as of their "  \
    "last send; STATUS_OUTBOX_TOTAL_BYTES bounds it too.")                     \
  X(sends, "status2_sends_total", counter,                                     \
    "Sends to clients' sockets: one a client and block of frames.")            \
  X(send_calls, "status2_send_calls_total", counter,                           \
    "System calls that carried them; io_uring and AIO take many in one.")      \
  X(io_uring_threads, "status2_io_uring_threads", gauge,                       \
    "I/O threads that send through io_uring.")                                 \
  X(aio_threads, "status2_aio_threads", gauge,                                 \
    "I/O threads without io_uring that send through native AIO.")              \
  X(batch_calls_given_up, "status2_batch_calls_given_up_total", counter,       \
    "Times an I/O thread gave io_uring or native AIO up because it failed.")   \
  X(stalls, "status2_io_stalls_total", counter,                                \
    "Times an I/O thread found itself more than 100 ms late; the deadlines "   \
    "of its clients move by as much.")                                         \
  X(wakes, "status2_wakes_total", counter,                                     \
    "Hand-overs of a batch to another I/O thread.")                            \
  X(pings_sent, "status2_pings_sent_total", counter,                           \
    "Heartbeats and answers to init.")                                         \
  X(connections_accepted, "status2_connections_accepted_total", counter,       \
    "TCP connections accepted.")                                               \
  X(tls_handshakes, "status2_tls_handshakes_total", counter,                   \
    "TLS handshakes of clients in full, a private-key operation each.")        \
  X(tls_handshakes_resumed, "status2_tls_handshakes_resumed_total", counter,   \
    "TLS handshakes that a ticket of an earlier connection cut short.")        \
  X(tls_handshakes_failed, "status2_tls_handshakes_failed_total", counter,     \
    "TLS handshakes of clients that failed; `tls handshake failed` says why.") \
  X(connections_tls, "status2_connections_tls_active", gauge,                  \
    "Clients that are served over TLS.")                                       \
  X(handshakes_waiting, "status2_handshakes_waiting", gauge,                   \
    "Requests for a channel held back by STATUS_ACCEPT_RATE.")                 \
  X(accept_errors, "status2_accept_errors_total", counter,                     \
    "Failed accepts, such as out of descriptors.")                             \
  X(handshakes_refused, "status2_handshakes_refused_total", counter,           \
    "Requests answered 4xx, or 503 for a limit of connections or a drain; "    \
    "those of STATUS_MAX_CHANNELS are counted elsewhere.")                     \
  X(handshake_timeouts, "status2_handshake_timeouts_total", counter,           \
    "Connections closed without an answer: no whole request came within "      \
    "STATUS_HANDSHAKE_TIMEOUT, or STATUS_ACCEPT_RATE held it for longer.")     \
  X(requests_failed, "status2_requests_failed_total", counter,                 \
    "Requests that a bug left without an answer; `request failed` says why.")  \
  X(requests_crowded_out, "status2_requests_crowded_out_total", counter,       \
    "HTTP connections that waited for their client closed to make room for "   \
    "new ones.")                                                               \
  X(inbound_memory, "status2_inbound_memory_bytes", gauge,                     \
    "Memory that clients make the broker keep: parts of requests and "         \
    "messages, and answers that are not read; STATUS_INBOUND_TOTAL_BYTES "     \
    "bounds it.")                                                              \
  X(inbound_evictions, "status2_inbound_evictions_total", counter,             \
    "Connections closed because STATUS_INBOUND_TOTAL_BYTES was reached.")      \
  X(malformed_messages, "status2_malformed_messages_total", counter,           \
    "Client messages that were not JSON.")                                     \
  X(tokens_renewed, "status2_tokens_renewed_total", counter,                   \
    "Tokens that clients replaced by a new one while connected.")              \
  X(tickets_made, "status2_tickets_made_total", counter,                       \
    "Tickets made by POST /v1/tickets.")                                       \
  X(tickets_kept, "status2_tickets_kept", gauge,                               \
    "Tickets that were neither used nor found too old.")
// clang-format on

/// Where deliveries to a channel's viewers on one thread went; when nothing
/// moves, due = sent + discarded + waiting. Thread: as io_counters.
struct delivery_tally {
  counter due;
  counter sent;
  counter discarded;
  counter waiting;
};

/// One I/O thread's numbers. Thread: written by its I/O thread only.
struct io_counters {
#define X(member, name, kind, help) counter member;
  STATUS2_TRANSPORT_METRICS(X)
#undef X
  /// `status2_sessions_closed_total{reason}`.
  std::array<counter, close_reason_count> sessions_closed;
  /// `status2_messages_discarded_total{reason}`: why the session ended.
  std::array<counter, close_reason_count> messages_discarded;
  /// `status2_tokens_refused_total{reason}`.
  std::array<counter, token_fault_count> tokens_refused;
  void count(token_fault why) {
    tokens_refused[static_cast<std::size_t>(why)].add();
  }
};

}  // namespace status2::transport
