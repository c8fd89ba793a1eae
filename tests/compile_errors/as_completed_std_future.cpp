// error: takes a range of spool::future<T>, not of std::future
#include <future>
#include <vector>

#include <spool/wait.hpp>

#ifdef CORRECTED
using handle = spool::future<int>;
#else
using handle = std::shared_future<int>;
#endif

void misuse(std::vector<handle>& futures) {
  for (auto& f : spool::as_completed(futures)) static_cast<void>(f.get());
}
