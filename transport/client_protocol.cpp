#include "transport/client_protocol.hpp"

#include "transport/event_stream.hpp"
#include "transport/http_answer.hpp"

#include <memory>

namespace status2::transport {

namespace {

std::string websocket_answer(const upgrade_request& request) {
  return write_switching_protocols(request.key, request.subprotocol,
                                   request.extensions);
}

frame_ptr close_frame(std::uint16_t code, std::string_view text) {
  auto block = std::make_shared<frame_block>();
  append_close_frame(block->bytes, code, text);
  return block;
}

frame_ptr make_ping_for_silent() {
  auto block = std::make_shared<frame_block>();
  block->bytes = ping_frame()->bytes;
  append_ping_frame(block->bytes);
  return block;
}

frame_ptr control_event(std::string_view object) {
  auto block = std::make_shared<frame_block>();
  block->kind = encoding::event_stream;
  append_event(block->bytes, {}, object);
  return block;
}

std::string event_stream_answer(const upgrade_request& request) {
  return write_event_stream_head(request.origin, request.options.credentials);
}

frame_ptr no_close(std::uint16_t, std::string_view) {
  return nullptr;
}

const client_protocol& websocket_protocol() {
  static const frame_ptr ping_for_silent = make_ping_for_silent();
  static const client_protocol protocol{.kind = encoding::plain,
                                        .two_way = true,
                                        .ping = ping_frame(),
                                        .ping_for_silent = ping_for_silent,
                                        .hangup = hangup_frame(),
                                        .answer = websocket_answer,
                                        .close = close_frame};
  return protocol;
}

const client_protocol& event_stream_protocol() {
  static const frame_ptr ping = control_event(R"({"type":"ping"})");
  static const frame_ptr hangup = control_event(R"({"type":"hangup"})");
  static const client_protocol protocol{.kind = encoding::event_stream,
                                        .two_way = false,
                                        .ping = ping,
                                        .ping_for_silent = ping,
                                        .hangup = hangup,
                                        .answer = event_stream_answer,
                                        .close = no_close};
  return protocol;
}

}  // namespace

const client_protocol& protocol_of(const watch_options& options) {
  return options.event_stream ? event_stream_protocol() : websocket_protocol();
}

}  // namespace status2::transport
