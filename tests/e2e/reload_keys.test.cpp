// SIGHUP: certificates and keys of tokens are replaced under their clients.
#include "tests/support/authority.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/living.hpp"
#include "tests/support/tcp_client.hpp"
#include "tests/support/token_maker.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <filesystem>
#include <string>

using namespace status2::support;
using namespace std::chrono_literals;
using kind = signing_key::kind;

namespace {

/// Who signs, and a folder in which the broker finds its certificate.
struct certificates {
  certificates() {
    trusted.sign("old", "old.example", "");
    trusted.sign("new", "new.example", "");
    use("old");
  }
  void use(const std::string& name) const {
    for (const auto* end : {".pem", ".key"})
      std::filesystem::copy_file(
          trusted.file(name + end), trusted.file(std::string("used") + end),
          std::filesystem::copy_options::overwrite_existing);
  }
  std::string settings() const {
    return "STATUS_TLS_CERT_FILE=" + trusted.file("used.pem") +
           "\nSTATUS_TLS_KEY_FILE=" + trusted.file("used.key") + "\n";
  }
  authority trusted{"status2 test"};
};

tcp_client secured(std::uint16_t port) {
  tcp_client connection(port);
  connection.secure();
  return connection;
}

std::string bearer(const std::string& token) {
  return "Authorization: Bearer " + token + "\r\n";
}

std::string key_set(const std::string& keys) {
  return R"({"keys":[)" + keys + "]}";
}

}  // namespace

CAF_TEST(a_new_certificate_counts_for_new_clients_and_drops_nobody) {
  const certificates files;
  const auto port = free_port();
  const auto admin = free_port();
  living l(files.settings(),
           {{"STATUS_LISTEN_ADDR", "127.0.0.1:" + std::to_string(port)},
            {"STATUS_ADMIN_ADDR", "127.0.0.1:" + std::to_string(admin)}},
           {}, admin);
  viewer stays(secured(port), "run:tls");
  CAF_REQUIRE(stays.live());
  CAF_CHECK(secured(port).server_name() == "old.example");
  files.use("new");
  CAF_REQUIRE(l.reload(files.settings()));
  CAF_CHECK_EQUAL(l.last("configuration reloaded", "settings"),
                  "STATUS_TLS_CERT_FILE, STATUS_TLS_KEY_FILE");
  CAF_CHECK(eventually(
      patience, [&] { return secured(port).server_name() == "new.example"; }));
  // What is no certificate changes nothing, and says so.
  l.redis.publish("run:tls", "still here");
  CAF_CHECK_EQUAL(stays.next_message(), status_text("still here"));
  std::filesystem::copy_file(files.trusted.file("new.key"),
                             files.trusted.file("used.pem"),
                             std::filesystem::copy_options::overwrite_existing);
  CAF_REQUIRE(l.hang_up("configuration not accepted"));
  CAF_CHECK(l.last("configuration not accepted", "error")
                .find("STATUS_TLS_CERT_FILE") != std::string::npos);
  CAF_CHECK(secured(port).server_name() == "new.example");
  CAF_CHECK_EQUAL(l.broker->value("status2_config_last_reload_successful"), 0);
  // A port does not turn to plain HTTP while it is open.
  l.write("");
  CAF_REQUIRE(l.hang_up("restart needed"));
  CAF_CHECK(secured(port).server_name() == "new.example");
  l.redis.publish("run:tls", "and still");
  CAF_CHECK_EQUAL(stays.next_message(), status_text("and still"));
}

CAF_TEST(a_key_that_is_taken_away_closes_its_viewers_alone) {
  const temporary_directory folder;
  const signing_key first(kind::eddsa, "first");
  const signing_key second(kind::es256, "second");
  const auto both = key_set(first.jwk() + "," + second.jwk());
  const auto file = folder.write("keys", both);
  const auto settings = "STATUS_JWT_KEY_FILE=" + file + "\n";
  living l(settings);
  const auto revoked = first.token(claims(1h, {"run:*"}));
  const auto good = second.token(claims(1h, {"run:*"}));
  viewer leaves(l.broker->port(), "run:log", {bearer(revoked)});
  viewer stays(l.broker->port(), "run:log", {bearer(good)});
  CAF_REQUIRE(leaves.live());
  CAF_REQUIRE(stays.live());
  folder.write("keys", key_set(second.jwk()));
  CAF_REQUIRE(l.reload(settings));
  CAF_CHECK_EQUAL(l.last("configuration reloaded", "settings"),
                  "STATUS_JWT_KEY_FILE");
  CAF_CHECK_EQUAL(leaves.close_code(), 4401u);
  CAF_CHECK_EQUAL(l.ask(bearer(revoked), "/run:log"), 401u);
  CAF_CHECK_EQUAL(l.ask(bearer(good), "/run:log"), 101u);
  CAF_CHECK(stays.live());
  // A file without a key that can be used leaves the keys as they are.
  folder.write("keys", "nothing\n");
  CAF_REQUIRE(l.hang_up("configuration not accepted"));
  CAF_CHECK_EQUAL(l.ask(bearer(good), "/run:log"), 101u);
  // Who is connected without a token cannot be asked for one.
  l.write("");
  CAF_REQUIRE(l.hang_up("restart needed"));
  CAF_CHECK_EQUAL(l.ask("", "/run:log"), 401u);
  CAF_CHECK(stays.live());
}
