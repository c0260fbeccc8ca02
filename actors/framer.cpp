#include "actors/framer.hpp"

#include "transport/encoder.hpp"

#include <caf/result.hpp>
#include <caf/sec.hpp>

#include <exception>
#include <memory>
#include <string_view>

namespace status2::actors {

namespace {

void append_blocks(std::vector<transport::frame_ptr>& blocks,
                   const blocks_wanted& wanted, transport::encoding kind) {
  const auto& batch = wanted.batch;
  std::shared_ptr<transport::frame_block> block;
  transport::position at{wanted.epoch, wanted.first};
  const auto begin = [&] {
    block = batch.bytes > most_encoded_here
                ? transport::make_large_block()
                : std::make_shared<transport::frame_block>();
    block->kind = kind;
    block->after_replay = true;
    if (batch.too_large == 0) reserve_for(*block, batch.bytes, batch.count);
    blocks.push_back(block);
  };
  batch.for_each(
      [&](std::string_view payload) {
        if (!block) begin();
        append_message(*block, at, payload);
        ++at.number;
      },
      [&] {
        blocks.push_back(encode_gap(kind, at, wanted.missing));
        block = nullptr;
        ++at.number;
      });
}

}  // namespace

std::vector<transport::frame_ptr> blocks_of(const blocks_wanted& wanted) {
  std::vector<transport::frame_ptr> blocks;
  for (const auto kind : wanted.kinds)
    append_blocks(blocks, wanted, kind);
  return blocks;
}

caf::behavior framer_state::make_behavior() {
  return {[this](const blocks_wanted& wanted) -> caf::result<blocks_made> {
    self->quit();
    try {
      return blocks_made{blocks_of(wanted)};
    } catch (const std::exception&) {
      return caf::sec::runtime_error;
    }
  }};
}

}  // namespace status2::actors
