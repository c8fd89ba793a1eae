// error: needs a callable that fits
#include <spool/excepthook.hpp>

void misuse() {
#ifdef CORRECTED
  spool::set_excepthook([](spool::thread_info const&, std::exception_ptr) {});
#else
  spool::set_excepthook([](std::exception_ptr) {});
#endif
}
