#include "tests/support/fault_gate.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <deque>
#include <future>
#include <string>
#include <utility>

namespace status2::support {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// A client's connection and the one to the server behind it. Thread: the
/// gate's. Held by its own handlers and by the gate.
class fault_gate::pair : public std::enable_shared_from_this<pair> {
 public:
  pair(fault_gate& gate, tcp::socket client)
      : gate_(gate),
        pipes_{pipe{std::move(client), gate.loop_},
               pipe{tcp::socket{gate.loop_}, gate.loop_}} {
    error_code ignored;
    client_ = from(direction::to_server).remote_endpoint(ignored).address();
  }

  const asio::ip::address& client() const { return client_; }

  void start() {
    const tcp::endpoint server{asio::ip::address_v4::loopback(), gate_.server_};
    auto& socket = from(direction::to_client);
    socket.async_connect(server, [self = shared_from_this()](error_code e) {
      if (e) return self->close();
      error_code ignored;
      for (auto& pipe : self->pipes_)
        pipe.source.set_option(tcp::no_delay{true}, ignored);
      self->read(direction::to_server);
      self->read(direction::to_client);
    });
  }

  /// The rule of `where` has changed.
  void go_on(direction where) { write(where); }

  void close() {
    error_code ignored;
    for (auto& pipe : pipes_) {
      pipe.source.close(ignored);
      pipe.timer.cancel();
    }
    if (gate_.pairs_.erase(shared_from_this()) != 0) --gate_.open_;
  }

  void strand() { stranded_ = true; }

  void reset() {
    error_code ignored;
    for (auto& pipe : pipes_)
      pipe.source.set_option(asio::socket_base::linger{true, 0}, ignored);
    close();
  }

 private:
  using clock = std::chrono::steady_clock;
  struct piece {
    std::string bytes;
    clock::time_point due;
  };
  /// What flows one way. `source` is also where the other way ends.
  struct pipe {
    pipe(tcp::socket s, asio::io_context& loop)
        : source(std::move(s)), timer(loop) {}
    tcp::socket source;
    asio::steady_timer timer;
    std::array<char, 65536> buffer{};
    std::deque<piece> held;
    bool ended = false;    ///< the source has no more
    bool writing = false;  ///< or waiting for what is held to be due
  };

  static direction opposite(direction where) {
    return where == direction::to_server ? direction::to_client
                                         : direction::to_server;
  }
  pipe& at(direction where) { return pipes_[static_cast<std::size_t>(where)]; }
  tcp::socket& from(direction where) { return at(where).source; }
  tcp::socket& to(direction where) { return at(opposite(where)).source; }
  const rule& rule_of(direction where) const {
    return gate_.rules_[static_cast<std::size_t>(where)];
  }

  void read(direction where) {
    from(where).async_read_some(
        asio::buffer(at(where).buffer),
        [self = shared_from_this(), where](error_code error, std::size_t n) {
          self->on_read(where, error, n);
        });
  }

  void on_read(direction where, error_code error, std::size_t size) {
    if (!from(where).is_open()) return;
    auto& pipe = at(where);
    const auto& now = rule_of(where);
    if (now.what == fault::drop || stranded_) {
      if (error)
        ++gate_.swallowed_;
      else
        read(where);
      return;
    }
    if (error && error != asio::error::eof) return reset();
    if (error) {
      pipe.ended = true;
    } else if (now.what == fault::close_on_data) {
      return close();
    } else {
      pipe.held.push_back(
          {{pipe.buffer.data(), size}, clock::now() + now.delay});
      read(where);
    }
    write(where);
  }

  void write(direction where) {
    auto& pipe = at(where);
    const auto& now = rule_of(where);
    if (pipe.writing || now.what == fault::stall) return;
    if (pipe.held.empty()) {
      if (pipe.ended) finish(where);
      return;
    }
    pipe.writing = true;
    auto& first = pipe.held.front();
    if (first.due > clock::now()) {
      pipe.timer.expires_at(first.due);
      pipe.timer.async_wait([self = shared_from_this(), where](error_code) {
        self->at(where).writing = false;
        if (self->from(where).is_open()) self->write(where);
      });
      return;
    }
    auto size = first.bytes.size();
    if (now.part != 0) size = std::min(size, now.part);
    asio::async_write(
        to(where), asio::buffer(first.bytes.data(), size),
        [self = shared_from_this(), where](error_code error, std::size_t n) {
          self->on_written(where, error, n);
        });
  }

  void on_written(direction where, error_code error, std::size_t size) {
    auto& pipe = at(where);
    pipe.writing = false;
    if (error) return close();
    auto& first = pipe.held.front();
    first.bytes.erase(0, size);
    // Apart in time, so that the other side reads each part by itself.
    first.due = clock::now() + std::chrono::milliseconds{1};
    if (first.bytes.empty()) pipe.held.pop_front();
    write(where);
  }

  /// The end of the stream goes through, behind all that was held.
  void finish(direction where) {
    error_code ignored;
    to(where).shutdown(tcp::socket::shutdown_send, ignored);
    if (at(opposite(where)).ended && at(opposite(where)).held.empty()) close();
  }

  fault_gate& gate_;
  std::array<pipe, 2> pipes_;  ///< by direction
  asio::ip::address client_;
  bool stranded_ = false;
};

fault_gate::fault_gate(std::uint16_t server) : server_(server) {
  listen();
  thread_ = std::thread([this] {
    auto work = asio::make_work_guard(loop_);
    loop_.run();
  });
}

fault_gate::~fault_gate() {
  loop_.stop();
  thread_.join();
}

void fault_gate::pass(direction where) {
  set(where, {});
}

void fault_gate::pass() {
  pass(direction::to_server);
  pass(direction::to_client);
}

void fault_gate::stall(direction where) {
  set(where, {.what = fault::stall});
}

void fault_gate::drop(direction where) {
  set(where, {.what = fault::drop});
}

void fault_gate::delay(direction where, std::chrono::milliseconds by) {
  set(where, {.what = fault::delay, .delay = by});
}

void fault_gate::small_parts(direction where, std::size_t bytes) {
  set(where, {.what = fault::small_parts, .part = bytes});
}

void fault_gate::close_on_data(direction where) {
  set(where, {.what = fault::close_on_data});
}

void fault_gate::strand() {
  ask([this] {
    for (const auto& one : pairs_)
      one->strand();
  });
}

void fault_gate::reset() {
  ask([this] {
    for (const auto& one : std::set(pairs_))
      one->reset();
  });
}

void fault_gate::refuse(bool value) {
  ask([&] {
    if (value)
      acceptor_.reset();
    else if (!acceptor_)
      listen();
  });
}

void fault_gate::refuse_from(const std::string& address, bool value) {
  ask([&] {
    const auto from = asio::ip::make_address(address);
    if (!value) {
      refused_.erase(from);
      return;
    }
    refused_.insert(from);
    for (const auto& one : std::set(pairs_))
      if (one->client() == from) one->reset();
  });
}

void fault_gate::set(direction where, rule value) {
  ask([&] {
    rules_[static_cast<std::size_t>(where)] = value;
    for (const auto& one : std::set(pairs_))
      one->go_on(where);
  });
}

void fault_gate::listen() {
  acceptor_.emplace(loop_,
                    tcp::endpoint{asio::ip::address_v4::loopback(), port_});
  port_ = acceptor_->local_endpoint().port();
  accept();
}

void fault_gate::accept() {
  acceptor_->async_accept([this](error_code error, tcp::socket socket) {
    if (error) return;
    ++accepted_;
    ++open_;
    auto made = std::make_shared<pair>(*this, std::move(socket));
    pairs_.insert(made);
    if (refused_.contains(made->client()))
      made->reset();
    else
      made->start();
    accept();
  });
}

template <class F>
void fault_gate::ask(F f) {
  std::packaged_task<void()> task(std::move(f));
  auto done = task.get_future();
  asio::post(loop_, [&task] { task(); });
  done.get();
}

}  // namespace status2::support
