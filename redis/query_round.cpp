#include "redis/query_round.hpp"

#include <algorithm>
#include <utility>

namespace status2::redis {

void query_round::ask(std::vector<endpoint> servers,
                      query_client::commands question, judge of_use,
                      finished done) {
  round_ = {std::move(servers), std::move(question), std::move(of_use),
            std::move(done)};
  next();
}

void query_round::close() {
  round_.reset();
  client_.reset();
}

void query_round::next() {
  const auto& where = round_->servers[round_->asked];
  if (!client_ || where_ != where) {
    auto settings = common_;
    where_ = settings.where = where;
    client_ = std::make_unique<query_client>(loop_, std::move(settings));
  }
  client_->ask(round_->question, [this](const std::vector<answer>& answers,
                                        const std::string& error) {
    on_answers(answers, error);
  });
}

void query_round::on_answers(const std::vector<answer>& answers,
                             std::string error) {
  constexpr std::size_t most_text = 500;
  if (error.empty()) error = round_->of_use(where_, answers);
  if (error.empty()) return finish({});
  auto& errors = round_->errors;
  errors += (errors.empty() ? "" : "; ") + to_text(where_) + ": " + error;
  errors.resize(std::min(errors.size(), most_text));
  if (++round_->asked < round_->servers.size()) return next();
  client_.reset();
  finish(errors);
}

void query_round::finish(const std::string& error) {
  const auto done = std::move(round_->done);
  const auto text = error;
  round_.reset();
  done(text);
}

}  // namespace status2::redis
