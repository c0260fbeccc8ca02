// The main() of every test executable: CAF test's own.
#include <caf/test/unit_test_impl.hpp>
