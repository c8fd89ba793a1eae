// error: priority_queue<T, Compare> needs a Compare that can be called with two T
#include <spool/queue.hpp>

struct job {
  int rank;
};
struct earlier {
#ifdef CORRECTED
  bool operator()(const job& a, const job& b) const { return a.rank < b.rank; }
#else
  bool operator()(job& a, job& b) const { return a.rank < b.rank; }
#endif
};

void misuse() {
  spool::priority_queue<job, earlier> jobs;
  jobs.put({1});
}
