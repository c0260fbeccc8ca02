#include "compose/netem/link_model.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace status2::netem;
using namespace std::chrono_literals;

namespace {

constexpr int packets = 20'000;

struct sample {
  std::vector<double> delays;
  int lost = 0;

  double mean() const {
    double sum = 0;
    for (const double delay : delays)
      sum += delay;
    return sum / static_cast<double>(delays.size());
  }
  double spread() const {
    const double middle = mean();
    double sum = 0;
    for (const double delay : delays)
      sum += (delay - middle) * (delay - middle);
    return std::sqrt(sum / static_cast<double>(delays.size()));
  }
  double share_above(double limit) const {
    return static_cast<double>(std::ranges::count_if(
               delays, [limit](double delay) { return delay > limit; })) /
           static_cast<double>(delays.size());
  }
};

// In milliseconds.
sample draw(const link_settings& settings) {
  link_model model(settings);
  sample drawn;
  for (int packet = 0; packet < packets; ++packet) {
    if (const auto delay = model.next())
      drawn.delays.push_back(
          std::chrono::duration<double, std::milli>(*delay).count());
    else
      ++drawn.lost;
  }
  return drawn;
}

bool near(double value, double wanted, double tolerance) {
  return std::abs(value - wanted) <= tolerance;
}

}  // namespace

CAF_TEST(without_jitter_and_loss_every_packet_is_late_by_the_delay) {
  const sample drawn = draw({.delay = 200ms});
  CAF_CHECK_EQUAL(drawn.lost, 0);
  CAF_CHECK_EQUAL(std::ranges::count(drawn.delays, 200.0), packets);
}

CAF_TEST(uniform_delays_fill_the_range_of_the_jitter_evenly) {
  const sample drawn = draw({.delay = 200ms, .jitter = 50ms});
  CAF_CHECK(std::ranges::min(drawn.delays) >= 150.0);
  CAF_CHECK(std::ranges::max(drawn.delays) <= 250.0);
  CAF_CHECK(near(drawn.mean(), 200, 1));
  CAF_CHECK(near(drawn.spread(), 50 / std::sqrt(3), 0.5));
  for (const double quarter : {0.25, 0.5, 0.75})
    CAF_CHECK(near(drawn.share_above(150 + 100 * quarter), 1 - quarter, 0.015));
}

CAF_TEST(normal_delays_have_the_jitter_as_standard_deviation) {
  const sample drawn =
      draw({.delay = 200ms, .jitter = 50ms, .shape = distribution::normal});
  CAF_CHECK(near(drawn.mean(), 200, 1.5));
  CAF_CHECK(near(drawn.spread(), 50, 1));
  CAF_CHECK(near(drawn.share_above(250), 0.1587, 0.01));
}

CAF_TEST(a_delay_is_never_below_zero) {
  const sample drawn =
      draw({.delay = 1ms, .jitter = 1ms, .shape = distribution::normal});
  CAF_CHECK_EQUAL(std::ranges::min(drawn.delays), 0.0);
}

CAF_TEST(the_share_of_lost_packets_is_the_one_asked_for) {
  CAF_CHECK(near(draw({.loss = 0.02}).lost, packets * 0.02, 80));
  CAF_CHECK_EQUAL(draw({.loss = 0}).lost, 0);
  CAF_CHECK_EQUAL(draw({.loss = 1}).lost, packets);
}

CAF_TEST(a_seed_repeats_its_sequence_and_another_gives_another) {
  link_settings settings{.delay = 20ms, .jitter = 10ms, .loss = 0.1};
  const sample first = draw(settings);
  CAF_CHECK(first.delays == draw(settings).delays);
  settings.seed = 2;
  CAF_CHECK(first.delays != draw(settings).delays);
}

CAF_TEST(the_loss_does_not_change_the_delays_of_what_arrives) {
  link_model lossless({.delay = 20ms, .jitter = 10ms});
  link_model lossy({.delay = 20ms, .jitter = 10ms, .loss = 0.5});
  int compared = 0;
  for (int packet = 0; packet < 1000; ++packet) {
    const auto wanted = lossless.next();
    const auto found = lossy.next();
    if (!found) continue;
    CAF_CHECK(*found == *wanted);
    ++compared;
  }
  CAF_CHECK(compared > 400);
}
