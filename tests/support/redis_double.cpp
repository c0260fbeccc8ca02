#include "tests/support/redis_double.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <future>
#include <optional>
#include <utility>

namespace status2::support {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct redis_double::client {
  explicit client(tcp::socket s) : socket(std::move(s)) {}
  tcp::socket socket;
  std::array<char, 65536> buffer;
  std::string input;
  std::set<std::string> channels;
  bool stalled = false;
};

namespace {

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) +
         "\r\n";
}

std::string acknowledgement(const std::string& of, const std::string& channel,
                            std::size_t count) {
  return "*3\r\n" + bulk(of) + bulk(channel) + ":" + std::to_string(count) +
         "\r\n";
}

/// The number after the first byte of the line at `at`, which moves past it.
std::optional<std::size_t> number(const std::string& input, std::size_t& at) {
  auto end = input.find("\r\n", at);
  if (end == std::string::npos) return std::nullopt;
  auto value = std::stoul(input.substr(at + 1, end - at - 1));
  at = end + 2;
  return value;
}

/// Takes one whole command off the front of `input`, if there is one.
std::vector<std::string> take_command(std::string& input) {
  std::size_t at = 0;
  std::vector<std::string> words;
  auto count = number(input, at);
  if (!count) return {};
  for (std::size_t i = 0; i < *count; ++i) {
    auto size = number(input, at);
    if (!size || input.size() < at + *size + 2) return {};
    words.push_back(input.substr(at, *size));
    at += *size + 2;
  }
  input.erase(0, at);
  return words;
}

}  // namespace

redis_double::redis_double(unsigned short port)
    : acceptor_(loop_, tcp::endpoint{asio::ip::address_v4::loopback(), port}),
      port_(acceptor_.local_endpoint().port()) {
  accept();
  thread_ = std::thread([this] {
    auto work = asio::make_work_guard(loop_);
    loop_.run();
  });
}

redis_double::~redis_double() {
  loop_.stop();
  thread_.join();
}

template <class F>
auto redis_double::ask(F f) const {
  std::packaged_task<decltype(f())()> task(std::move(f));
  auto result = task.get_future();
  asio::post(loop_, [&task] { task(); });
  return result.get();
}

void redis_double::accept() {
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    if (error) return;
    ++connections_;
    ++open_;
    auto made = std::make_shared<client>(std::move(socket));
    clients_.insert(made);
    read(made);
    accept();
  });
}

void redis_double::read(std::shared_ptr<client> from) {
  auto& socket = from->socket;
  socket.async_read_some(asio::buffer(from->buffer),
                         [this, from](error_code error, std::size_t size) {
                           if (error) {
                             if (clients_.erase(from) != 0) --open_;
                             return;
                           }
                           from->input.append(from->buffer.data(), size);
                           handle(*from);
                           read(from);
                         });
}

void redis_double::handle(client& from) {
  if (stalled_ || from.stalled) return;
  std::string out;
  for (auto words = take_command(from.input); !words.empty();
       words = take_command(from.input)) {
    ++counts_[words[0]];
    auto& kept = arguments_[words[0]];
    kept.insert(kept.end(), words.begin() + 1, words.end());
    out += answer(from, words);
  }
  error_code ignored;
  asio::write(from.socket, asio::buffer(out), ignored);
}

std::string redis_double::answer(client& from,
                                 const std::vector<std::string>& words) {
  const auto& name = words[0];
  if (name != "SUBSCRIBE" && name != "UNSUBSCRIBE") {
    if (!login_error_.empty()) return login_error_ + "\r\n";
    if (name != "PING") return "+OK\r\n";
    return from.channels.empty() ? "+PONG\r\n"
                                 : "*2\r\n$4\r\npong\r\n$0\r\n\r\n";
  }
  for (const auto& word : words)
    if (name == "SUBSCRIBE" && word == forbidden_)
      return "-NOPERM no permission for this channel\r\n";
  std::string out;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (name == "SUBSCRIBE")
      from.channels.insert(words[i]);
    else
      from.channels.erase(words[i]);
    if (name == "SUBSCRIBE" && words[i] == late_) continue;
    out += acknowledgement(name == "SUBSCRIBE" ? "subscribe" : "unsubscribe",
                           words[i], from.channels.size());
  }
  return out;
}

std::size_t redis_double::publish(const std::string& channel,
                                  const std::string& payload) {
  return ask([&] {
    std::size_t reached = 0;
    for (const auto& one : clients_) {
      if (one->stalled || !one->channels.contains(channel)) continue;
      error_code ignored;
      const auto first =
          channel == late_ ? acknowledgement("subscribe", channel, 1) : "";
      asio::write(one->socket,
                  asio::buffer(first + "*3\r\n" + bulk("message") +
                               bulk(channel) + bulk(payload)),
                  ignored);
      ++reached;
    }
    if (channel == late_) late_.clear();
    return reached;
  });
}

void redis_double::say(const std::string& bytes) {
  ask([&] {
    error_code ignored;
    for (const auto& one : clients_)
      asio::write(one->socket, asio::buffer(bytes), ignored);
    return true;
  });
}

void redis_double::drop() {
  ask([&] {
    error_code ignored;
    for (const auto& one : clients_)
      one->socket.close(ignored);
    return true;
  });
}

void redis_double::stall(bool value) {
  ask([&] {
    stalled_ = value;
    for (const auto& one : clients_)
      handle(*one);
    return true;
  });
}

void redis_double::stall_connected() {
  ask([&] {
    for (const auto& one : clients_)
      one->stalled = true;
    return true;
  });
}

void redis_double::refuse_login(const std::string& error) {
  ask([&] {
    login_error_ = error;
    return true;
  });
}

void redis_double::forbid(const std::string& channel) {
  ask([&] {
    forbidden_ = channel;
    return true;
  });
}

void redis_double::answer_late(const std::string& channel) {
  ask([&] {
    late_ = channel;
    return true;
  });
}

std::size_t redis_double::commands(const std::string& name) const {
  return ask([&] {
    auto i = counts_.find(name);
    return i == counts_.end() ? std::size_t{0} : i->second;
  });
}

std::vector<std::string> redis_double::arguments(
    const std::string& name) const {
  return ask([&] {
    auto i = arguments_.find(name);
    return i == arguments_.end() ? std::vector<std::string>{} : i->second;
  });
}

std::size_t redis_double::subscribers(const std::string& channel) const {
  return ask([&] {
    std::size_t count = 0;
    for (const auto& one : clients_)
      count += one->channels.contains(channel);
    return count;
  });
}

}  // namespace status2::support
