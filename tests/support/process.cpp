#include "tests/support/process.hpp"

#include "tests/support/eventually.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <iterator>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace status2::support {

namespace {

constexpr std::string_view race_report = "WARNING: ThreadSanitizer";

std::string contents(const std::string& path, std::size_t from = 0) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(from));
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> whole_environment(const environment& variables) {
  environment all;
  for (const char* name : {"PATH", "TMPDIR", "LD_LIBRARY_PATH", "ASAN_OPTIONS",
                           "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"})
    if (const char* value = std::getenv(name)) all[name] = value;
  for (const auto& [name, value] : variables)
    all[name] = value;
  std::vector<std::string> result;
  result.reserve(all.size());
  for (const auto& [name, value] : all)
    result.push_back(name + "=" + value);
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (auto& text : texts)
    result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

void redirect(int to, const char* path, int flags) {
  const int file = ::open(path, flags | O_CLOEXEC, 0600);
  if (file < 0 || ::dup2(file, to) < 0) ::_exit(126);
}

}  // namespace

process::process(process_options options) {
  auto& command = options.command;
  auto variables = whole_environment(options.variables);
  const auto arguments = pointers(command);
  const auto settings = pointers(variables);
  const std::string in = directory_.write("in", options.input);
  const std::string out = directory_.path() + "/out";
  const std::string err = directory_.path() + "/err";
  id_ = ::fork();
  if (id_ < 0) throw std::runtime_error("fork failed");
  if (id_ > 0) return;
  // Only what is safe after fork from here on.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  redirect(0, in.c_str(), O_RDONLY);
  redirect(1, out.c_str(), O_WRONLY | O_CREAT | O_APPEND);
  redirect(2, err.c_str(), O_WRONLY | O_CREAT | O_APPEND);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (options.descriptors) {
    const rlimit limit{*options.descriptors, *options.descriptors};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::_exit(126);
  }
  ::execvpe(arguments.front(), arguments.data(), settings.data());
  ::_exit(127);
}

process::~process() {
  if (!exit_code_) {
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
  }
  // A race inside the child fails the test that started it, whatever the test
  // asks for: tests/CMakeLists.txt looks for the word.
  if (const auto said = errors(); said.find(race_report) != std::string::npos)
    std::cerr << said;
}

void process::signal(int number) {
  if (running()) ::kill(id_, number);
}

bool process::running() {
  if (exit_code_) return false;
  int status = 0;
  if (::waitpid(id_, &status, WNOHANG) != id_) return true;
  exit_code_ =
      WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return false;
}

std::optional<int> process::wait(std::chrono::nanoseconds deadline) {
  eventually(deadline, [this] { return !running(); });
  return exit_code_;
}

const std::vector<std::string>& process::lines() {
  const std::string more = contents(directory_.path() + "/out", read_);
  read_ += more.size();
  partial_ += more;
  std::size_t from = 0;
  for (auto end = partial_.find('\n'); end != std::string::npos;
       end = partial_.find('\n', from)) {
    lines_.push_back(partial_.substr(from, end - from));
    from = end + 1;
  }
  partial_.erase(0, from);
  return lines_;
}

std::string process::errors() const {
  return contents(directory_.path() + "/err");
}

std::size_t process::resident_bytes() const {
  std::ifstream file("/proc/" + std::to_string(id_) + "/statm");
  std::size_t whole = 0;
  std::size_t resident = 0;
  file >> whole >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

outcome run(process_options options, std::chrono::nanoseconds deadline) {
  process child(std::move(options));
  outcome result;
  result.exit_code = child.wait(deadline);
  for (const auto& line : child.lines())
    result.output += line + '\n';
  result.errors = child.errors();
  return result;
}

std::uint16_t free_port() {
  std::random_device seed;
  std::uniform_int_distribution<int> candidates(10000, 32000);
  for (;;) {
    const int port = candidates(seed);
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const int bound =
        ::bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::close(probe);
    if (bound == 0) return static_cast<std::uint16_t>(port);
  }
}

}  // namespace status2::support
