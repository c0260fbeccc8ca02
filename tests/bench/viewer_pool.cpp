#include "tests/bench/viewer_pool.hpp"

namespace status2::bench {

void viewer_pool::add(std::size_t viewers,
                      const std::vector<std::string>& channels,
                      histogram& latency) {
  const std::size_t first = viewers_of_.size();
  viewers_of_.resize(first + channels.size());
  viewers_.reserve(viewers_.size() + viewers);
  for (std::size_t i = 0; i < viewers; ++i) {
    const std::size_t own = i % channels.size();
    viewers_.push_back({first + own, std::make_unique<viewer>(
                                         shared_, channels[own], latency)});
    ++viewers_of_[first + own];
  }
}

void viewer_pool::open_more(std::size_t concurrency) {
  const reception& seen = shared_.seen;
  while (started_ < viewers_.size() &&
         started_ - seen.opened - seen.failed < concurrency)
    viewers_[started_++].client->open();
}

std::vector<std::size_t> viewer_pool::unprobed_channels() const {
  std::vector<bool> unprobed(viewers_of_.size());
  for (const place& p : viewers_)
    if (!p.client->probed()) unprobed[p.channel] = true;
  std::vector<std::size_t> channels;
  for (std::size_t channel = 0; channel < unprobed.size(); ++channel)
    if (unprobed[channel]) channels.push_back(channel);
  return channels;
}

delivery_faults viewer_pool::check(
    const std::vector<std::uint64_t>& published) const {
  delivery_faults faults;
  for (const place& p : viewers_) {
    const sequence_checker& sequence = p.client->sequence();
    faults.lost += sequence.lost(published[p.channel]);
    faults.duplicated += sequence.duplicated();
    faults.reordered += sequence.reordered();
  }
  return faults;
}

}  // namespace status2::bench
