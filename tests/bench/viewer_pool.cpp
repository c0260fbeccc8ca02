#include "tests/bench/viewer_pool.hpp"

namespace status2::bench {

viewer_pool::viewer_pool(viewing& shared, std::size_t viewers,
                         const std::vector<std::string>& channels)
    : shared_(shared), viewers_of_(channels.size()) {
  viewers_.reserve(viewers);
  for (std::size_t i = 0; i < viewers; ++i) {
    const std::size_t channel = i % channels.size();
    viewers_.push_back(std::make_unique<viewer>(shared, channels[channel]));
    ++viewers_of_[channel];
  }
}

void viewer_pool::open_more(std::size_t concurrency) {
  const reception& seen = shared_.seen;
  while (started_ < viewers_.size() &&
         started_ - seen.opened - seen.failed < concurrency)
    viewers_[started_++]->open();
}

std::vector<std::size_t> viewer_pool::unprobed_channels() const {
  std::vector<bool> unprobed(viewers_of_.size());
  for (std::size_t i = 0; i < viewers_.size(); ++i)
    if (!viewers_[i]->probed()) unprobed[i % unprobed.size()] = true;
  std::vector<std::size_t> channels;
  for (std::size_t channel = 0; channel < unprobed.size(); ++channel)
    if (unprobed[channel]) channels.push_back(channel);
  return channels;
}

delivery_faults viewer_pool::check(
    const std::vector<std::uint64_t>& published) const {
  delivery_faults faults;
  for (std::size_t i = 0; i < viewers_.size(); ++i) {
    const sequence_checker& sequence = viewers_[i]->sequence();
    faults.lost += sequence.lost(published[i % published.size()]);
    faults.duplicated += sequence.duplicated();
    faults.reordered += sequence.reordered();
  }
  return faults;
}

}  // namespace status2::bench
