// Sockets that listen: files of Unix sockets, and whose they are.
#include "transport/listening_socket.hpp"

#include "tests/support/tcp_client.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/error.hpp>
#include <caf/test/unit_test.hpp>

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <vector>

using namespace status2::transport;
using status2::support::tcp_client;
namespace errc = boost::system::errc;
namespace fs = std::filesystem;

namespace {

struct fixture {
  bool connects() const {
    try {
      const tcp_client client(path);
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  }
  /// As a process leaves it that was killed.
  void leave_stale_file() const {
    const unique_fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    CAF_REQUIRE_EQUAL(
        ::bind(fd.value(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  }
  mode_t mode() const {
    struct stat file {};
    ::stat(path.c_str(), &file);
    return file.st_mode & 07777U;
  }

  status2::support::temporary_directory folder;
  const std::string path = folder.path() + "/status2.sock";
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(listening_socket_tests, fixture)

CAF_TEST(a_unix_socket_takes_connections_and_its_file_goes_with_it) {
  {
    listening_socket socket;
    CAF_CHECK(!socket.open(path));
    CAF_CHECK(connects());
    CAF_CHECK_EQUAL(socket.port(), 0u);
    CAF_CHECK_EQUAL(socket.path(), path);
    std::vector<listening_socket> kept;
    kept.push_back(std::move(socket));
    CAF_CHECK(connects());
  }
  CAF_CHECK(!fs::exists(path));
}

CAF_TEST(owner_and_group_may_connect_whatever_the_umask) {
  for (const mode_t mask : {0000U, 0022U, 0077U, 0777U}) {
    const auto before = ::umask(mask);
    listening_socket socket;
    CAF_CHECK(!socket.open(path));
    ::umask(before);
    CAF_CHECK_EQUAL(mode(), 0660u);
  }
}

CAF_TEST(the_file_of_a_process_that_is_gone_is_replaced) {
  leave_stale_file();
  CAF_REQUIRE(fs::exists(path));
  CAF_REQUIRE(!connects());
  listening_socket socket;
  CAF_CHECK(!socket.open(path));
  CAF_CHECK(connects());
}

CAF_TEST(where_a_process_listens_nothing_is_changed) {
  listening_socket first;
  CAF_REQUIRE(!first.open(path));
  listening_socket second;
  CAF_CHECK(second.open(path) == errc::address_in_use);
  CAF_CHECK(connects());
  // A process that takes no connections lives all the same: the connection from
  // above is still there, and fills the shorter backlog.
  CAF_REQUIRE_EQUAL(::listen(first.value(), 0), 0);
  CAF_CHECK(second.open(path) == errc::address_in_use);
  CAF_CHECK(fs::exists(path));
}

CAF_TEST(a_file_that_is_no_socket_is_not_touched) {
  std::ofstream(path) << "mine";
  listening_socket socket;
  CAF_CHECK(socket.open(path) == errc::file_exists);
  std::string text;
  std::ifstream(path) >> text;
  CAF_CHECK_EQUAL(text, "mine");
  fs::remove(path);
  fs::create_directory(path);
  CAF_CHECK(socket.open(path) == errc::file_exists);
  CAF_CHECK(fs::is_directory(path));
}

CAF_TEST(the_file_of_a_successor_stays) {
  listening_socket socket;
  CAF_REQUIRE(!socket.open(path));
  fs::remove(path);
  listening_socket successor;
  CAF_REQUIRE(!successor.open(path));
  socket = listening_socket();
  CAF_CHECK(connects());
}

CAF_TEST(of_two_that_start_at_the_same_time_one_gives_way) {
  leave_stale_file();
  const unique_fd other(
      ::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CAF_REQUIRE_EQUAL(::flock(other.value(), LOCK_EX | LOCK_NB), 0);
  listening_socket socket;
  CAF_CHECK(socket.open(path) == errc::address_in_use);
  ::flock(other.value(), LOCK_UN);
  CAF_CHECK(!socket.open(path));
}

CAF_TEST(a_folder_that_is_not_there_is_an_error) {
  listening_socket socket;
  CAF_CHECK(socket.open(folder.path() + "/none/status2.sock") ==
            errc::no_such_file_or_directory);
}

CAF_TEST(an_item_of_the_list_opens_what_it_stands_for) {
  std::vector<listening_socket> opened;
  CAF_CHECK(!open_all("unix:" + path, opened));
  CAF_CHECK_EQUAL(opened.size(), 1u);
  CAF_CHECK(connects());
  CAF_CHECK(open_all("nonsense", opened) == errc::invalid_argument);
  CAF_CHECK(opened.empty());
  CAF_CHECK(!open_all("127.0.0.1:0", opened));
  CAF_CHECK(opened.front().port() != 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
