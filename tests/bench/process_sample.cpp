#include "tests/bench/process_sample.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace status2::bench {

namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  const auto [stop, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop == text.data()) return std::nullopt;
  return value;
}

bool add_process(pid_t pid, process_sample& sum) {
  const std::filesystem::path folder = "/proc/" + std::to_string(pid);
  std::error_code error;
  std::filesystem::directory_iterator task(folder / "task", error);
  for (; !error && task != std::filesystem::directory_iterator();
       task.increment(error)) {
    const auto cpu = read_schedstat(read_file(task->path() / "schedstat"));
    if (!cpu) return false;
    sum.cpu += *cpu;
  }
  const auto rss = read_vm_rss(read_file(folder / "status"));
  if (error || !rss) return false;
  sum.rss_bytes += *rss;
  return true;
}

}  // namespace

std::optional<std::chrono::nanoseconds> read_schedstat(std::string_view text) {
  const auto value = leading_number(text);
  if (!value) return std::nullopt;
  return std::chrono::nanoseconds(*value);
}

std::optional<std::chrono::nanoseconds> read_run_delay(std::string_view text) {
  text.remove_prefix(std::min(text.find(' '), text.size()));
  return read_schedstat(text);
}

std::optional<std::uint64_t> read_vm_rss(std::string_view text) {
  constexpr std::string_view key = "VmRSS:";
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  const auto kib = leading_number(text.substr(at + key.size()));
  if (!kib) return std::nullopt;
  return *kib * 1024;
}

std::optional<process_sample> sample_processes(const std::vector<pid_t>& pids) {
  process_sample sum;
  for (const pid_t pid : pids)
    if (!add_process(pid, sum)) return std::nullopt;
  return sum;
}

std::chrono::nanoseconds own_cpu() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) +
         std::chrono::nanoseconds(now.tv_nsec);
}

std::chrono::nanoseconds own_wait() {
  return read_run_delay(read_file("/proc/thread-self/schedstat"))
      .value_or(std::chrono::nanoseconds(0));
}

}  // namespace status2::bench
