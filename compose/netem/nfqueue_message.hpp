#pragma once

// Pure. The few netlink messages that NFQUEUE needs, as bytes.
// Source: linux/netfilter/nfnetlink_queue.h, linux/netfilter/nfnetlink.h.

#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace status2::netem {

/// Each of these appends one message to `out`.
/// The first three ask for an answer: reply_kind::error with code 0 is yes.
void append_bind(std::string& out, std::uint16_t queue);
/// Nothing of a packet's contents is copied: a verdict needs its id alone.
void append_copy_meta(std::string& out, std::uint16_t queue);
void append_queue_length(std::string& out, std::uint16_t queue,
                         std::uint32_t length);

enum class verdict : std::uint32_t { drop = 0, accept = 1 };
void append_verdict(std::string& out, std::uint16_t queue, std::uint32_t id,
                    verdict decision);
/// Accepts every held packet up to and including `id`.
void append_accept_up_to(std::string& out, std::uint16_t queue,
                         std::uint32_t id);

enum class reply_kind { packet, error };
struct reply {
  reply_kind kind;
  /// Of a packet.
  std::uint32_t id = 0;
  /// Of an error: an errno, or 0 for an acknowledgement.
  int code = 0;
};

/// Calls `handle` for each message that is a packet or an error; bytes that are
/// no whole message end it.
void for_each_reply(std::span<const char> bytes,
                    const std::function<void(const reply&)>& handle);

}  // namespace status2::netem
