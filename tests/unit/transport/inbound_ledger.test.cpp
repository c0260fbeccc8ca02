// The memory that clients make the broker keep.
#include "transport/inbound_ledger.hpp"

#include <caf/test/unit_test.hpp>

#include <string>

using namespace status2::transport;

namespace {

struct holder final : inbound_holder {
  holder(inbound_ledger& l, std::string& o, char n)
      : ledger(l), order(o), name(n) {}
  ~holder() { ledger.hold(*this, 0); }
  void give_up_inbound() override {
    order += name;
    ledger.hold(*this, 0);
  }

  inbound_ledger& ledger;
  std::string& order;  ///< who went, in order
  char name;
};

struct fixture {
  std::int64_t memory() const { return counters.inbound_memory.value(); }

  io_counters counters;
  std::shared_ptr<inbound_budget> budget =
      std::make_shared<inbound_budget>(1000, 1);
  inbound_ledger ledger{counters};
  std::string order;
  holder a{ledger, order, 'a'};
  holder b{ledger, order, 'b'};
  holder c{ledger, order, 'c'};
};

}  // namespace

CAF_TEST_FIXTURE_SCOPE(inbound_ledger_tests, fixture)

CAF_TEST(memory_is_counted_as_it_comes_and_goes) {
  ledger.share(budget);
  ledger.hold(a, 100);
  ledger.hold(b, 50);
  ledger.hold(a, 30);
  CAF_CHECK_EQUAL(memory(), 80);
  CAF_CHECK_EQUAL(budget->used.load(), 80);
  ledger.hold(a, 0);
  {
    holder short_lived(ledger, order, 'x');
    ledger.hold(short_lived, 500);
    CAF_CHECK_EQUAL(memory(), 550);
  }
  CAF_CHECK_EQUAL(memory(), 50);
  ledger.enforce();
  CAF_CHECK_EQUAL(order, "");
}

CAF_TEST(over_the_budget_the_largest_goes) {
  ledger.share(budget);
  ledger.hold(a, 200);
  ledger.hold(b, 700);
  ledger.hold(c, 101);
  ledger.enforce();
  CAF_CHECK_EQUAL(order, "b");
  CAF_CHECK_EQUAL(memory(), 301);
  CAF_CHECK_EQUAL(counters.inbound_evictions.value(), 1);
}

CAF_TEST(of_one_size_class_the_oldest_goes) {
  ledger.share(budget);
  ledger.hold(b, 300);
  ledger.hold(a, 400);
  ledger.hold(c, 301);
  ledger.enforce();
  CAF_CHECK_EQUAL(order, "b");
}

CAF_TEST(as_many_go_as_it_takes) {
  ledger.share(budget);
  ledger.hold(a, 900);
  ledger.hold(b, 900);
  ledger.hold(c, 900);
  ledger.enforce();
  CAF_CHECK_EQUAL(order, "ab");
  CAF_CHECK_EQUAL(memory(), 900);
}

CAF_TEST(without_a_budget_nobody_goes) {
  ledger.hold(a, 1 << 30);
  ledger.enforce();
  CAF_CHECK_EQUAL(order, "");
}

CAF_TEST(a_thread_that_holds_less_than_its_share_blames_nobody) {
  budget = std::make_shared<inbound_budget>(1000, 2);
  ledger.share(budget);
  io_counters other_counters;
  inbound_ledger other(other_counters);
  other.share(budget);
  std::string other_order;
  holder hog(other, other_order, 'h');
  ledger.hold(a, 100);
  other.hold(hog, 2000);
  ledger.enforce();
  CAF_CHECK_EQUAL(order, "");
  other.enforce();
  CAF_CHECK_EQUAL(other_order, "h");
}

CAF_TEST_FIXTURE_SCOPE_END()
