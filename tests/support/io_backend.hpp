/// How the brokers and loops of the tests send: as STATUS2_TEST_BACKEND says,
/// which `./dev test --backend=` sets; else as they find best.
#pragma once

#include "transport/frame_sender.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace status2::support {

/// Errors: throws where the variable holds no backend.
inline transport::io_backend io_backend() {
  using enum transport::io_backend;
  const char* text = std::getenv("STATUS2_TEST_BACKEND");
  if (text == nullptr) return automatic;
  for (const auto backend : {automatic, epoll, io_uring})
    if (name_of(backend) == text) return backend;
  throw std::runtime_error(std::string("STATUS2_TEST_BACKEND=") + text);
}

}  // namespace status2::support
