#include "tests/support/temporary_directory.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace status2::support {

temporary_directory::temporary_directory()
    : path_(std::filesystem::temp_directory_path().string() + "/status2-" +
            std::string(6, 'X')) {
  if (::mkdtemp(path_.data()) == nullptr)
    throw std::runtime_error("no temporary directory");
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string temporary_directory::write(const std::string& name,
                                       const std::string& text) const {
  auto file = path_ + "/" + name;
  std::ofstream(file, std::ios::binary) << text;
  return file;
}

}  // namespace status2::support
