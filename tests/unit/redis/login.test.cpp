#include "redis/login.hpp"

#include "redis/command.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace status2::redis;

namespace {

using verdict = login::verdict;

redis_url with(const std::string& text) {
  return *parse_url(text);
}

/// The last verdict on answers as Redis writes them.
verdict after(login& under_test, const std::string& answers) {
  reply_reader reader;
  reply_batch batch;
  reader.feed(answers, batch);
  auto last = verdict::more;
  for (const auto& reply : batch.replies)
    last = under_test.answer(batch, reply);
  return last;
}

const std::string ok = "+OK\r\n";
const std::string pong = "+PONG\r\n";

}  // namespace

CAF_TEST(all_commands_go_out_at_once_and_a_ping_is_the_last) {
  const login one(with("redis://bob:pw@h/2"), server_role::master, "me");
  CAF_CHECK_EQUAL(one.commands(),
                  encode_command({"AUTH", "bob", "pw"}) +
                      encode_command({"SELECT", "2"}) +
                      encode_command({"CLIENT", "SETNAME", "me"}) +
                      encode_command({"ROLE"}) + encode_command({"PING"}));
  const login bare(with("redis://h/0"), server_role::any, "");
  CAF_CHECK_EQUAL(bare.commands(), encode_command({"PING"}));
}

CAF_TEST(a_login_is_done_with_the_answer_to_its_last_command) {
  login one(with("redis://:pw@h/2"), server_role::any, "me");
  CAF_CHECK(after(one, ok + ok + ok) == verdict::more);
  CAF_CHECK(after(one, pong) == verdict::done);
  CAF_CHECK(one.warnings.empty());
}

CAF_TEST(a_refused_password_ends_the_login_and_is_not_repeated) {
  login wrong(with("redis://:s3cret@h/0"), server_role::any, "");
  CAF_CHECK(after(wrong, "-WRONGPASS invalid\r\n") == verdict::refused);
  CAF_CHECK_EQUAL(wrong.error(), "WRONGPASS invalid");
  // A Redis whose AUTH is renamed repeats what it was sent.
  login renamed(with("redis://:s3cret@h/0"), server_role::any, "");
  after(renamed,
        "-ERR unknown command 'AUTH', with args beginning with: 's3cr\r\n");
  CAF_CHECK_EQUAL(renamed.error(), "ERR unknown command AUTH");
  login proxy(with("redis://:s3cret@h/0"), server_role::any, "");
  after(proxy, "-ERR no s3cret, s3cret here\r\n");
  CAF_CHECK_EQUAL(proxy.error(), "an error that repeats the password");
}

CAF_TEST(commands_that_messages_do_not_need_may_be_refused) {
  for (const std::string error :
       {"-NOPERM no\r\n", "-BUSY script\r\n", "-MISCONF disk\r\n",
        "-MASTERDOWN link\r\n", "-LOADING data\r\n",
        "-ERR SELECT is not allowed in cluster mode\r\n"}) {
    login one(with("redis://h/2"), server_role::any, "me");
    CAF_CHECK(after(one, error + error + error) == verdict::done);
    CAF_CHECK_EQUAL(one.warnings.size(), 1u);  // of SELECT
    CAF_CHECK(one.warnings[0].starts_with("SELECT: "));
  }
}

CAF_TEST(a_server_that_asks_for_a_password_refuses_a_login_without) {
  login one(with("redis://h/0"), server_role::any, "");
  CAF_CHECK(after(one, "-NOAUTH Authentication required.\r\n") ==
            verdict::refused);
}

CAF_TEST(a_server_without_the_role_is_unfit) {
  const std::string master = "*3\r\n$6\r\nmaster\r\n:5\r\n*0\r\n";
  const std::string replica =
      "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:5\r\n";
  login fit(with("redis://h/0"), server_role::master, "");
  CAF_CHECK(after(fit, master + pong) == verdict::done);
  login unfit(with("redis://h/0"), server_role::master, "");
  CAF_CHECK(after(unfit, replica) == verdict::unfit);
  CAF_CHECK_EQUAL(unfit.error(), "not a master but a slave");
}

CAF_TEST(a_cluster_node_must_see_the_majority) {
  const auto info = [](const std::string& state) {
    const auto text = "cluster_state:" + state +
                      "\r\ncluster_slots_assigned:16384\r\n"
                      "cluster_slots_pfail:" +
                      (state == "ok" ? "0" : "9") + "\r\n";
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
  };
  login fit(with("redis://h/0"), server_role::cluster_node, "");
  CAF_CHECK(after(fit, info("ok") + pong) == verdict::done);
  login unfit(with("redis://h/0"), server_role::cluster_node, "");
  CAF_CHECK(after(unfit, info("fail")) == verdict::unfit);
}

CAF_TEST(a_role_that_may_not_be_asked_for_is_a_warning) {
  login one(with("redis://h/0"), server_role::master, "");
  CAF_CHECK(after(one, "-NOPERM no\r\n" + pong) == verdict::done);
  CAF_CHECK_EQUAL(one.warnings.size(), 1u);
}
