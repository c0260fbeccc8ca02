#include "compose/netem/command.hpp"

#include "compose/netem/descriptor.hpp"
#include "compose/netem/failure.hpp"

#include <cerrno>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace status2::netem {

namespace {

std::string read_all(int from) {
  std::string all;
  char part[4096];
  for (;;) {
    const ssize_t got = read(from, part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return all;
    all.append(part, static_cast<std::size_t>(got));
  }
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

command_result run_command(const std::vector<std::string>& words) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw failure(exit_code::failed, "pipe: " + error_text(errno));
  const descriptor reader(ends[0]);
  descriptor writer(ends[1]);
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);

  // The child inherits the blocked signals: a Ctrl-C for the whole terminal
  // must not end the iptables that takes our rule away.
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, writer.number(), 1);
  posix_spawn_file_actions_adddup2(&actions, writer.number(), 2);
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0], &actions, nullptr,
                                 arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  writer.close();
  if (error != 0) return {127, words[0] + ": " + error_text(error)};
  std::string output = read_all(reader.number());
  return {wait_for(child), std::move(output)};
}

}  // namespace status2::netem
