// tests/odr_a.cpp · one of two translation units that include all of spool: they must link, and share its state
// SPDX-License-Identifier: MIT
#include <spool/spool.hpp>

spool::excepthook_handler replace_hook_in_b(spool::excepthook_handler handler);

int main() {
  int called = 0;
  spool::set_excepthook([&](spool::thread_info const&, std::exception_ptr) { ++called; });
  const spool::excepthook_handler before = replace_hook_in_b({});
  if (!before) return 1;
  before(spool::thread_info{}, nullptr);
  return called == 1 ? 0 : 1;
}
