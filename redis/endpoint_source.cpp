#include "redis/endpoint_source.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace status2::redis {

void endpoint_list::locate(located done) {
  boost::asio::post(loop_, [done = std::move(done), endpoints = endpoints_] {
    done({endpoints, server_role::any}, {});
  });
}

bool endpoint_list::unfit(const endpoint& where) {
  const auto found = std::find(endpoints_.begin(), endpoints_.end(), where);
  if (found != endpoints_.end())
    std::rotate(endpoints_.begin(), found + 1, endpoints_.end());
  ++unfit_in_a_row_;
  return unfit_in_a_row_ % endpoints_.size() != 0;
}

void endpoint_list::fit(const endpoint&) {
  unfit_in_a_row_ = 0;
}

}  // namespace status2::redis
