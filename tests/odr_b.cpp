// tests/odr_b.cpp · the other one
// SPDX-License-Identifier: MIT
#include <utility>

#include <spool/spool.hpp>

spool::excepthook_handler replace_hook_in_b(spool::excepthook_handler handler);

spool::excepthook_handler replace_hook_in_b(spool::excepthook_handler handler) {
  return spool::set_excepthook(std::move(handler));
}
