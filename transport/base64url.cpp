#include "transport/base64url.hpp"

#include "transport/characters.hpp"

#include <cjose/base64.h>
#include <cjose/util.h>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace status2::transport {

namespace {

struct freed_by_cjose {
  void operator()(void* memory) const { cjose_get_dealloc()(memory); }
};

}  // namespace

std::string base64url(std::string_view bytes) {
  char* text = nullptr;
  std::size_t size = 0;
  if (!cjose_base64url_encode(
          reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
          &text, &size, nullptr))
    throw std::bad_alloc();
  const std::unique_ptr<char, freed_by_cjose> owner(text);
  return {text, size};
}

std::optional<std::string> from_base64url(std::string_view text) {
  if (text.empty()) return std::string();
  if (!made_of(text, "-_")) return std::nullopt;
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (!cjose_base64url_decode(text.data(), text.size(), &bytes, &size, nullptr))
    return std::nullopt;
  const std::unique_ptr<std::uint8_t, freed_by_cjose> owner(bytes);
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace status2::transport
