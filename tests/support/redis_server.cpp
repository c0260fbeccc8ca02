#include "tests/support/redis_server.hpp"

#include "tests/support/eventually.hpp"

#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace status2::support {

namespace {

using namespace std::chrono_literals;

constexpr int attempts = 5;

/// Redis's configuration file for a server that keeps nothing.
std::string configuration(const redis_options& options, std::uint16_t port,
                          const std::string& directory,
                          const std::string& unix_path) {
  std::ostringstream text;
  text << "bind 127.0.0.1\nport " << port << "\ndir " << directory
       << "\nsave \"\"\nappendonly no\nloglevel warning\n";
  if (!options.password.empty())
    text << "requirepass " << options.password << '\n';
  for (const auto& user : options.users)
    text << "user " << user << '\n';
  if (options.unix_socket)
    text << "unixsocket " << unix_path << "\nunixsocketperm 600\n";
  if (options.more) text << options.more();
  return text.str();
}

}  // namespace

redis_server::redis_server(redis_options options)
    : options_(std::move(options)),
      port_(free_port()),
      unix_path_(directory_.path() + "/redis.sock") {
  // Another test may have taken the port in between.
  for (int i = 1;; ++i) {
    try {
      configure();
      start();
      return;
    } catch (const std::runtime_error&) {
      if (i == attempts) throw;
      port_ = free_port();
    }
  }
}

void redis_server::configure() {
  file_ = directory_.write(
      "redis.conf",
      configuration(options_, port_, directory_.path(), unix_path_));
}

void redis_server::start() {
  client_.reset();
  process_options program{.command = {"redis-server", file_}};
  if (options_.sentinel) program.command.emplace_back("--sentinel");
  process_ = std::make_unique<process>(std::move(program));
  const bool up =
      eventually(20s, [this] { return !process_->running() || answers(); });
  if (!up || !process_->running())
    throw std::runtime_error("redis-server did not start: " +
                             process_->errors());
}

bool redis_server::answers() {
  try {
    return client().command({"PING"}).text == "PONG";
  } catch (const std::runtime_error&) {
    client_.reset();
    return false;
  }
}

void redis_server::stop() {
  process_->signal(SIGTERM);
  if (!process_->wait(20s)) throw std::runtime_error("redis-server lives on");
  client_.reset();
}

void redis_server::kill() {
  process_->signal(SIGKILL);
  process_->wait(20s);
  client_.reset();
}

void redis_server::restart() {
  stop();
  start();
}

void redis_server::freeze() {
  process_->signal(SIGSTOP);
}

void redis_server::thaw() {
  process_->signal(SIGCONT);
}

std::string redis_server::url() const {
  return "redis://127.0.0.1:" + std::to_string(port_) + "/2";
}

redis_client& redis_server::client() {
  if (!client_)
    client_ = std::make_unique<redis_client>(port_, options_.password);
  return *client_;
}

std::int64_t redis_server::publish(const std::string& channel,
                                   std::string_view payload) {
  return client().publish(channel, payload);
}

std::int64_t redis_server::subscribers(const std::string& channel) {
  return client().command({"PUBSUB", "NUMSUB", channel}).items.at(1).number;
}

std::size_t redis_server::channel_count() {
  return client().command({"PUBSUB", "CHANNELS"}).items.size();
}

std::size_t redis_server::pubsub_clients() {
  std::istringstream list(
      client().command({"CLIENT", "LIST", "TYPE", "pubsub"}).text);
  std::size_t count = 0;
  for (std::string line; std::getline(list, line);)
    ++count;
  return count;
}

std::int64_t redis_server::calls(const std::string& command) {
  const auto stats = client().command({"INFO", "commandstats"}).text;
  const std::string label = "cmdstat_" + command + ":calls=";
  const auto at = stats.find(label);
  if (at == std::string::npos) return 0;
  return std::strtoll(stats.c_str() + at + label.size(), nullptr, 10);
}

void redis_server::config_set(const std::string& name,
                              const std::string& value) {
  const auto reply = client().command({"CONFIG", "SET", name, value});
  if (reply.error) throw std::runtime_error(reply.text);
}

std::int64_t redis_server::kill_pubsub_clients() {
  return client().command({"CLIENT", "KILL", "TYPE", "pubsub"}).number;
}

void redis_server::password(std::string password) {
  options_.password = std::move(password);
  client_.reset();
}

}  // namespace status2::support
