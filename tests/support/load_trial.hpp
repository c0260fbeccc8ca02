/// A crowd and a producer that go on while a test breaks things between them.
#pragma once

#include "tests/support/broker_process.hpp"
#include "tests/support/crowd.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/numbered_producer.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace status2::support {

/// Publishes 100 messages a second over all channels, only while a publish_
/// function runs. Thread: one.
class load_trial {
 public:
  static constexpr std::size_t viewer_count = 60;

  /// Blocks: until every viewer is live, which the test requires.
  load_trial(broker_process& broker, numbered_producer::publisher publish,
             std::vector<std::string> channels)
      : broker_(broker),
        channels_(std::move(channels)),
        producer_(std::move(publish), channels_),
        people_({broker.port(), channels_, viewer_count}) {
    CAF_REQUIRE(eventually(std::chrono::seconds{30},
                           [this] { return people_.live() == viewer_count; }));
  }

  void publish_for(std::chrono::nanoseconds time) {
    producer_.publish_until(std::chrono::steady_clock::now() + time, rate,
                            [] {});
  }

  /// Publishes until `predicate` holds; false if it does not by the deadline.
  template <class Predicate>
  bool publish_until(Predicate predicate,
                     std::chrono::nanoseconds deadline = std::chrono::seconds{
                         60}) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (!predicate()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      publish_for(std::chrono::milliseconds{50});
    }
    return true;
  }

  /// Waits until every viewer has what was published so far. Before a fault: a
  /// node that stops right behind its answer to PUBLISH has not yet sent the
  /// message to its subscribers and to the other nodes, and sends it when it
  /// goes on.
  bool settles() { return people_.settles(); }

  /// Recovery, then the verdict: a message of each channel reaches every
  /// viewer; nobody was closed, nothing came twice or out of order, and no
  /// viewer missed a message that it was not told of.
  crowd_report judge() {
    CAF_CHECK(broker_.metric_becomes("status2_channels_subscribed",
                                     static_cast<double>(channels_.size())));
    CAF_CHECK(people_.settles());
    const auto before = people_.received();
    for (std::size_t i = 0; i < channels_.size(); ++i)
      CAF_CHECK(producer_.publish());
    CAF_CHECK(eventually(std::chrono::seconds{10}, [&] {
      return people_.received() == before + viewer_count;
    }));
    CAF_CHECK_EQUAL(people_.live(), viewer_count);
    auto report = people_.judge(producer_.published());
    CAF_MESSAGE("published " << producer_.count() << ", received "
                             << report.received << ", lost and told "
                             << report.lost_told << ", lost untold "
                             << report.lost_untold << ", gaps " << report.gaps);
    CAF_CHECK_EQUAL(report.duplicated, 0u);
    CAF_CHECK_EQUAL(report.reordered, 0u);
    CAF_CHECK_EQUAL(report.lost_untold, 0u);
    CAF_CHECK(report.closes.empty());
    return report;
  }

 private:
  static constexpr double rate = 100;

  broker_process& broker_;
  const std::vector<std::string> channels_;
  numbered_producer producer_;
  crowd people_;
};

}  // namespace status2::support
