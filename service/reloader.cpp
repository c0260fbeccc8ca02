#include "service/reloader.hpp"

#include <boost/asio/post.hpp>

#include <exception>
#include <string>
#include <system_error>
#include <utility>

namespace status2::service {

reloader::~reloader() {
  if (thread_.joinable()) thread_.join();
}

void reloader::request() {
  again_ = reading_;
  if (!reading_) begin();
}

void reloader::begin() {
  try {
    thread_ = std::thread([this] {
      boost::asio::post(loop_, [this, done = read_or_fail()] { end(done); });
    });
    reading_ = true;
  } catch (const std::system_error& error) {
    failed_(error.what());
  }
}

reloader::swap reloader::read_or_fail() const {
  try {
    return read_();
  } catch (const std::exception& error) {
    return [this, text = std::string(error.what())] { failed_(text); };
  }
}

void reloader::end(const swap& done) {
  thread_.join();
  done();
  reading_ = false;
  if (std::exchange(again_, false)) begin();
}

}  // namespace status2::service
