#include "redis/login.hpp"

#include "redis/cluster_topology.hpp"
#include "redis/command.hpp"

#include <utility>

namespace status2::redis {

login::login(const redis_url& url, server_role role, std::string_view name)
    : role_(role), secret_(url.password) {
  if (!url.password.empty()) {
    if (url.user.empty())
      add(step::auth, {"AUTH", url.password});
    else
      add(step::auth, {"AUTH", url.user, url.password});
  }
  if (url.database != 0)
    add(step::select, {"SELECT", std::to_string(url.database)});
  if (!name.empty()) add(step::name, {"CLIENT", "SETNAME", name});
  if (role == server_role::master) add(step::role, {"ROLE"});
  if (role == server_role::cluster_node) add(step::role, {"CLUSTER", "INFO"});
  add(step::ping, {"PING"});
}

void login::add(step what, const std::vector<std::string_view>& words) {
  commands_ += encode_command(words);
  steps_.push_back(what);
}

login::verdict login::answer(const reply_batch& batch,
                             const reply_batch::reply& reply) {
  const auto what = steps_[answered_++];
  const bool error = reply.kind == reply_kind::error;
  if (error) {
    error_ = batch.first(reply);
    if (what == step::auth) error_ = login_error(error_, secret_);
    if (what == step::auth || error_.starts_with("NOAUTH"))
      return verdict::refused;
    if (what == step::select) warnings.push_back("SELECT: " + error_);
    if (what == step::role) warnings.push_back("role: " + error_);
  } else if (what == step::role) {
    const auto found = on_role(batch.first(reply));
    if (found != verdict::more) return found;
  }
  return answered_ == steps_.size() ? verdict::done : verdict::more;
}

login::verdict login::on_role(std::string_view text) {
  const bool fit =
      role_ == server_role::master ? text == "master" : !lost_majority(text);
  if (fit) return verdict::more;
  error_ = role_ == server_role::master
               ? "not a master but a " + std::string(text.substr(0, 32))
               : "the node has lost the majority of its cluster";
  return verdict::unfit;
}

}  // namespace status2::redis
