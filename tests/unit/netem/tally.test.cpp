#include "compose/netem/tally.hpp"

#include <caf/test/unit_test.hpp>

using namespace status2::netem;
using namespace std::chrono_literals;

CAF_TEST(quantiles_are_those_of_the_delays_to_a_tenth_of_a_millisecond) {
  delay_bins delays;
  for (int at = 1; at <= 1000; ++at)
    delays.add(at * 1ms);
  CAF_CHECK_EQUAL(delays.count(), 1000u);
  CAF_CHECK(delays.mean() == 500500us);
  CAF_CHECK(delays.quantile(0.50) == 500100us);
  CAF_CHECK(delays.quantile(0.95) == 950100us);
  CAF_CHECK(delays.quantile(1.0) == 1000ms);
  CAF_CHECK(delays.longest() == 1000ms);
}

CAF_TEST(a_delay_beyond_every_bin_is_still_counted) {
  delay_bins delays;
  delays.add(3h);
  CAF_CHECK(delays.mean() == 3h);
  CAF_CHECK(delays.longest() == 3h);
  CAF_CHECK(delays.quantile(0.5) <= 3h);
}

CAF_TEST(the_report_is_one_line_of_json) {
  tally counts;
  counts.packets = 5;
  counts.dropped = 1;
  counts.held_max = 3;
  counts.released_early = 2;
  counts.kernel_dropped = 4;
  counts.delays.add(10ms);
  counts.delays.add(20ms);
  CAF_CHECK_EQUAL(
      to_json(counts, R"("mark":"x")", 9, 1500ms),
      R"({"mark":"x","seed":9,"seconds":1.500,"packets":5,"dropped":1,)"
      R"("kernel_dropped":4,"held_max":3,"released_early":2,)"
      R"("delay_mean_ms":15.000,"delay_p50_ms":10.100,)"
      R"("delay_p95_ms":20.000,"delay_max_ms":20.000})");
}

CAF_TEST(without_a_delayed_packet_the_delays_are_null) {
  CAF_CHECK(to_json({}, "", 1, 0ms)
                .ends_with(R"("delay_mean_ms":null,"delay_p50_ms":null,)"
                           R"("delay_p95_ms":null,"delay_max_ms":null})"));
}
