#include "redis/cluster_source.hpp"

#include <boost/asio/post.hpp>

#include <charconv>
#include <utility>

namespace status2::redis {

namespace asio = boost::asio;

cluster_source::cluster_source(asio::io_context& loop,
                               cluster_settings settings)
    : loop_(loop),
      settings_(std::move(settings)),
      view_(settings_.seeds),
      round_(loop, for_nodes()),
      refresh_(loop),
      tick_(loop) {}

query_settings cluster_source::for_nodes() const {
  query_settings result;
  result.user = settings_.user;
  result.password = settings_.password;
  result.tls = settings_.tls;
  result.timeout = settings_.timeout;
  result.memory = memory;
  return result;
}

void cluster_source::locate(located done) {
  asio::post(loop_,
             [me = shared_from_this(), stops = stops_, done = std::move(done)] {
               if (me->stops_ == stops)
                 done({me->view_.order(), server_role::cluster_node}, {});
             });
}

bool cluster_source::unfit(const endpoint& where) {
  view_.to_the_end(where);
  read();
  ++unfit_in_a_row_;
  return unfit_in_a_row_ % view_.order().size() != 0;
}

void cluster_source::fit(const endpoint& where) {
  unfit_in_a_row_ = 0;
  view_.to_the_end(where);
  watched_ = where;
  watch();
  read();
}

void cluster_source::stop() {
  ++stops_;
  waiting_.clear();
  watched_.reset();
  watcher_.reset();
  refresh_.cancel();
  tick_.cancel();
  round_.close();
}

void cluster_source::topology(mapped done) {
  waiting_.push_back(std::move(done));
  read();
}

void cluster_source::read() {
  if (round_.running()) return;
  refresh_.cancel();
  ask();
}

void cluster_source::ask() {
  round_.ask(
      view_.order(),
      {{"CLUSTER", "INFO"}, {"CLUSTER", knows_shards_ ? "SHARDS" : "SLOTS"}},
      [this](const endpoint& who, const std::vector<answer>& answers) {
        return judge(who, answers);
      },
      [this](const std::string& error) { on_round(error); });
}

std::string cluster_source::judge(const endpoint& who,
                                  const std::vector<answer>& answers) {
  auto result = knows_shards_
                    ? read_shards(answers[1], who, settings_.tls != nullptr)
                    : read_slots(answers[1], who);
  shards_refused_ |= knows_shards_ && answers[1].is(answer::type::error);
  if (!result.value) return result.problem;
  // A node that was away names the masters of its time.
  const auto epoch = current_epoch(answers[0].text);
  if (epoch < newest_epoch_)
    return "the node's view of the cluster is outdated";
  newest_epoch_ = epoch;
  const bool lost = lost_majority(answers[0].text);
  if (!lost || !read_) read_ = std::move(result.value);
  return lost ? "the node has lost the majority of its cluster" : "";
}

void cluster_source::on_round(const std::string& error) {
  const auto me = shared_from_this();  // a callback may release the source
  const bool refused = std::exchange(shards_refused_, false);
  knows_shards_ = read_ ? knows_shards_ : !refused;
  if (!read_ && refused) return ask();
  if (read_) view_.learn(read_->nodes);
  if (watched_) view_.to_the_end(*watched_);  // behind those learned just now
  refresh_in_time();
  const auto found = std::exchange(read_, {});
  const auto stops = stops_;
  for (const auto& done : std::exchange(waiting_, {})) {
    done(found.value_or(cluster_topology{}), found ? "" : error);
    if (stops_ != stops) return;
  }
}

void cluster_source::refresh_in_time() {
  refresh_.expires_after(settings_.refresh);
  refresh_.async_wait(
      [weak = weak_from_this()](boost::system::error_code cancelled) {
        const auto me = weak.lock();
        if (!cancelled && me && !me->round_.running()) me->read();
      });
}

void cluster_source::note_timeout(const answer& setting) {
  if (setting.elements.size() != 2) return;
  const auto& text = setting.elements[1].text;
  std::int64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && number > 0 && number < 86400000)
    node_timeout_ = std::chrono::milliseconds{number};
}

void cluster_source::watch() {
  sound_at_ = clock::now();
  auto settings = for_nodes();
  settings.where = *watched_;
  tick_.cancel();
  watcher_ = std::make_unique<query_client>(loop_, std::move(settings));
  on_tick();
}

void cluster_source::on_tick() {
  if (!watcher_) return;
  watcher_->ask(
      {{"CLUSTER", "INFO"}, {"CONFIG", "GET", "cluster-node-timeout"}},
      [this, asked_at = clock::now()](const std::vector<answer>& answers,
                                      const std::string&) {
        on_info(answers, asked_at);
      });
}

/// A node that does not answer is the link's matter, which asks it as well.
void cluster_source::on_info(const std::vector<answer>& answers,
                             clock::time_point asked_at) {
  if (answers.size() == 2) note_timeout(answers[1]);
  if (!answers.empty() && lost_majority(answers[0].text)) {
    const auto why =
        to_text(*watched_) + " has lost the majority of its cluster";
    view_.to_the_end(*watched_);
    watched_.reset();
    watcher_.reset();
    read();
    // It was cut off at most one and a half of its timeouts before it noticed,
    // and it had not noticed when it was asked the time before.
    return moved(why, sound_at_ - 2 * node_timeout_);
  }
  if (!answers.empty()) sound_at_ = asked_at;
  tick_.expires_after(settings_.interval);
  tick_.async_wait(
      [weak = weak_from_this()](boost::system::error_code cancelled) {
        const auto me = weak.lock();
        if (!cancelled && me) me->on_tick();
      });
}

}  // namespace status2::redis
