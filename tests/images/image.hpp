// tests/images/image.hpp · what each image of the program offers to the others
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <spool/spool.hpp>

/// What follows is code of that image, whoever calls it. Nothing else of an image is seen from outside.
struct image {
  spool::thread_pool* (*make_pool)(std::size_t workers);
  void (*delete_pool)(spool::thread_pool* pool);
  /// Submits a task to the pool, and waits for it; twice the number comes back.
  int (*double_in)(spool::thread_pool& pool, int number);
  /// The same by a for_each, a map, and a range of futures in the order of their completion.
  int (*double_by_ranges)(spool::thread_pool& pool, int number);
  void (*shut_down)(spool::thread_pool& pool);

  void (*misuse)();                                 // throws a usage_error
  const char* (*catch_by_class)(void (*throws)());  // the name of the class by which it was caught
  spool::excepthook_handler (*set_excepthook)(spool::excepthook_handler handler);
  void (*fail_in_thread)();

  std::vector<spool::thread_info> (*enumerate)();
  spool::thread_info (*current_thread)();
  spool::thread_info (*main_thread)();
  std::string (*name_of_new_thread)();
  std::string (*name_of_new_pool)();

  void (*lock)(spool::recursive_mutex& mutex);
  void (*unlock)(spool::recursive_mutex& mutex);

  void (*join_timer)(spool::timer& timer);
  void (*delete_timer)(spool::timer* timer);
};
