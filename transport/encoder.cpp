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

/// Appends one JSON object about the channel, never compressed.
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

bool has_ids(encoding kind) {
  return without_compression(kind) != encoding::plain;
}

/// The JSON object of a message; without an id if that is empty. `mark`: a
/// field of the object with a comma in front, or empty.
std::string status_object(std::string_view id, std::string_view payload,
                          std::string_view mark) {
  constexpr std::size_t envelope = 128;
  std::string object;
  object.reserve(payload.size() + envelope);
  object += R"({"type":"status")";
  if (!id.empty()) {
    object += R"(,"id":")";
    object += id;
    object += '"';
  }
  object += mark;
  object += R"(,"data":)";
  append_json_string(object, payload);
  object += '}';
  return object;
}

void append_status(frame_block& block, std::string_view id,
                   std::string_view payload, std::string_view mark = {}) {
  const auto object = status_object(id, payload, mark);
  if (!is_deflated(block.kind))
    return append_object(block.bytes, block.kind, id, object);
  block.uncompressed += frame_size(object.size());
  append_deflated_text_frame(block.bytes, object);
}

}  // namespace

void append_message(frame_block& block, const position& at,
                    std::string_view payload) {
  ++block.messages;
  if (block.kind == encoding::plain)
    return append_status_frame(block.bytes, payload);
  if (!has_ids(block.kind)) return append_status(block, {}, payload);
  if (block.first_number == 0) block.first_number = at.number;
  append_status(block, id_text(at), payload);
}

frame_ptr encode_last_word(encoding kind, const position& at,
                           std::string_view payload) {
  auto block = std::make_shared<frame_block>();
  block->kind = kind;
  block->messages = 1;
  append_status(*block, id_text(at), payload, R"(,"latched":true)");
  return block;
}

frame_ptr encode_gap(encoding kind, const position& at, const gap& what) {
  if (!has_ids(kind)) return encode_gap(kind, what);
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
