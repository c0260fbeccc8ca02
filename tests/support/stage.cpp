#include "tests/support/stage.hpp"

#include <algorithm>
#include <stdexcept>

namespace status2::support {

std::vector<viewer> live_viewers(broker_process& broker,
                                 const std::string& channel,
                                 std::size_t count) {
  std::vector<viewer> viewers;
  for (std::size_t i = 0; i < count; ++i)
    viewers.push_back(broker.view(channel));
  for (auto& each : viewers)
    each.init();
  for (auto& each : viewers)
    if (!each.next_ping()) throw std::runtime_error("no answer to init");
  return viewers;
}

std::size_t receivers(std::vector<viewer>& viewers, std::string_view payload) {
  return static_cast<std::size_t>(
      std::count_if(viewers.begin(), viewers.end(), [&](viewer& each) {
        return each.next_message() == status_text(payload);
      }));
}

}  // namespace status2::support
