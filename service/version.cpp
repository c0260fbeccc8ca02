#include "service/version.hpp"

namespace status2::service {

std::string_view version() {
  return STATUS2_VERSION;
}

std::string_view commit() {
  return STATUS2_COMMIT;
}

}  // namespace status2::service
