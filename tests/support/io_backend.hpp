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
  const char* text = std::getenv("STATUS2_TEST_BACKEND");
  if (text == nullptr) return transport::io_backend::automatic;
  if (const auto backend = transport::backend_named(text)) return *backend;
  throw std::runtime_error(std::string("STATUS2_TEST_BACKEND=") + text);
}

}  // namespace status2::support
