// Durations and sizes as operators write them.
#include "service/duration.hpp"
#include "service/size.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <string>

using namespace status2;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  if (const auto duration = service::parse_duration(text)) {
    const auto again =
        service::parse_duration(std::to_string(duration->count()) + "ns");
    fuzz::holds(again == duration, "a duration is its nanoseconds");
  }
  if (const auto bytes = service::parse_size(text)) {
    fuzz::holds(service::parse_size(std::to_string(*bytes)) == bytes,
                "a size is its bytes");
    fuzz::holds(text.front() >= '0' && text.front() <= '9',
                "a size starts with a digit");
  }
  if (const auto count = service::parse_count(text))
    fuzz::holds(service::parse_size(text) == count, "a count is a size");
  return 0;
}
