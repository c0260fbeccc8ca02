// TLS towards Redis: whom the broker trusts, and what it shows of itself.
#include "tests/support/authority.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/stage.hpp"

#include <caf/test/unit_test.hpp>

#include <chrono>
#include <string>

using namespace status2::support;
using namespace std::chrono_literals;

namespace {

/// A Redis that shows the certificate `server` of an authority.
struct tls_stage {
  explicit tls_stage(const std::string& common_name = "localhost",
                     const std::string& alternative = "DNS:localhost",
                     const std::string& days = "2") {
    trusted.sign("server", common_name, alternative, days);
    redis.config_set("tls-cert-file", trusted.file("server.pem"));
    redis.config_set("tls-key-file", trusted.file("server.key"));
    redis.config_set("tls-ca-cert-file", trusted.certificate());
    redis.config_set("tls-auth-clients", "no");
    redis.config_set("tls-port", std::to_string(port));
  }

  environment variables(environment more = {}) const {
    more.try_emplace("STATUS_REDIS_URL",
                     "rediss://localhost:" + std::to_string(port));
    more.try_emplace("STATUS_REDIS_CA_FILE", trusted.certificate());
    return more;
  }
  void check_served(environment more = {}) {
    broker_process broker(redis, {.variables = variables(std::move(more))});
    auto viewer = broker.view("run:tls");
    CAF_REQUIRE(viewer.live());
    redis.publish("run:tls", "encrypted");
    CAF_CHECK_EQUAL(viewer.next_message(), status_text("encrypted"));
  }
  /// The broker says `reason` in its log and goes on trying.
  void check_refused(const std::string& reason, environment more = {}) {
    broker_process broker(redis, {.variables = variables(std::move(more))});
    CAF_REQUIRE(broker.logs("redis subscribe failed", 2));
    const auto error =
        text_of(broker.logged("redis subscribe failed").back(), "error");
    CAF_MESSAGE(error);
    CAF_CHECK(error.find(reason) != std::string::npos);
  }

  redis_server redis;
  const std::uint16_t port = free_port();
  authority trusted{"status2 test"};
};

}  // namespace

CAF_TEST(a_server_of_a_trusted_authority_is_used_by_name_and_by_address) {
  tls_stage s("localhost", "DNS:localhost,IP:127.0.0.1");
  s.check_served();
  s.check_served(
      {{"STATUS_REDIS_URL", "rediss://127.0.0.1:" + std::to_string(s.port)}});
}

CAF_TEST(an_authority_that_is_not_trusted_is_named_as_the_reason) {
  tls_stage s;
  const authority other("another authority");
  s.check_refused("certificate: self-signed certificate in certificate chain",
                  {{"STATUS_REDIS_CA_FILE", other.certificate()}});
}

CAF_TEST(a_certificate_for_another_name_is_named_as_the_reason) {
  tls_stage s("localhost", "DNS:redis.example");
  s.check_refused("certificate: hostname mismatch");
}

CAF_TEST(the_common_name_alone_is_no_name) {
  tls_stage s("localhost", "");
  s.check_refused("certificate: hostname mismatch");
}

CAF_TEST(an_expired_certificate_is_named_as_the_reason) {
  tls_stage s("localhost", "DNS:localhost", "-1");
  s.check_refused("certificate: certificate has expired");
}

CAF_TEST(a_server_that_asks_for_a_certificate_gets_one) {
  tls_stage s;
  s.redis.config_set("tls-auth-clients", "yes");
  s.check_refused("certificate required");
  s.trusted.sign("client", "status2", "");
  s.check_served({{"STATUS_REDIS_CERT_FILE", s.trusted.file("client.pem")},
                  {"STATUS_REDIS_KEY_FILE", s.trusted.file("client.key")}});
}

CAF_TEST(a_server_that_speaks_an_older_tls_is_refused) {
  tls_stage s;
  s.redis.config_set("tls-protocols", "TLSv1.1");
  s.check_refused("TLS: ");
  s.redis.config_set("tls-protocols", "TLSv1.2");
  s.check_served();
}

CAF_TEST(a_port_without_tls_is_refused_as_one) {
  tls_stage s;
  s.check_refused("TLS: ",
                  {{"STATUS_REDIS_URL",
                    "rediss://localhost:" + std::to_string(s.redis.port())}});
}
