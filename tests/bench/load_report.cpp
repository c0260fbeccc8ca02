#include "tests/bench/load_report.hpp"

#include <boost/json.hpp>

namespace status2::bench {

namespace {

namespace json = boost::json;

// Above these the generator, not the server, may be what was measured.
constexpr double busy_percent = 90;
constexpr double lateness_limit_us = 5000;
constexpr double rate_floor = 0.99;

double to_us(std::uint64_t ns) {
  return static_cast<double>(ns) / 1000;
}

double to_us(std::chrono::nanoseconds span) {
  return static_cast<double>(span.count()) / 1000;
}

json::value per(double amount, std::uint64_t count) {
  if (count == 0) return nullptr;
  return amount / static_cast<double>(count);
}

double percent_of_a_core(std::chrono::nanoseconds cpu, double seconds) {
  return to_us(cpu) / (seconds * 1e6) * 100;
}

json::value latency(const histogram& seen) {
  if (seen.count() == 0) return nullptr;
  return json::object{{"p50", to_us(seen.quantile(0.50))},
                      {"p95", to_us(seen.quantile(0.95))},
                      {"p99", to_us(seen.quantile(0.99))},
                      {"max", to_us(seen.max())}};
}

bool late(const histogram& lateness) {
  return to_us(lateness.quantile(0.99)) > lateness_limit_us;
}

// A generator that is busy while the server is too has saturated it, as asked.
// Late is late, whoever held the cores: the pace was not the one asked for.
json::value bottleneck(const load_options& options, const load_result& result) {
  const auto server_cpu = result.window_end.cpu - result.window_begin.cpu;
  const auto busy = [&result](std::chrono::nanoseconds cpu) {
    return percent_of_a_core(cpu, result.window_seconds) > busy_percent;
  };
  if (busy(result.own_cpu) && !(options.in_flight > 0 && busy(server_cpu)))
    return "cpu";
  const double wanted =
      (options.rate + options.loud_rate) * result.window_seconds;
  if (late(result.lateness) || late(result.loud_lateness) ||
      static_cast<double>(result.published) < wanted * rate_floor - 1)
    return "pacing";
  return nullptr;
}

std::size_t connections(const load_options& options) {
  return options.viewers + (options.loud_rate > 0 ? options.loud_viewers : 0);
}

json::object work(const load_options& options) {
  return {{"viewers", options.viewers},
          {"channels", options.channels},
          {"rate_per_second", options.rate},
          {"in_flight", options.in_flight},
          {"loud_rate_per_second", options.loud_rate},
          {"loud_viewers", options.loud_rate > 0 ? options.loud_viewers : 0},
          {"payload_bytes", options.payload_size}};
}

json::object server(const load_options& options, const load_result& result) {
  const auto cpu = result.window_end.cpu - result.window_begin.cpu;
  const auto connecting = result.after_connect.cpu - result.before_connect.cpu;
  const double rss = static_cast<double>(result.after_connect.rss_bytes) -
                     static_cast<double>(result.before_connect.rss_bytes);
  return {
      {"cpu_us_per_delivery", per(to_us(cpu), result.received)},
      {"cpu_percent", percent_of_a_core(cpu, result.window_seconds)},
      {"cpu_us_per_connection", per(to_us(connecting), connections(options))},
      {"kib_per_connection", per(rss / 1024, connections(options))}};
}

json::object generator(const load_options& options, const load_result& result) {
  return {
      {"cpu_percent", percent_of_a_core(result.own_cpu, result.window_seconds)},
      {"waited_percent",
       percent_of_a_core(result.own_wait, result.window_seconds)},
      {"cpu_us_per_delivery", per(to_us(result.own_cpu), result.received)},
      {"late_us_p99", to_us(result.lateness.quantile(0.99))},
      {"bottleneck", bottleneck(options, result)}};
}

}  // namespace

std::string report(const load_options& options, const load_result& result) {
  const json::object object{
      {"work", work(options)},
      {"window_seconds", result.window_seconds},
      {"connect_seconds", result.connect_seconds},
      {"published", result.published},
      {"deliveries", result.received},
      {"deliveries_per_second",
       static_cast<double>(result.received) / result.window_seconds},
      {"latency_us", latency(result.seen.latency)},
      {"loud_latency_us", latency(result.seen.loud_latency)},
      {"lost", result.faults.lost},
      {"duplicated", result.faults.duplicated},
      {"reordered", result.faults.reordered},
      {"closed", result.seen.closed},
      {"unexpected", result.seen.unexpected},
      {"server", server(options, result)},
      {"generator", generator(options, result)}};
  return json::serialize(object);
}

}  // namespace status2::bench
