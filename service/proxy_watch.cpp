#include "service/proxy_watch.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <utility>

namespace status2::service {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

/// The name does not exist, as opposed to a server that does not answer.
bool gone(const error_code& error) {
  return error == boost::asio::error::host_not_found ||
         error == boost::asio::error::no_data;
}

}  // namespace

name_lookup system_lookup(boost::asio::io_context& loop) {
  const auto resolver = std::make_shared<tcp::resolver>(loop);
  return [resolver](const std::string& name, auto answer) {
    resolver->async_resolve(
        name, "",
        [answer = std::move(answer)](const error_code& error,
                                     const tcp::resolver::results_type& found) {
          std::set<transport::address> addresses;
          for (const auto& entry : found)
            addresses.insert(entry.endpoint().address());
          answer(error, std::move(addresses));
        });
  };
}

proxy_watch::proxy_watch(boost::asio::io_context& loop,
                         const std::vector<std::string>& items,
                         name_lookup lookup, proxy_watch_events events,
                         proxy_watch_settings settings)
    : table_(items),
      lookup_(std::move(lookup)),
      events_(std::move(events)),
      settings_(settings),
      timer_(loop) {}

void proxy_watch::start(std::function<void()> first_round) {
  first_round_ = std::move(first_round);
  begin_round();
}

void proxy_watch::on_change(
    std::function<void(const transport::proxy_set&)> changed) {
  changed_ = std::move(changed);
  changed_(table_.trusted());
}

void proxy_watch::stop() {
  stopped_ = true;
  changed_ = nullptr;
  timer_.cancel();
}

void proxy_watch::begin_round() {
  const auto names = table_.names();
  unanswered_ = names.size();
  for (const auto& name : names)
    lookup_(name, [self = shared_from_this(), name](
                      const error_code& error,
                      const std::set<transport::address>& addresses) {
      self->on_answer(name, error, addresses);
    });
  if (names.empty()) std::exchange(first_round_, nullptr)();
}

void proxy_watch::on_answer(const std::string& name, const error_code& error,
                            const std::set<transport::address>& addresses) {
  const auto now = std::chrono::steady_clock::now();
  bool changed = false;
  if (error) {
    const auto result = table_.failed(name, gone(error), now);
    changed = result.changed;
    if (result.warn) events_.unresolved(name, error);
  } else {
    changed = table_.found(name, addresses, now);
    if (changed) events_.found(name, addresses);
  }
  if (changed && changed_) changed_(table_.trusted());
  if (--unanswered_ == 0) end_round();
}

void proxy_watch::end_round() {
  if (first_round_) std::exchange(first_round_, nullptr)();
  if (stopped_) return;
  timer_.expires_after(table_.complete() ? settings_.interval
                                         : settings_.retry_interval);
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error && !self->stopped_) self->begin_round();
  });
}

}  // namespace status2::service
