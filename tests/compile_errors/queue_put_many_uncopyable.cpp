// error: if these cannot be copied, put_many(std::move(r))
#include <vector>

#include <spool/queue.hpp>

struct handle {
  explicit handle(int d) : descriptor(d) {}
  handle(handle&&) = default;
  handle(const handle&) = delete;
  int descriptor;
};

void misuse(spool::queue<handle>& open, std::vector<handle>& handles) {
#ifdef CORRECTED
  open.put_many(std::move(handles));
#else
  open.put_many(handles);
#endif
}
