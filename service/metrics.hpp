/// What `/metrics` answers: the counters of all threads added up, and what the
/// process itself is.
#pragma once

#include "actors/counters.hpp"
#include "actors/supervisor.hpp"
#include "transport/counters.hpp"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace status2::service {

struct metric_row {
  std::string_view name;
  std::string_view kind;    ///< counter, gauge or histogram
  std::string_view labels;  ///< empty if none
  std::string_view help;
};

/// The content type that goes with metrics::text().
inline constexpr std::string_view metrics_content_type =
    "text/plain; version=0.0.4; charset=utf-8";

/// Every metric there is, in the order of docs/metrics.md.
std::span<const metric_row> metric_rows();

/// Sets what others know at each collection: broker_counters::log_lines_dropped
/// (the logger), memory_reserve and allocations_failed (the reserve of the
/// process), actors_failing and ready (the status). Thread: any. The
/// counters and the status must outlive it.
class metrics : public prometheus::Collectable {
 public:
  metrics(std::vector<const transport::io_counters*> loops,
          actors::broker_counters& broker, const actors::broker_status& status);

  std::vector<prometheus::MetricFamily> Collect() const override;
  /// Prometheus's text format. Blocks: reads files of /proc.
  std::string text() const;

 private:
  std::vector<const transport::io_counters*> loops_;
  actors::broker_counters& broker_;
  const actors::broker_status& status_;
};

}  // namespace status2::service
