// A session's token: it is renewed in place, and the session ends with it.
#include "transport/client_message.hpp"
#include "transport/client_session_impl.hpp"

#include <algorithm>
#include <memory>
#include <string>

namespace status2::transport {

namespace {

frame_ptr auth_answer(std::optional<token_fault> fault) {
  std::string text = R"({"type":"auth","ok":)";
  text += fault ? "false" : "true";
  if (fault)
    text.append(R"(,"reason":")").append(describe(*fault).label) += '"';
  text += '}';
  auto block = std::make_shared<frame_block>();
  append_text_frame(block->bytes, text);
  return block;
}

}  // namespace

void client_session_impl::renew(std::string_view token) {
  // A signature costs as much work as several frames.
  constexpr std::uint64_t more_units = 9;
  if (!charge(std::min<std::uint64_t>(more_units, settings_.message_burst - 1)))
    return;
  const auto fault = token_->renew(token, wall_time::clock::now());
  if (fault)
    loop_.counters().count(*fault);
  else
    loop_.counters().tokens_renewed.add();
  plan_look(loop_.now());
  schedule();
  const auto events = events_;
  sent(writer_.write(auth_answer(fault)));
  if (fault && events) events->on_token_refused(*fault);
}

void client_session_impl::plan_look(time_point now) {
  token_->next_look = now + token_->until_look();
}

void client_session_impl::look_at_token(time_point now) {
  if (const auto reason = token_->judge(wall_time::clock::now()))
    close(*reason);
  else
    plan_look(now);
}

}  // namespace status2::transport
