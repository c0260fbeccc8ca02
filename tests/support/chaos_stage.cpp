#include "tests/support/chaos_stage.hpp"

#include "tests/support/eventually.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <fstream>
#include <stdexcept>
#include <utility>

namespace status2::support {

namespace json = boost::json;

const std::string chaos_stage::chaos_token = "let me in, please";

chaos_stage::chaos_stage(environment variables)
    : token_file(directory.path() + "/token"),
      broker(redis, {.variables = with_token(std::move(variables))}) {}

environment chaos_stage::with_token(environment variables) {
  std::ofstream(token_file) << chaos_token << '\n';
  variables.emplace("STATUS_CHAOS_TOKEN_FILE", token_file);
  return variables;
}

tcp_client chaos_stage::send(std::string_view method, std::string_view path,
                             const std::string& body,
                             const std::string& token) {
  tcp_client connection(broker.port());
  std::string text(method);
  text += " " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n";
  text += "Connection: close\r\n";
  if (!token.empty()) text += "Authorization: Bearer " + token + "\r\n";
  if (!body.empty())
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  connection.send(text + "\r\n" + body);
  return connection;
}

http_response chaos_stage::ask(std::string_view method, std::string_view path,
                               const std::string& body,
                               const std::string& token) {
  auto connection = send(method, path, body, token);
  return read_response(connection);
}

json::object chaos_stage::tree() {
  const auto answer = ask("GET", "/chaos/actors");
  if (answer.status != 200) throw std::runtime_error("no tree");
  return json::parse(answer.body).as_object();
}

std::vector<json::object> chaos_stage::actors(std::string_view prefix) {
  std::vector<json::object> found;
  const auto root = tree();
  for (const auto& child : root.at("children").as_array())
    if (text_of(child.as_object(), "actor").starts_with(prefix))
      found.push_back(child.as_object());
  return found;
}

unsigned chaos_stage::kill(std::string_view actor) {
  auto asked = ask_to_kill(actor);
  return read_response(asked).status;
}

tcp_client chaos_stage::ask_to_kill(std::string_view actor) {
  return send("POST", "/chaos/kill",
              json::serialize(json::object{{"actor", actor}}), chaos_token);
}

unsigned chaos_stage::harm_redis(std::string_view fault,
                                 std::string_view length, std::int64_t ms) {
  return ask("POST", "/chaos/redis",
             json::serialize(
                 json::object{{"fault", fault}, {"for", length}, {"ms", ms}}))
      .status;
}

std::string chaos_stage::imbalance() {
  std::string wrong;
  const auto at_rest = [&] {
    wrong.clear();
    const auto total = broker.value("status2_conservation_imbalance");
    if (total != 0) wrong += "total " + std::to_string(total);
    std::int64_t members = 0;
    for (const auto& channel : actors("subscriber:")) {
      members += channel.at("group_members").to_number<std::int64_t>();
      const auto& deliveries = channel.at("deliveries").as_object();
      if (deliveries.at("imbalance") != 0 || deliveries.at("waiting") != 0 ||
          channel.at("group_members") != channel.at("viewers"))
        wrong += " " + json::serialize(channel);
    }
    const auto sessions = static_cast<std::int64_t>(actors("session:").size());
    const auto gauge =
        static_cast<std::int64_t>(broker.value("status2_connections_active"));
    if (members != sessions || gauge != sessions)
      wrong += " members " + std::to_string(members) + ", sessions " +
               std::to_string(sessions) + ", gauge " + std::to_string(gauge);
    return wrong.empty();
  };
  eventually(patience, at_rest);
  return wrong;
}

}  // namespace status2::support
