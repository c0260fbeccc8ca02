// What waits, what is whole on the wire and what is dropped.
#include "transport/outbox.hpp"

#include "transport/encoder.hpp"

#include <caf/test/unit_test.hpp>

#include <array>
#include <memory>
#include <string>
#include <vector>

using namespace status2::transport;
using namespace std::chrono_literals;

namespace {

const outbox::time_point start{100s};

/// A block of `count` status frames; each is `status_size` bytes long.
frame_ptr block_of(std::uint32_t count, std::size_t payload = 3) {
  auto block = std::make_shared<frame_block>();
  for (std::uint32_t i = 0; i < count; ++i)
    append_status_frame(block->bytes,
                        std::string(payload, static_cast<char>('a' + i % 26)));
  block->messages = count;
  return block;
}

counter memory;

queued_block queued(frame_ptr block) {
  return {std::move(block), memory};
}

constexpr std::size_t status_size = 2 + 27 + 3;

/// What would be sent next, all pieces together.
std::string waiting(const outbox& box) {
  std::array<iovec, 256> pieces;
  const auto count = box.gather(pieces.data(), pieces.size());
  std::string out;
  for (std::size_t i = 0; i < count; ++i)
    out.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  return out;
}

}  // namespace

CAF_TEST(blocks_leave_in_order) {
  outbox box;
  const auto first = block_of(2);
  const auto second = block_of(1, 200);
  box.push(queued(first), 0, start);
  box.push(queued(second), 0, start + 1s);
  CAF_CHECK_EQUAL(waiting(box), first->bytes + second->bytes);
  CAF_CHECK_EQUAL(box.bytes(), first->bytes.size() + second->bytes.size());
  CAF_CHECK(box.oldest() == start);
  CAF_CHECK_EQUAL(box.consume(first->bytes.size() + 5, start).sent, 2u);
  CAF_CHECK(box.oldest() == start + 1s);
  CAF_CHECK_EQUAL(waiting(box), second->bytes.substr(5));
  CAF_CHECK_EQUAL(box.consume(second->bytes.size() - 5, start).sent, 1u);
  CAF_CHECK(box.empty());
  CAF_CHECK_EQUAL(box.bytes(), 0u);
  CAF_CHECK(!box.oldest());
}

CAF_TEST(a_cut_keeps_the_rest_of_an_event) {
  auto block = std::make_shared<frame_block>();
  block->kind = encoding::event_stream;
  for (const auto* text : {"one", "two", "three"}) {
    append_event(block->bytes, "id", text);
    ++block->messages;
  }
  const auto second = block->bytes.find("\n\n") + 2;
  const auto third = block->bytes.find("\n\n", second) + 2;
  outbox box;
  box.push(queued(block), second + 1, start);
  const auto tally = box.cut();
  CAF_CHECK_EQUAL(tally.discarded, 1u);
  CAF_CHECK_EQUAL(waiting(box),
                  block->bytes.substr(second + 1, third - second - 1));
  CAF_CHECK_EQUAL(box.consume(third - second - 1, start).sent, 2u);
}

CAF_TEST(a_cut_keeps_the_rest_of_a_compressed_frame) {
  auto block = std::make_shared<frame_block>();
  block->kind = encoding::plain_deflated;
  std::vector<std::size_t> ends;
  for (const auto& payload : {std::string(1000, 'a'), std::string("short"),
                              std::string(90000, 'b')}) {
    append_message(*block, {"abc-1", 1}, payload);
    ends.push_back(block->bytes.size());
  }
  for (std::size_t sent = 1; sent < block->bytes.size(); ++sent) {
    std::size_t messages = 0;
    while (ends[messages] < sent)
      ++messages;
    outbox box;
    box.push(queued(block), sent, start);
    const auto end = ends[messages];
    CAF_CHECK_EQUAL(box.cut().discarded, ends.size() - 1 - messages);
    CAF_CHECK_EQUAL(box.bytes(), end - sent);
  }
}

CAF_TEST(a_box_is_stalled_since_the_socket_took_bytes_last) {
  outbox box;
  CAF_CHECK(!box.stalled_since());
  box.push(queued(block_of(1, 1000)), 10, start);
  box.push(queued(block_of(1)), 0, start + 1s);
  CAF_CHECK(box.stalled_since() == start);
  box.consume(100, start + 5s);
  CAF_CHECK(box.stalled_since() == start + 5s);
  // Taking nothing is no progress, and the oldest byte waits as long as before.
  box.consume(0, start + 6s);
  CAF_CHECK(box.stalled_since() == start + 5s);
  CAF_CHECK(box.oldest() == start);
  box.consume(box.bytes(), start + 7s);
  CAF_CHECK(!box.stalled_since());
  // Bytes that come later have not waited since then.
  box.push(queued(block_of(1)), 0, start + 9s);
  CAF_CHECK(box.stalled_since() == start + 9s);
}

CAF_TEST(memory_counts_a_block_once_in_however_many_outboxes_it_waits) {
  const auto before = memory.value();
  const auto taken = [&] { return memory.value() - before; };
  const auto shared = block_of(3);
  const auto size = static_cast<std::int64_t>(shared->bytes.size());
  outbox first;
  outbox second;
  outbox third;
  first.push(queued(shared), 0, start);
  second.push(queued(shared), 5, start);
  third.push(queued(shared), 0, start);
  CAF_CHECK_EQUAL(taken(), size);
  third.push_front(queued(block_of(1, 100)), 0, start);
  CAF_CHECK(taken() > size + 100);
  third.clear();
  first.consume(shared->bytes.size(), start);
  CAF_CHECK_EQUAL(taken(), size);
  second.cut();
  CAF_CHECK_EQUAL(taken(), size);
  second = {};
  CAF_CHECK_EQUAL(taken(), 0);
}

CAF_TEST(what_waits_behind_the_first_block_is_told_apart) {
  outbox box;
  CAF_CHECK_EQUAL(box.bytes_behind_first(), 0u);
  const auto first = block_of(1, 1000);
  const auto second = block_of(1, 200);
  box.push(queued(first), 10, start);
  CAF_CHECK_EQUAL(box.bytes_behind_first(), 0u);
  box.push(queued(second), 0, start);
  CAF_CHECK_EQUAL(box.bytes_behind_first(), second->bytes.size());
  box.consume(500, start);
  CAF_CHECK_EQUAL(box.bytes_behind_first(), second->bytes.size());
  box.consume(first->bytes.size() - 510, start);
  CAF_CHECK_EQUAL(box.bytes_behind_first(), 0u);
}

CAF_TEST(a_block_that_is_partly_out_waits_with_its_rest) {
  outbox box;
  const auto block = block_of(3);
  box.push(queued(block), status_size + 1, start);
  CAF_CHECK_EQUAL(waiting(box), block->bytes.substr(status_size + 1));
  CAF_CHECK_EQUAL(box.consume(2 * status_size - 1, start).sent, 3u);
}

CAF_TEST(one_gather_takes_no_more_pieces_than_there_is_room_for) {
  outbox box;
  for (int i = 0; i < 5; ++i)
    box.push(queued(block_of(1)), 0, start);
  std::array<iovec, 3> pieces;
  CAF_CHECK_EQUAL(box.gather(pieces.data(), pieces.size()), 3u);
}

CAF_TEST(one_gather_takes_no_more_bytes_than_asked_for) {
  outbox box;
  const auto first = block_of(1, 1000);
  const auto second = block_of(1, 200);
  box.push(queued(first), 10, start);
  box.push(queued(second), 0, start);
  const auto all = waiting(box);
  std::array<iovec, 3> pieces;
  for (std::size_t most = 0; most < all.size() + 2; ++most) {
    const auto count = box.gather(pieces.data(), pieces.size(), most);
    std::string some;
    for (std::size_t i = 0; i < count; ++i)
      some.append(static_cast<const char*>(pieces[i].iov_base),
                  pieces[i].iov_len);
    CAF_REQUIRE_EQUAL(some, all.substr(0, most));
  }
}

CAF_TEST(the_answer_to_the_handshake_goes_before_all) {
  outbox box;
  auto answer = std::make_shared<frame_block>();
  answer->bytes = "HTTP/1.1 101";
  const auto block = block_of(1);
  box.push(queued(block), 0, start);
  box.push_front(queued(answer), 0, start);
  CAF_CHECK_EQUAL(waiting(box), answer->bytes + block->bytes);
  CAF_CHECK_EQUAL(box.consume(answer->bytes.size(), start).sent, 0u);
}

CAF_TEST(a_cut_keeps_the_rest_of_the_frame_under_way_only) {
  for (std::size_t sent = 0; sent <= 4 * status_size; ++sent) {
    outbox box;
    const auto block = block_of(4);
    if (sent < block->bytes.size()) box.push(queued(block), sent, start);
    box.push(queued(block_of(7)), 0, start);
    auto tally = box.cut();
    const auto begun = (sent + status_size - 1) / status_size;
    const auto rest = begun * status_size - sent;
    CAF_REQUIRE_EQUAL(box.bytes(), rest);
    CAF_REQUIRE_EQUAL(waiting(box), block->bytes.substr(sent, rest));
    const auto flushed = box.consume(rest, start);
    if (sent < block->bytes.size())
      CAF_REQUIRE_EQUAL(tally.sent + flushed.sent, begun);
    const auto all = sent < block->bytes.size() ? 11u : 7u;
    CAF_REQUIRE_EQUAL(tally.sent + flushed.sent + tally.discarded, all);
    CAF_REQUIRE(box.empty());
  }
}

CAF_TEST(a_control_block_under_way_is_kept_whole) {
  outbox box;
  box.push(queued(ping_frame()), 1, start);
  box.push(queued(block_of(2)), 0, start);
  CAF_CHECK_EQUAL(box.cut().discarded, 2u);
  CAF_CHECK_EQUAL(waiting(box), ping_frame()->bytes.substr(1));
  CAF_CHECK_EQUAL(box.consume(box.bytes(), start).sent, 0u);
}

CAF_TEST(clearing_counts_messages_that_are_whole_on_the_wire) {
  const auto long_frame = block_of(1, 70000)->bytes.size();
  outbox box;
  box.push(queued(block_of(3, 70000)), 2 * long_frame + 1, start);
  box.push(queued(block_of(5)), 0, start);
  const auto tally = box.clear();
  CAF_CHECK_EQUAL(tally.sent, 2u);
  CAF_CHECK_EQUAL(tally.discarded, 6u);
  CAF_CHECK(box.empty());
  CAF_CHECK_EQUAL(box.bytes(), 0u);
}

CAF_TEST(clearing_what_was_cut_counts_each_message_once) {
  outbox box;
  box.push(queued(block_of(4)), status_size + 1, start);
  auto tally = box.cut();
  CAF_CHECK_EQUAL(tally.sent, 0u);
  CAF_CHECK_EQUAL(tally.discarded, 2u);
  tally = box.clear();
  CAF_CHECK_EQUAL(tally.sent, 1u);
  CAF_CHECK_EQUAL(tally.discarded, 1u);
}

CAF_TEST(a_box_that_never_empties_forgets_what_is_gone) {
  outbox box;
  std::weak_ptr<const frame_block> oldest;
  for (int i = 0; i < 10000; ++i) {
    const auto next = block_of(1);
    if (i == 0) oldest = next;
    box.push(queued(next), 0, start + i * 1s);
    if (i > 0) CAF_REQUIRE_EQUAL(box.consume(status_size, start).sent, 1u);
    CAF_REQUIRE_EQUAL(box.bytes(), status_size);
    CAF_REQUIRE(box.oldest() == start + i * 1s);
  }
  CAF_CHECK(oldest.expired());
}
