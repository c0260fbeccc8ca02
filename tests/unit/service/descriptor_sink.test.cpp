// A descriptor that fails costs lines, which are counted and told of, and
// nothing else.
#include "service/descriptor_sink.hpp"

#include "service/logging.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_directory.hpp"
#include "transport/upgrade.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <caf/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/resource.h>
#include <unistd.h>

using namespace status2;
using namespace std::chrono_literals;
using actors::log_event;
using service::logging;
using transport::unique_fd;

namespace {

constexpr std::size_t queue = 64;

/// A descriptor that a test points somewhere else while the log goes to it.
struct fixture {
  fixture() : target(::open("/dev/null", O_WRONLY | O_CLOEXEC)) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
  }

  void point_to(int fd) { CAF_REQUIRE(::dup2(fd, target.value()) >= 0); }
  void point_to(const std::string& path) {
    const unique_fd opened(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    point_to(opened.value());
  }
  /// Logs. Whether `lost` lines in all are lost then.
  static bool loses(int lines, std::int64_t lost) {
    for (int i = 0; i < lines; ++i)
      log(log_event::stopped);
    return status2::support::eventually(
        15s, [&] { return logging::dropped_lines() == lost; });
  }
  std::string file() const { return directory.path() + "/log"; }
  std::string text() const {
    std::ostringstream all;
    all << std::ifstream(file()).rdbuf();
    return all.str();
  }

  status2::support::temporary_directory directory;
  unique_fd target;
};

/// The `msg` of each line; one that is not an object shows as it is.
std::vector<std::string> messages(const std::string& text) {
  std::vector<std::string> result;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    boost::system::error_code error;
    const auto value = boost::json::parse(line, error);
    if (error || !value.is_object()) {
      result.push_back(line);
      continue;
    }
    std::string shown(value.at("msg").as_string());
    if (const auto* lines = value.as_object().if_contains("lines"))
      shown += " " + std::to_string(lines->as_int64());
    result.push_back(shown);
  }
  return result;
}

using lines = std::vector<std::string>;

/// Lines of which `text` tells that they are lost.
std::int64_t told(const std::string& text) {
  constexpr std::string_view notice = "log lines lost ";
  std::int64_t sum = 0;
  for (const auto& message : messages(text))
    if (message.starts_with(notice))
      sum += std::stoll(message.substr(notice.size()));
  return sum;
}

}  // namespace

CAF_TEST_FIXTURE_SCOPE(descriptor_sink_tests, fixture)

CAF_TEST(a_full_disk_costs_lines_that_the_next_line_tells_of) {
  point_to("/dev/full");
  {
    logging scope{actors::log_level::INFO, target.value(), queue};
    CAF_CHECK_EQUAL(logging::dropped_lines(), 0);
    CAF_CHECK(loses(5, 5));
    CAF_CHECK(loses(2, 7));
    point_to(file());
    log(log_event::listening);
    log(log_event::stopped);
  }
  CAF_CHECK_EQUAL(messages(text()),
                  (lines{"log lines lost 7", "listening", "stopped"}));
}

CAF_TEST(a_pipe_without_a_reader_costs_lines_and_each_loss_is_told_once) {
  std::array<int, 2> ends{};
  CAF_REQUIRE(::pipe(ends.data()) == 0);
  unique_fd reader(ends[0]);
  const unique_fd writer(ends[1]);
  reader = unique_fd();
  {
    logging scope{actors::log_level::INFO, target.value(), queue};
    point_to(writer.value());
    CAF_CHECK(loses(3, 3));
    point_to(file());
    log(log_event::listening);
    CAF_CHECK(status2::support::eventually(
        15s, [&] { return text().find("listening") != std::string::npos; }));
    point_to(writer.value());
    CAF_CHECK(loses(2, 5));
    point_to(file());
    log(log_event::stopped);
  }
  CAF_CHECK_EQUAL(messages(text()), (lines{"log lines lost 3", "listening",
                                           "log lines lost 2", "stopped"}));
}

CAF_TEST(a_torn_line_does_not_spoil_the_next) {
  point_to(file());
  {
    logging scope{actors::log_level::INFO, target.value(), queue};
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{10, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const bool lost = loses(2, 2);
    ::setrlimit(RLIMIT_FSIZE, &before);
    CAF_CHECK(lost);
    log(log_event::stopped);
  }
  const auto torn = text().substr(0, 10);
  CAF_CHECK(torn.starts_with("{\"time\":"));
  CAF_CHECK_EQUAL(messages(text()),
                  (lines{torn, "log lines lost 2", "stopped"}));
}

CAF_TEST(a_full_pipe_drops_lines_of_the_queue_and_its_reader_is_told) {
  for (const int flags : {0, O_NONBLOCK}) {
    std::array<int, 2> ends{};
    CAF_REQUIRE(::pipe2(ends.data(), flags) == 0);
    const unique_fd reader(ends[0]);
    const unique_fd writer(ends[1]);
    ::fcntl(reader.value(), F_SETFL, O_NONBLOCK);
    ::fcntl(writer.value(), F_SETPIPE_SZ, 4096);
    logging scope{actors::log_level::INFO, writer.value(), 4};
    // More than the pipe and the queue hold.
    for (int i = 0; i < 500; ++i)
      log(log_event::stopped);
    const auto lost = logging::dropped_lines();
    CAF_CHECK(lost > 400);
    std::string all;
    // A thread that began late has told of some losses before the pipe was
    // full.
    CAF_CHECK(status2::support::eventually(15s, [&] {
      std::array<char, 4096> bytes{};
      const auto count = ::read(reader.value(), bytes.data(), bytes.size());
      if (count > 0) all.append(bytes.data(), static_cast<std::size_t>(count));
      return told(all) == lost;
    }));
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
