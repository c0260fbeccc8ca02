#include "actors/channel_groups.hpp"

#include "actors/messages.hpp"
#include "tests/support/actor_fixture.hpp"

#include <string>

using namespace status2::actors;

namespace {

struct fixture : status2::support::actor_fixture {
  caf::group group(const std::string& name) {
    return *sys.groups().get(channel_groups::module_name, name);
  }
  caf::actor counting_member(const caf::group& of, int& count) {
    auto member = own(
        sys.spawn([of, &count](caf::event_based_actor* actor) -> caf::behavior {
          actor->join(of);
          return {[&count](const frame_message&) { ++count; }};
        }));
    consume_messages();
    return member;
  }
  frame_message frame() {
    return {std::make_shared<status2::transport::frame_block>()};
  }
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(channel_groups_tests, fixture)

CAF_TEST(a_group_is_found_by_its_name_through_cafs_own_registry) {
  CAF_CHECK(group("run:a") == group("run:a"));
  CAF_CHECK(group("run:a") != group("run:b"));
}

CAF_TEST(what_is_sent_to_a_group_reaches_each_member_once) {
  int first = 0;
  int second = 0;
  auto viewers = group("run:a");
  counting_member(viewers, first);
  counting_member(viewers, second);
  self->send(viewers, frame());
  self->send(group("run:b"), frame());
  consume_messages();
  CAF_CHECK_EQUAL(first, 1);
  CAF_CHECK_EQUAL(second, 1);
}

CAF_TEST(a_member_that_ended_is_no_member_any_more) {
  int count = 0;
  auto viewers = group("run:a");
  auto member = counting_member(viewers, count);
  CAF_CHECK_EQUAL(channel_group::of(viewers).size(), 1u);
  self->send_exit(member, caf::exit_reason::kill);
  consume_messages();
  CAF_CHECK_EQUAL(channel_group::of(viewers).size(), 0u);
}

CAF_TEST(joining_twice_counts_once) {
  int count = 0;
  auto viewers = group("run:a");
  auto member = counting_member(viewers, count);
  CAF_CHECK(!viewers.subscribe(caf::actor_cast<caf::strong_actor_ptr>(member)));
  self->send(viewers, frame());
  consume_messages();
  CAF_CHECK_EQUAL(count, 1);
}

CAF_TEST(a_forgotten_group_is_gone_with_its_last_handle) {
  auto& module = channel_groups::of(sys);
  auto before = module.size();
  for (int i = 0; i < 1000; ++i)
    group("run:" + std::to_string(i));
  CAF_CHECK_EQUAL(module.size(), before + 1000);
  auto held = group("run:7");
  for (int i = 0; i < 1000; ++i)
    module.forget("run:" + std::to_string(i));
  CAF_CHECK_EQUAL(module.size(), before);
  CAF_CHECK_EQUAL(held.get()->get_reference_count(), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
