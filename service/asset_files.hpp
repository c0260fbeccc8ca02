/// The files of web/ as they are in the program; web/embed.cmake writes the
/// source.
#pragma once

#include <span>
#include <string_view>

namespace status2::service {

struct asset_file {
  std::string_view name;   ///< without its folder
  std::string_view hash;   ///< of the content, 16 hexadecimal digits
  std::string_view plain;  ///< the content
  std::string_view gzip;   ///< the same, compressed
};

/// Every file, in no order. Thread: any.
std::span<const asset_file> asset_files();

}  // namespace status2::service
