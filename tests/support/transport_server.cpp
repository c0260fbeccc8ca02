#include "tests/support/transport_server.hpp"

#include "tests/support/eventually.hpp"
#include "tests/support/tcp_client.hpp"
#include "transport/encoder.hpp"

#include <boost/asio/post.hpp>

#include <future>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <new>
#include <optional>
#include <stdexcept>
#include <sys/socket.h>
#include <utility>

namespace status2::support {

using namespace transport;

class transport_server::events final : public listener_events {
 public:
  explicit events(transport_server& server) : server_(server) {}

  void on_page(const page_request& request, answer_function answer) override {
    const auto page = request.page;
    if (page == resource::health)
      answer({.content_type = "text/plain", .body = "OK"});
    else if (page == resource::ready)
      answer({503, "application/json", R"({"redis":"down"})"});
    else
      answer(reply_of(refusal::not_found));
  }
  void on_upgrade(upgrade_request&& request) override {
    int on = 0;
    socklen_t size = sizeof on;
    ::getsockopt(request.stream.fd(), IPPROTO_TCP, TCP_NODELAY, &on, &size);
    {
      const std::lock_guard lock(server_.mutex_);
      ++server_.record_.sessions;
      server_.record_.channels.push_back(request.channel);
      server_.record_.remotes.push_back(request.remote);
      server_.record_.no_delay = server_.record_.no_delay && on != 0;
    }
    boost::asio::post(
        server_.session_loop_.context(),
        [&server = server_,
         moved = std::make_shared<upgrade_request>(std::move(request))] {
          server.serve(std::move(*moved));
        });
  }
  std::optional<http_reply> on_command_head(
      const command_request& request) override {
    if (request.authorization != "Bearer wrong") return std::nullopt;
    return http_reply{.status = 401, .body = "wrong token"};
  }
  void on_command(command_request&& request, answer_function answer) override {
    http_reply reply{.status = 200,
                     .body = request.path + " " + request.authorization + " " +
                             request.body};
    // As the supervisor does: on another thread, which forgets the answer when
    // its connection may be over, here with the next command.
    boost::asio::post(
        server_.session_loop_.context(),
        [&server = server_, answer = std::move(answer), reply]() mutable {
          answer(std::move(reply));
          server.last_answer_ = std::move(answer);
        });
  }
  admission_result on_admission(const address& who) override {
    return server_.admission_.enter(who);
  }
  void on_refused(const refused_request& request) override {
    const std::lock_guard lock(server_.mutex_);
    server_.record_.refusals.push_back(
        {request.why, std::string(request.remote), std::string(request.origin),
         std::string(request.path), std::string(request.detail)});
  }
  void on_tls_failed(std::string_view, std::string_view problem) override {
    const std::lock_guard lock(server_.mutex_);
    server_.record_.failed_handshakes.emplace_back(problem);
  }
  void on_accept_error(const boost::system::error_code& error) override {
    const std::lock_guard lock(server_.mutex_);
    server_.record_.accept_errors.push_back(error);
  }
  void on_request_failed(std::string_view) noexcept override {}

 private:
  transport_server& server_;
};

class transport_server::client final : public session_events {
 public:
  client(transport_server& server, std::size_t id) : server_(server), id_(id) {}

  void on_init() override {
    {
      const std::lock_guard lock(server_.mutex_);
      ++server_.record_.inits;
      if (server_.record_.inits_broken) throw std::logic_error("init broke");
    }
    server_.live_.at(id_)->send_ping();
  }
  void on_malformed(std::string_view text) override {
    const std::lock_guard lock(server_.mutex_);
    server_.record_.malformed.emplace_back(text);
  }
  void on_token_refused(token_fault why) override {
    const std::lock_guard lock(server_.mutex_);
    server_.record_.tokens_refused.push_back(why);
  }
  void on_emptied() override {}
  void on_closed(const close_report& report) override {
    {
      const std::lock_guard lock(server_.mutex_);
      if (server_.record_.reports_broken > 0) {
        --server_.record_.reports_broken;
        throw std::bad_alloc();
      }
    }
    server_.live_.erase(id_);
    const std::lock_guard lock(server_.mutex_);
    server_.record_.reports.push_back(report);
    --server_.record_.sessions;
  }

 private:
  transport_server& server_;
  const std::size_t id_;
};

transport_server::transport_server(transport_options options)
    : options_(std::move(options)),
      admission_(options_.admission),
      listener_(std::make_shared<listener>(listener_loop_, options_.listener,
                                           std::make_unique<events>(*this))) {
  if (options_.inbound_bytes != 0)
    for (auto* loop : {&listener_loop_, &session_loop_})
      loop->inbound().share(
          std::make_shared<inbound_budget>(options_.inbound_bytes, 1));
  auto addresses = options_.more_addresses;
  addresses.push_back(options_.address);
  for (const auto& address : addresses)
    if (const auto error = listener_->open(address))
      throw std::runtime_error(address + ": " + error.message());
  listener_->start();
  listener_thread_ = std::thread([this] { listener_loop_.run(); });
  session_thread_ = std::thread([this] { session_loop_.run(); });
}

transport_server::~transport_server() {
  stop_listening();
  drop_all();
  listener_loop_.stop();
  session_loop_.stop();
  listener_thread_.join();
  session_thread_.join();
}

void transport_server::run_on(io_loop& loop,
                              const std::function<void()>& action) {
  std::promise<void> done;
  boost::asio::post(loop.context(), [&] {
    action();
    done.set_value();
  });
  done.get_future().wait();
}

void transport_server::serve(upgrade_request&& request) {
  const auto id = ++last_id_;
  kinds_[id] = request.options.kind();
  auto& session = live_[id];
  session = std::make_unique<client_session>(
      session_loop_, std::move(request), options_.session,
      std::make_unique<client>(*this, id));
  session->start();
}

void transport_server::on_sessions(const std::function<void()>& action) {
  run_on(session_loop_, action);
}

void transport_server::on_listener(const std::function<void()>& action) {
  run_on(listener_loop_, action);
}

void transport_server::deliver(const std::vector<frame_ptr>& blocks) {
  on_sessions([&] {
    for (const auto& block : blocks)
      for (const auto& [id, session] : live_)
        session->sink().deliver(*block);
    session_loop_.sender().flush();
  });
}

void transport_server::enqueue(const std::vector<frame_ptr>& blocks) {
  on_sessions([&] {
    for (const auto& block : blocks)
      for (const auto& [id, session] : live_)
        session->sink().enqueue(*block);
  });
}

std::chrono::nanoseconds transport_server::session_time() {
  timespec time{};
  on_sessions([&] { ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time); });
  return std::chrono::seconds{time.tv_sec} +
         std::chrono::nanoseconds{time.tv_nsec};
}

std::size_t transport_server::holders() {
  std::size_t count = 0;
  on_sessions([&] { count = session_loop_.holders().size(); });
  return count;
}

void transport_server::publish(std::string_view payload) {
  deliver(status_block(payload));
}

void transport_server::publish_encoded(std::string_view payload) {
  on_sessions([&] {
    ++last_number_;
    for (const auto kind : encodings) {
      const auto block = std::make_shared<frame_block>();
      block->kind = kind;
      append_message(*block, {"abc-1", last_number_}, payload);
      for (const auto& [id, session] : live_)
        if (kinds_[id] == kind) session->sink().deliver(*block);
      session_loop_.sender().flush();
    }
  });
}

void transport_server::close_all(close_reason reason) {
  on_sessions([&] {
    for (const auto& [id, session] : live_)
      session->close(reason);
  });
}

void transport_server::break_inits() {
  const std::lock_guard lock(mutex_);
  record_.inits_broken = true;
}

void transport_server::break_reports(std::size_t count) {
  const std::lock_guard lock(mutex_);
  record_.reports_broken = count;
}

void transport_server::drop_all() {
  on_sessions([&] { live_.clear(); });
}

void transport_server::stop_listening() {
  run_on(listener_loop_, [&] { listener_->stop(); });
}

std::size_t transport_server::sessions() const {
  return recorded(&record::sessions);
}

std::size_t transport_server::inits() const {
  return recorded(&record::inits);
}

std::vector<transport::token_fault> transport_server::tokens_refused() const {
  return recorded(&record::tokens_refused);
}

std::vector<std::string> transport_server::malformed() const {
  return recorded(&record::malformed);
}

std::vector<close_report> transport_server::reports() const {
  return recorded(&record::reports);
}

std::vector<channel_name> transport_server::channels() const {
  return recorded(&record::channels);
}

std::vector<std::string> transport_server::remotes() const {
  return recorded(&record::remotes);
}

void transport_server::certify(
    std::shared_ptr<const transport::tls_context> tls) {
  on_listener([&] { listener_->certify(std::move(tls)); });
}

void transport_server::trust(proxy_set proxies) {
  run_on(listener_loop_, [&] { listener_->trust(std::move(proxies)); });
}

std::vector<std::string> transport_server::failed_handshakes() const {
  return recorded(&record::failed_handshakes);
}

std::vector<boost::system::error_code> transport_server::accept_errors() const {
  return recorded(&record::accept_errors);
}

std::vector<transport_server::refusal_record> transport_server::refusals()
    const {
  return recorded(&record::refusals);
}

bool transport_server::no_delay() const {
  return recorded(&record::no_delay);
}

close_report transport_server::closed() const {
  if (!eventually(patience, [&] { return !reports().empty(); }))
    throw std::runtime_error("no session was closed");
  return reports().front();
}

const io_counters& transport_server::session_counters() const {
  return const_cast<io_loop&>(session_loop_).counters();
}

const io_counters& transport_server::listener_counters() const {
  return const_cast<io_loop&>(listener_loop_).counters();
}

frame_ptr status_block(std::string_view payload) {
  auto block = std::make_shared<frame_block>();
  append_status_frame(block->bytes, payload);
  block->messages = 1;
  return block;
}

}  // namespace status2::support
