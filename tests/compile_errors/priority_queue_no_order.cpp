// error: priority_queue<T, Compare> needs a Compare that can be called with two T
#include <spool/queue.hpp>

struct job {
  int rank;
#ifdef CORRECTED
  friend bool operator<(const job& a, const job& b) { return a.rank < b.rank; }
#endif
};

void misuse() {
  spool::priority_queue<job> jobs;
  jobs.put({1});
}
