#include "transport/client_protocol.hpp"

#include "transport/http_answer.hpp"

#include <memory>

namespace status2::transport {

namespace {

std::string websocket_answer(const upgrade_request& request) {
  return write_switching_protocols(request.key, request.subprotocol);
}

frame_ptr close_frame(std::uint16_t code, std::string_view text) {
  auto block = std::make_shared<frame_block>();
  append_close_frame(block->bytes, code, text);
  return block;
}

}  // namespace

const client_protocol& websocket_protocol() {
  static const client_protocol protocol{encoding::plain,  true,
                                        ping_frame(),     hangup_frame(),
                                        websocket_answer, close_frame};
  return protocol;
}

}  // namespace status2::transport
