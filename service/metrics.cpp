#include "service/metrics.hpp"

#include "service/logging.hpp"
#include "service/memory_reserve.hpp"
#include "service/process_stats.hpp"
#include "service/version.hpp"

#include <prometheus/text_serializer.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <sstream>
#include <utility>

namespace status2::service {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr metric_row sessions_closed{"status2_sessions_closed_total", "counter",
                                     "reason",
                                     "Sessions that ended, by reason."};
constexpr metric_row discarded{
    "status2_messages_discarded_total", "counter", "reason",
    "Messages that ended sessions never got whole, by reason."};
constexpr metric_row refused{"status2_requests_refused_total", "counter",
                             "reason", "Requests refused, by reason."};
constexpr metric_row refused_by_limit{
    "status2_clients_refused_total", "counter", "reason",
    "Clients answered 503: requests refused by a limit or a drain."};
constexpr metric_row tokens_refused{
    "status2_tokens_refused_total", "counter", "reason",
    "Tokens and tickets that did not open what was asked for, by reason; "
    "requests without a token included."};
constexpr metric_row imbalance{
    "status2_conservation_imbalance", "gauge", "",
    "Deliveries due less those sent, discarded and waiting; 0 at rest."};
constexpr metric_row build_info{"status2_build_info", "gauge", "version,commit",
                                "1; the labels tell what runs."};
constexpr metric_row resident{"status2_process_resident_memory_bytes", "gauge",
                              "", "Resident memory of the process."};
constexpr metric_row cpu{"status2_process_cpu_seconds_total", "counter", "",
                         "Processor time of the process, user and system."};
constexpr metric_row descriptors{"status2_process_open_fds", "gauge", "",
                                 "Open file descriptors."};
constexpr metric_row started{"status2_process_start_time_seconds", "gauge", "",
                             "Start of the process, seconds since 1970."};

constexpr std::array table{
#define X(member, name, kind, help) metric_row{name, #kind, "", help},
    STATUS2_TRANSPORT_METRICS(X) STATUS2_ACTOR_METRICS(X)
#undef X
        refused,
    refused_by_limit,
    sessions_closed,
    discarded,
    tokens_refused,
    imbalance,
#define X(member, name, help) metric_row{name, "histogram", "", help},
    STATUS2_ACTOR_HISTOGRAMS(X)
#undef X
        build_info,
    resident,
    cpu,
    descriptors,
    started};

MetricFamily family_of(const metric_row& row) {
  MetricFamily family;
  family.name = row.name;
  family.help = row.help;
  family.type = row.kind == "counter" ? MetricType::Counter
                : row.kind == "gauge" ? MetricType::Gauge
                                      : MetricType::Histogram;
  return family;
}

MetricFamily histogram(std::string_view name, std::string_view help,
                       const actors::duration_histogram& values) {
  auto family = family_of({name, "histogram", "", help});
  ClientMetric sample;
  std::uint64_t total = 0;
  constexpr auto bounds = actors::duration_histogram::bounds;
  for (std::size_t i = 0; i <= bounds.size(); ++i) {
    total += values.count(i);
    sample.histogram.bucket.push_back(
        {total, i < bounds.size() ? bounds[i]
                                  : std::numeric_limits<double>::infinity()});
  }
  sample.histogram.sample_count = total;
  sample.histogram.sample_sum = values.sum_seconds();
  family.metric.push_back(std::move(sample));
  return family;
}

void add_sample(MetricFamily& family, double value,
                std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric sample;
  sample.label = std::move(labels);
  if (family.type == MetricType::Counter) {
    sample.counter.value = value;
  } else {
    sample.gauge.value = value;
  }
  family.metric.push_back(std::move(sample));
}

MetricFamily single(const metric_row& row, double value) {
  auto family = family_of(row);
  add_sample(family, value);
  return family;
}

}  // namespace

std::span<const metric_row> metric_rows() {
  return table;
}

metrics::metrics(std::vector<const transport::io_counters*> loops,
                 actors::broker_counters& broker,
                 const actors::broker_status& status)
    : loops_(std::move(loops)), broker_(broker), status_(status) {}

std::vector<MetricFamily> metrics::Collect() const {
  const auto now = std::chrono::steady_clock::now();
  broker_.log_lines_dropped = logging::dropped_lines();
  const auto& reserve = process_reserve();
  broker_.memory_reserve = reserve.held() ? 1 : 0;
  broker_.allocations_failed = reserve.failures();
  broker_.actors_failing = status_.failing(now) ? 1 : 0;
  broker_.ready = status_.ready(now) ? 1 : 0;
  std::vector<MetricFamily> families;
  families.reserve(table.size());
  const auto sum = [this](auto value_of) {
    std::int64_t total = 0;
    for (const auto* loop : loops_)
      total += value_of(*loop);
    return static_cast<double>(total);
  };
#define X(member, name, kind, help)   \
  families.push_back(                 \
      single({name, #kind, "", help}, \
             sum([](const auto& loop) { return loop.member.value(); })));
  STATUS2_TRANSPORT_METRICS(X)
#undef X
#define X(member, name, kind, help)                  \
  families.push_back(single({name, #kind, "", help}, \
                            static_cast<double>(broker_.member.load())));
  STATUS2_ACTOR_METRICS(X)
#undef X
  auto refusals = family_of(refused);
  auto limits = family_of(refused_by_limit);
  for (std::size_t i = 0; i < transport::refusal_count; ++i) {
    const auto& row = transport::describe(static_cast<transport::refusal>(i));
    const auto count = static_cast<double>(broker_.requests_refused[i].load());
    const std::vector<ClientMetric::Label> labels{
        {"reason", std::string(row.label)}};
    add_sample(refusals, count, labels);
    if (row.kind == transport::refusal_kind::limit)
      add_sample(limits, count, labels);
  }
  families.push_back(std::move(refusals));
  families.push_back(std::move(limits));
  const auto by_reason = [&](const metric_row& metric, auto member) {
    auto family = family_of(metric);
    for (std::size_t i = 0; i < transport::close_reason_count; ++i) {
      const auto& row =
          transport::describe(static_cast<transport::close_reason>(i));
      add_sample(family, sum([&](const auto& loop) {
                   return (loop.*member)[i].value();
                 }),
                 {{"reason", std::string(row.label)}});
    }
    families.push_back(std::move(family));
  };
  by_reason(sessions_closed, &transport::io_counters::sessions_closed);
  by_reason(discarded, &transport::io_counters::messages_discarded);
  auto tokens = family_of(tokens_refused);
  for (std::size_t i = 0; i < transport::token_fault_count; ++i)
    add_sample(
        tokens,
        sum([i](const auto& loop) { return loop.tokens_refused[i].value(); }),
        {{"reason", std::string(transport::describe(
                                    static_cast<transport::token_fault>(i))
                                    .label)}});
  families.push_back(std::move(tokens));
  families.push_back(single(imbalance, sum([](const auto& loop) {
                              std::int64_t gone = 0;
                              for (const auto& one : loop.messages_discarded)
                                gone += one.value();
                              return loop.deliveries_due.value() -
                                     loop.messages_forwarded.value() - gone -
                                     loop.messages_waiting.value();
                            })));
#define X(member, name, help) \
  families.push_back(histogram(name, help, broker_.member));
  STATUS2_ACTOR_HISTOGRAMS(X)
#undef X
  auto build = family_of(build_info);
  add_sample(
      build, 1,
      {{"version", std::string(version())}, {"commit", std::string(commit())}});
  families.push_back(std::move(build));
  const auto process = read_process_stats();
  families.push_back(single(resident, process.resident_bytes));
  families.push_back(single(cpu, process.cpu_seconds));
  families.push_back(single(descriptors, process.open_descriptors));
  families.push_back(single(started, process.start_time_seconds));
  return families;
}

std::string metrics::text() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, Collect());
  return std::move(out).str();
}

}  // namespace status2::service
