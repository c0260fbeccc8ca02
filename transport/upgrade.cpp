#include "transport/upgrade.hpp"

#include "transport/event_stream.hpp"
#include "transport/http_answer.hpp"

namespace status2::transport {

void turn_away(upgrade_request request, refusal why) {
  const auto answer =
      write_answer(limit_reply(why, request.options, request.origin), {});
  // A socket that was only read from takes so few bytes; if not, so be it.
  request.stream.write(answer);
  request.stream.end_writing();
}

}  // namespace status2::transport
