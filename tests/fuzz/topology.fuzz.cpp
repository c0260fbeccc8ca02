// Answers of sentinels and cluster nodes: cuts change no answer, and a topology
// that is read from one is in order.
#include "redis/answer.hpp"
#include "redis/cluster_topology.hpp"
#include "redis/sentinel_view.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <vector>

using namespace status2;

namespace {

std::vector<redis::answer> read(std::string_view bytes, std::size_t step) {
  redis::answer_reader reader;
  std::vector<redis::answer> answers;
  bool sound = true;
  while (sound && !bytes.empty()) {
    const auto part = bytes.substr(0, step);
    bytes.remove_prefix(part.size());
    sound = reader.feed(part, answers);
  }
  fuzz::holds(sound == reader.error().empty(), "an error has a reason");
  return answers;
}

void check(const redis::topology_result& result) {
  fuzz::holds(result.value.has_value() == result.problem.empty(),
              "either a topology or a problem");
  if (!result.value) return;
  fuzz::holds(!result.value->nodes.empty(), "a topology has nodes");
  int next = 0;  // the first slot that may follow
  for (const auto& range : result.value->ranges) {
    fuzz::holds(range.first >= next, "ranges are in order");
    fuzz::holds(range.last >= range.first && range.last < 16384,
                "a range is one of slots");
    for (auto slot : {range.first, range.last}) {
      const auto* master = result.value->master_of(slot);
      fuzz::holds(master != nullptr && *master == range.master,
                  "a slot of a range is found");
    }
    next = range.last + 1;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = fuzz::text_of(data, size).substr(1);
  const auto answers = read(bytes, std::max<std::size_t>(bytes.size(), 1));
  fuzz::holds(answers == read(bytes, std::max<std::size_t>(data[0] % 16, 1)),
              "cuts change no answer");
  const redis::endpoint asked{"asked", 7000};
  redis::sentinel_view view({asked});
  for (const auto& each : answers) {
    check(redis::read_shards(each, asked, false));
    check(redis::read_shards(each, asked, true));
    check(redis::read_slots(each, asked));
    const auto master = redis::read_master(each, "m");
    fuzz::holds(master.master.has_value() == master.problem.empty(),
                "either a master or a problem");
    view.learn(asked, each);
    fuzz::holds(view.order().front() == asked && view.order().size() <= 64,
                "sentinels are bounded, and the configured one stays");
  }
  return 0;
}
