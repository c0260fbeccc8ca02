/// Beast's texts as those of the standard library.
#pragma once

#include <boost/beast/core/string_type.hpp>

#include <string_view>

namespace status2::transport {

inline std::string_view view_of(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace status2::transport
