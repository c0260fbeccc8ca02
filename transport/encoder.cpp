#include "transport/encoder.hpp"

#include "transport/json.hpp"
#include "transport/message_id.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace status2::transport {

namespace {

std::string id_text(const position& at) {
  std::string id;
  append_message_id(id, at.epoch, at.number);
  return id;
}

/// Appends one JSON object.
void append_object(std::string& out, encoding kind, std::string_view id,
                   std::string_view object) {
  if (kind == encoding::event_stream)
    append_event(out, id, object);
  else
    append_text_frame(out, object);
}

std::shared_ptr<frame_block> gap_block(encoding kind, std::string_view id,
                                       const gap& what) {
  auto block = std::make_shared<frame_block>();
  block->kind = kind;
  block->gap = true;
  append_object(block->bytes, kind, id, gap_text(what, id));
  return block;
}

/// `mark`: a field of the object, empty or with a comma behind it.
void append_numbered(frame_block& block, const position& at,
                     std::string_view payload, std::string_view mark = {}) {
  constexpr std::size_t envelope = 128;
  const auto id = id_text(at);
  std::string object;
  object.reserve(payload.size() + envelope);
  object += R"({"type":"status","id":")";
  object += id;
  object += R"(",)";
  object += mark;
  object += R"("data":)";
  append_json_string(object, payload);
  object += '}';
  append_object(block.bytes, block.kind, id, object);
}

}  // namespace

void append_message(frame_block& block, const position& at,
                    std::string_view payload) {
  ++block.messages;
  if (block.kind == encoding::plain)
    return append_status_frame(block.bytes, payload);
  if (block.first_number == 0) block.first_number = at.number;
  append_numbered(block, at, payload);
}

frame_ptr encode_last_word(encoding kind, const position& at,
                           std::string_view payload) {
  auto block = std::make_shared<frame_block>();
  block->kind = kind;
  block->messages = 1;
  append_numbered(*block, at, payload, R"("latched":true,)");
  return block;
}

frame_ptr encode_gap(encoding kind, const position& at, const gap& what) {
  if (kind == encoding::plain) return encode_gap(kind, what);
  auto block = gap_block(kind, id_text(at), what);
  block->first_number = at.number;
  return block;
}

frame_ptr encode_gap(encoding kind, const gap& what) {
  return gap_block(kind, {}, what);
}

frame_ptr encode_resumption(encoding kind, const position& at,
                            const resumption& what) {
  auto block = std::make_shared<frame_block>();
  block->kind = kind;
  const auto id = id_text(at);
  std::string object = R"({"type":"resumed","id":")" + id;
  object += what.complete ? R"(","complete":true)" : R"(","complete":false)";
  object += R"(,"replayed":)" + std::to_string(what.replayed) + '}';
  append_object(block->bytes, kind, id, object);
  return block;
}

}  // namespace status2::transport
