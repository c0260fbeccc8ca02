#include "tests/support/scripted_server.hpp"

#include "redis/answer.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace status2::support {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct scripted_server::client
    : public std::enable_shared_from_this<scripted_server::client> {
  explicit client(tcp::socket s) : socket(std::move(s)) {}

  void send(const std::string& bytes) {
    unsent += bytes;
    flush();
  }
  void flush() {
    if (!sending.empty() || unsent.empty()) return;
    std::swap(sending, unsent);
    asio::async_write(socket, asio::buffer(sending),
                      [me = shared_from_this()](error_code error, std::size_t) {
                        me->sending.clear();
                        if (!error) me->flush();
                      });
  }
  void close() {
    error_code ignored;
    socket.close(ignored);
  }

  tcp::socket socket;
  std::array<char, 16384> buffer{};
  redis::answer_reader commands;  // a command is a list of texts
  bool hangs = false;
  std::string sending;
  std::string unsent;
};

scripted_server::scripted_server(asio::io_context& loop)
    : acceptor_(loop, tcp::endpoint{asio::ip::address_v4::loopback(), 0}),
      port_(acceptor_.local_endpoint().port()) {
  accept();
}

scripted_server::~scripted_server() {
  *alive_ = false;
  leave();
}

void scripted_server::accept() {
  acceptor_.async_accept(
      [this, alive = alive_](error_code error, tcp::socket socket) {
        if (error || !*alive) return;
        ++connections_;
        const auto made = std::make_shared<client>(std::move(socket));
        clients_.insert(made);
        read(made);
        accept();
      });
}

void scripted_server::read(const std::shared_ptr<client>& from) {
  from->socket.async_read_some(
      asio::buffer(from->buffer),
      [this, alive = alive_, from](error_code error, std::size_t size) {
        if (!*alive) return;
        if (error) {
          clients_.erase(from);
          return;
        }
        std::vector<redis::answer> commands;
        from->commands.feed({from->buffer.data(), size}, commands);
        for (const auto& each : commands) {
          std::string command;
          for (const auto& word : each.elements)
            command += (command.empty() ? "" : " ") + word.text;
          heard_.push_back(command);
          const auto bytes = reply(command);
          from->hangs = from->hangs || bytes.empty();
          if (!from->hangs) from->send(bytes);
        }
        read(from);
      });
}

std::string scripted_server::reply(const std::string& command) const {
  const std::string* found = nullptr;
  std::size_t longest = 0;
  for (const auto& [words, bytes] : table_) {
    if (!command.starts_with(words) || words.size() < longest) continue;
    longest = words.size();
    found = &bytes;
  }
  return found == nullptr ? "-ERR unknown command\r\n" : *found;
}

void scripted_server::say(const std::string& bytes) {
  for (const auto& each : clients_)
    each->send(bytes);
}

void scripted_server::drop() {
  for (const auto& each : std::exchange(clients_, {}))
    each->close();
}

void scripted_server::leave() {
  error_code ignored;
  acceptor_.close(ignored);
  drop();
}

std::size_t scripted_server::count(const std::string& words) const {
  return static_cast<std::size_t>(std::count_if(
      heard_.begin(), heard_.end(),
      [&](const auto& command) { return command.starts_with(words); }));
}

}  // namespace status2::support
