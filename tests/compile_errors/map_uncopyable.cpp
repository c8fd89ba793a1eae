// error: needs ranges, and an f that may be moved in and called with an element of each
#include <memory>
#include <ranges>
#include <utility>
#include <vector>

#include <spool/thread_pool.hpp>

void misuse(spool::thread_pool& pool, std::vector<int>& numbers) {
  const auto boxed = [](int i) { return std::make_unique<int>(i); };
  const auto value = [](std::unique_ptr<int> p) { return *p; };
  // Its results are gone through once: they must be copied, or moved by the caller's wish.
  auto boxes = pool.map(boxed, numbers);
#ifdef CORRECTED
  auto moved = std::ranges::subrange(boxes.begin(), boxes.end()) |
               std::views::transform([](std::unique_ptr<int>& p) { return std::move(p); });
  for (int& i : pool.map(value, moved)) static_cast<void>(i);
#else
  for (int& i : pool.map(value, boxes)) static_cast<void>(i);
#endif
}
