// The program: a command line, and the broker behind it.
#include "service/cli.hpp"
#include "service/exit_codes.hpp"
#include "service/serve.hpp"
#include "service/standard_descriptors.hpp"

#include <exception>
#include <iostream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  try {
    status2::service::open_standard_descriptors();
    return status2::service::run_command(
        std::vector<std::string>(argv + 1, argv + argc),
        status2::service::serve);
  } catch (const std::exception& error) {
    std::cerr << "status2: " << error.what() << std::endl;
    return status2::service::exit_failed;
  }
}
