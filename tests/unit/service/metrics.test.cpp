#include "service/metrics.hpp"

#include <caf/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>

using namespace status2;
using service::metrics;

namespace {

/// Whether `text` has this whole line.
bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

CAF_TEST(the names of the contract are fixed) {
  const transport::io_counters loop;
  actors::broker_counters broker;
  const actors::broker_status status;
  const auto text = metrics({&loop}, broker, status).text();
  for (const char* name :
       {"status2_connections_active", "status2_messages_forwarded_total",
        "status2_redis_reconnects_total", "status2_write_errors_total"}) {
    CAF_MESSAGE(name);
    CAF_CHECK(has_line(text, std::string(name) + " 0"));
  }
  CAF_CHECK(has_line(text, "# TYPE status2_connections_active gauge"));
  CAF_CHECK(has_line(text, "# TYPE status2_messages_forwarded_total counter"));
  CAF_CHECK(has_line(text, "# TYPE status2_redis_reconnects_total counter"));
  CAF_CHECK(has_line(text, "# TYPE status2_write_errors_total counter"));
}

CAF_TEST(the numbers of all threads are added up) {
  transport::io_counters first;
  transport::io_counters second;
  actors::broker_counters broker;
  const actors::broker_status status;
  first.connections_active.add(3);
  second.connections_active.add(4);
  second.connections_active.sub();
  broker.redis_reconnects = 5;
  const auto text = metrics({&first, &second}, broker, status).text();
  CAF_CHECK(has_line(text, "status2_connections_active 6"));
  CAF_CHECK(has_line(text, "status2_redis_reconnects_total 5"));
}

CAF_TEST(what turns ready to 503 is a number too) {
  const transport::io_counters loop;
  actors::broker_counters broker;
  actors::broker_status status;
  const metrics shown({&loop}, broker, status);
  CAF_CHECK(has_line(shown.text(), "status2_ready 1"));
  CAF_CHECK(has_line(shown.text(), "status2_actors_failing 0"));
  status.failing_until_ns = std::numeric_limits<std::int64_t>::max();
  CAF_CHECK(has_line(shown.text(), "status2_ready 0"));
  CAF_CHECK(has_line(shown.text(), "status2_actors_failing 1"));
  status.failing_until_ns = 0;
  CAF_CHECK(has_line(shown.text(), "status2_ready 1"));
  status.link = actors::link_phase::surfaced;
  CAF_CHECK(has_line(shown.text(), "status2_ready 0"));
}

CAF_TEST(large numbers keep every digit) {
  transport::io_counters loop;
  actors::broker_counters broker;
  const actors::broker_status status;
  loop.messages_forwarded.add(1234567890123);
  const auto text = metrics({&loop}, broker, status).text();
  CAF_CHECK(has_line(text, "status2_messages_forwarded_total 1234567890123"));
}

CAF_TEST(ended sessions are told apart by their reason) {
  transport::io_counters first;
  transport::io_counters second;
  actors::broker_counters broker;
  const actors::broker_status status;
  const auto idle = static_cast<std::size_t>(transport::close_reason::idle);
  first.sessions_closed[idle].add(2);
  second.sessions_closed[idle].add();
  const auto text = metrics({&first, &second}, broker, status).text();
  CAF_CHECK(has_line(text, "status2_sessions_closed_total{reason=\"idle\"} 3"));
  CAF_CHECK(
      has_line(text, "status2_sessions_closed_total{reason=\"shutdown\"} 0"));
}

CAF_TEST(refused clients are told apart by what refused them) {
  const transport::io_counters loop;
  actors::broker_counters broker;
  const actors::broker_status status;
  broker.count(transport::refusal::drain);
  broker.count(transport::refusal::drain);
  broker.count(transport::refusal::channels);
  const auto text = metrics({&loop}, broker, status).text();
  CAF_CHECK(
      has_line(text, "status2_clients_refused_total{reason=\"drain\"} 2"));
  CAF_CHECK(
      has_line(text, "status2_requests_refused_total{reason=\"drain\"} 2"));
  CAF_CHECK(
      has_line(text, "status2_requests_refused_total{reason=\"origin\"} 0"));
  CAF_CHECK(text.find("status2_clients_refused_total{reason=\"origin\"}") ==
            std::string::npos);
  CAF_CHECK(
      has_line(text, "status2_clients_refused_total{reason=\"channels\"} 1"));
  CAF_CHECK(
      has_line(text, "status2_clients_refused_total{reason=\"address\"} 0"));
  CAF_CHECK(has_line(
      text, "status2_clients_refused_total{reason=\"connections\"} 0"));
}

CAF_TEST(a histogram has its buckets their sum and their count) {
  const transport::io_counters loop;
  actors::broker_counters broker;
  const actors::broker_status status;
  broker.canary.observe(std::chrono::milliseconds{2});
  broker.canary.observe(std::chrono::milliseconds{3});
  broker.canary.observe(std::chrono::seconds{60});
  const auto text = metrics({&loop}, broker, status).text();
  CAF_CHECK(has_line(text, "# TYPE status2_canary_seconds histogram"));
  CAF_CHECK(has_line(text, "status2_canary_seconds_bucket{le=\"0.001\"} 0"));
  CAF_CHECK(has_line(text, "status2_canary_seconds_bucket{le=\"0.0025\"} 1"));
  CAF_CHECK(has_line(text, "status2_canary_seconds_bucket{le=\"0.005\"} 2"));
  CAF_CHECK(has_line(text, "status2_canary_seconds_bucket{le=\"10\"} 2"));
  CAF_CHECK(has_line(text, "status2_canary_seconds_bucket{le=\"+Inf\"} 3"));
  CAF_CHECK(has_line(text, "status2_canary_seconds_count 3"));
  CAF_CHECK(has_line(text, "status2_canary_seconds_sum 60.005"));
}

CAF_TEST(what was due and went nowhere is an imbalance) {
  transport::io_counters loop;
  actors::broker_counters broker;
  const actors::broker_status status;
  const auto slow =
      static_cast<std::size_t>(transport::close_reason::slow_consumer);
  loop.deliveries_due.add(10);
  loop.messages_forwarded.add(5);
  loop.messages_waiting.add(2);
  loop.messages_discarded[slow].add(2);
  const auto text = metrics({&loop}, broker, status).text();
  CAF_CHECK(has_line(text, "status2_conservation_imbalance 1"));
  CAF_CHECK(has_line(
      text, "status2_messages_discarded_total{reason=\"slow_consumer\"} 2"));
}

CAF_TEST(every row is served once and nothing else) {
  const transport::io_counters loop;
  actors::broker_counters broker;
  const actors::broker_status status;
  const auto families = metrics({&loop}, broker, status).Collect();
  std::set<std::string> names;
  for (const auto& family : families)
    names.insert(family.name);
  CAF_CHECK_EQUAL(names.size(), families.size());
  CAF_CHECK_EQUAL(names.size(), service::metric_rows().size());
  for (const auto& row : service::metric_rows()) {
    CAF_MESSAGE(row.name);
    CAF_CHECK_EQUAL(names.count(std::string(row.name)), 1u);
    CAF_CHECK(row.name.starts_with("status2_"));
    CAF_CHECK_EQUAL(row.kind == "counter", row.name.ends_with("_total"));
  }
}

CAF_TEST(the build and the process are described) {
  actors::broker_counters broker;
  const actors::broker_status status;
  const auto text = metrics({}, broker, status).text();
  CAF_CHECK(text.find("status2_build_info{version=\"2.") != std::string::npos);
  CAF_CHECK(!has_line(text, "status2_process_resident_memory_bytes 0"));
  CAF_CHECK(!has_line(text, "status2_process_open_fds 0"));
}
