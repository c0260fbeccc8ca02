/// Steps of load_configuration() that are in a file of their own.
#pragma once

#include "service/configuration.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace status2::service {

/// `text` on one line, whatever is in it.
std::string one_line(std::string text);

/// Whether neither a flag nor the environment gives `variable`.
bool is_default(const load_result& result, std::string_view variable);

/// Sets result.error to one line about `variable`, unless an error is there.
/// `problem` says what is wrong; empty: the text is not accepted.
void refuse(load_result& result, std::string_view variable,
            std::string_view problem = {});

/// Sets the fingerprint of what `variable` holds or names.
void note_content(load_result& result, std::string_view variable,
                  const std::string& text);

/// The text of a file without the line end that editors leave.
/// Errors: nothing if the file cannot be read.
std::optional<std::string> read_file(const std::string& path);

/// Whether anybody may change the file, or replace it.
bool others_can_write(const std::string& path);

/// Reads the keys that tokens are signed with, from values that are read.
/// Blocks: reads a file. Errors: result.error.
void choose_tokens(load_result& result);

/// Adds `variable` to the settings that have no effect, if it is set.
void ignore(load_result& result, std::string_view variable);

/// Chooses the address of Redis, the logins and the files for TLS, from values
/// that are read. `password` is that of REDIS_PASSWORD. Only variables that are
/// used are judged. Blocks: reads files. Errors: result.error.
void choose_redis(load_result& result, const std::string& password);

/// Reads certificate and key of the listener, if they are named. Blocks: reads
/// files. Errors: result.error.
void read_client_tls(load_result& result);

}  // namespace status2::service
