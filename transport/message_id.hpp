/// Ids of messages, for clients that resume: `<epoch>.<number>`, opaque to
/// clients. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace status2::transport {

/// A stretch of time in which a channel counts its messages without a break:
/// `<instance>-<count>`. The instance is one run of a broker, the count tells
/// the channel's stretches apart.
std::string make_epoch(std::string_view instance, std::uint64_t count);

/// A random instance, for one run of a broker: letters and digits.
std::string random_instance();

/// Whether both epochs belong to the same run of a broker.
bool same_instance(std::string_view epoch, std::string_view other);

struct message_id {
  std::string_view epoch;
  std::uint64_t number = 0;  ///< 0: before the first message
};

/// Reads an id. Errors: nothing if `text` is none, or longer than 64 bytes.
std::optional<message_id> parse_message_id(std::string_view text);

/// Appends the id of message `number` of `epoch`.
void append_message_id(std::string& out, std::string_view epoch,
                       std::uint64_t number);

}  // namespace status2::transport
