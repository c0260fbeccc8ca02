#include "service/chaos.hpp"

#include "service/http_client.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <ostream>

namespace status2::service {

namespace {

namespace json = boost::json;

/// Adds what is chosen to `question`.
http_question question_of(const options& chosen, http_question question) {
  const auto& verb = chosen.arguments[0];
  if (verb == "tree") {
    question.target = "/chaos/actors";
    return question;
  }
  question.method = "POST";
  question.target = "/chaos/" + verb;
  question.body = json::serialize(
      verb == "kill" ? json::object{{"actor", chosen.arguments[1]}}
                     : json::object{{"fault", chosen.arguments[1]},
                                    {"ms", chosen.delay_ms},
                                    {"for", chosen.length}});
  return question;
}

}  // namespace

std::string chaos(const configuration& values, const options& chosen,
                  std::ostream& out) {
  constexpr std::chrono::seconds time_limit{30};
  constexpr unsigned ok = 200;
  if (values.chaos_token.empty())
    return "STATUS_CHAOS_TOKEN_FILE is needed, the same as the broker's";
  const bool shared = values.admin_addr.empty();
  auto question =
      question_of(chosen, shared ? question_to_own_port(values)
                                 : http_question{.host = own_host(values)});
  question.token = values.chaos_token;
  const auto& address =
      (shared ? values.listen_addr : values.admin_addr).front();
  const auto answer = ask(address, question, time_limit);
  if (!answer.error.empty()) return address + ": " + answer.error;
  if (answer.status != ok)
    return "the broker answered " + std::to_string(answer.status) + ": " +
           answer.body.substr(0, answer.body.find('\n'));
  out << answer.body << std::flush;
  return {};
}

}  // namespace status2::service
