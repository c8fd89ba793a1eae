// error: a thread runs once start() is called: name it
#include <spool/thread.hpp>

void misuse(void (*work)(int)) {
#ifdef CORRECTED
  spool::thread worker(work, 1);
  worker.start();
#else
  spool::thread(work, 1);
#endif
}
