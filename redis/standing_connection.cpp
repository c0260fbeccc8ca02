#include "redis/standing_connection.hpp"

#include "redis/endpoint_sources.hpp"

namespace status2::redis {

namespace {

constexpr std::chrono::milliseconds retry_after{50};

}  // namespace

class standing_connection::events final : public connection_events {
 public:
  explicit events(standing_connection& owner) : owner_(owner) {}
  void on_open() override {
    owner_.is_open_ = true;
    owner_.opened();
  }
  void on_read(reply_batch&& batch) override { owner_.read(batch); }
  void on_unanswered(const std::string& error) override {
    owner_.error_ = error;
  }
  void on_closed(const std::string& error, failure_kind) override {
    owner_.on_closed(error);
  }

 private:
  standing_connection& owner_;
};

standing_connection::standing_connection(boost::asio::io_context& loop,
                                         connection_settings settings)
    : loop_(loop), settings_(std::move(settings)), retry_(loop) {
  if (!settings_.source)
    settings_.source = make_endpoint_source(
        loop, settings_.url, {settings_.tls, settings_.request_timeout});
}

standing_connection::~standing_connection() {
  if (connection_) connection_->close();
}

void standing_connection::open() {
  connection_ =
      open_connection(loop_, settings_, std::make_unique<events>(*this));
}

void standing_connection::on_closed(const std::string& error) {
  is_open_ = false;
  error_ = error;
  lost();
  retry_.expires_after(retry_after);
  retry_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) open();
  });
}

}  // namespace status2::redis
