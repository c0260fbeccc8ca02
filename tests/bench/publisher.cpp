#include "tests/bench/publisher.hpp"

#include "tests/bench/payload.hpp"
#include "tests/bench/sockets.hpp"

#include <array>
#include <cerrno>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace status2::bench {

publisher::publisher(event_loop& loop, publisher_settings settings,
                     std::vector<std::string> channels)
    : loop_(loop),
      settings_(std::move(settings)),
      channels_(std::move(channels)),
      published_(channels_.size()),
      fd_(connect_loopback(settings_.port)) {
  loop_.add(fd_, EPOLLIN | EPOLLOUT, *this);
}

publisher::~publisher() {
  ::close(fd_);
}

void publisher::probe(std::size_t channel) {
  append(channel, probe_payload);
}

void publisher::publish(std::size_t channel) {
  payload_.clear();
  append_payload(payload_, {now_ns(), published_[channel]++},
                 settings_.payload_size);
  append(channel, payload_);
}

void publisher::stop_answers() {
  if (settings_.http_target.empty()) out_ += "CLIENT REPLY OFF\r\n";
}

void publisher::append(std::size_t channel, std::string_view payload) {
  const std::string& name = channels_[channel];
  if (settings_.http_target.empty()) {
    out_ += "*3\r\n$7\r\nPUBLISH\r\n$" + std::to_string(name.size()) + "\r\n" +
            name + "\r\n$" + std::to_string(payload.size()) + "\r\n";
    out_ += payload;
    out_ += "\r\n";
    return;
  }
  const std::string body =
      R"({"type":"status","data":")" + std::string(payload) + R"("})";
  out_ += "POST " + settings_.http_target + name +
          " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " +
          std::to_string(body.size()) + "\r\n\r\n" + body;
}

void publisher::flush() {
  if (out_.empty() || !connected_) return;
  const ssize_t sent = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
  if (sent > 0)
    out_.erase(0, static_cast<std::size_t>(sent));
  else if (errno != EAGAIN)
    throw std::system_error(errno, std::generic_category(), "publisher");
  const bool watch = !out_.empty();
  if (watch != watching_writes_)
    loop_.modify(fd_, watch ? EPOLLIN | EPOLLOUT : EPOLLIN, *this);
  watching_writes_ = watch;
}

void publisher::on_io(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    connected_ = true;
    if (out_.empty()) {
      loop_.modify(fd_, EPOLLIN, *this);
      watching_writes_ = false;
    }
    flush();
  }
  if ((events & ~EPOLLOUT) != 0) read_answers();
}

// Answers are counted by nobody; of Redis's one-line answers only an error
// matters.
void publisher::read_answers() {
  std::array<char, 16384> buffer;
  const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) throw std::runtime_error("publisher: connection lost");
  if (!settings_.http_target.empty()) return;
  const std::string_view answers(buffer.data(), static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (at_line_start_ && answers[i] == '-')
      throw std::runtime_error("publisher: Redis says " +
                               std::string(answers.substr(i, 80)));
    at_line_start_ = answers[i] == '\n';
  }
}

}  // namespace status2::bench
