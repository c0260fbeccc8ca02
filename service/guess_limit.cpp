#include "service/guess_limit.hpp"

#include "transport/allowance.hpp"

namespace status2::service {

namespace {

using namespace std::chrono_literals;
using transport::allowance;

constexpr allowance of_one{.each = 1s, .burst = 5s};
constexpr allowance of_all{.each = 100ms, .burst = 2s};
constexpr std::size_t most_addresses = 1024;

}  // namespace

bool guess_limit::open_to(const transport::address& who, time_point now) const {
  const auto found = by_address_.find(transport::client_network(who));
  const auto open = [now](const allowance& limit, time_point due) {
    return limit.holds(limit.after(due, now), now);
  };
  return open(of_all, all_due_) &&
         (found == by_address_.end() || open(of_one, found->second));
}

void guess_limit::failed(const transport::address& who, time_point now) {
  all_due_ = of_all.after(all_due_, now);
  if (!transport::has_address(who)) return;
  if (by_address_.size() >= most_addresses)
    std::erase_if(by_address_,
                  [now](const auto& one) { return one.second <= now; });
  const auto key = transport::client_network(who);
  if (by_address_.size() >= most_addresses && !by_address_.contains(key))
    return;
  auto& due = by_address_[key];
  due = of_one.after(due, now);
}

}  // namespace status2::service
