// engine/report.cpp · what went wrong, and the interleaving that led there
// SPDX-License-Identifier: MIT
#include <cinttypes>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include <unistd.h>

#include <engine/engine.hpp>

namespace model {

namespace {

const char* const order_names[] = {"relaxed", "consume", "acquire", "release", "acq_rel", "seq_cst"};

/// The line of the source behind an address in the program; of inlined calls
/// the innermost that is not the model's or the standard library's.
std::map<void*, std::string> lines_of(void* const* pcs, std::size_t n) {
  std::map<void*, std::string> lines;
  if (n == 0) return lines;
  std::string command = "addr2line -e /proc/" + std::to_string(static_cast<long>(::getpid())) + "/exe -i -a";
  for (std::size_t i = 0; i < n; ++i) {
    char text[32];
    std::snprintf(text, sizeof text, " 0x%" PRIxPTR, reinterpret_cast<std::uintptr_t>(pcs[i]) - 1);
    command += text;
  }
  std::FILE* const out = ::popen((command + " 2>/dev/null").c_str(), "r");
  if (out == nullptr) return lines;
  char line[2048];
  void* pc = nullptr;
  while (std::fgets(line, sizeof line, out) != nullptr) {
    line[std::strcspn(line, "\n")] = '\0';
    if (std::strncmp(line, "0x", 2) == 0) {
      pc = reinterpret_cast<void*>(std::strtoull(line, nullptr, 16) + 1);
      continue;
    }
    const bool is_ours = std::strstr(line, "tests/model/include") == nullptr && std::strstr(line, "/c++/") == nullptr &&
                         std::strstr(line, "??") == nullptr;
    if (!is_ours) continue;
    std::string& there = lines[pc];
    const char* const slash = std::strrchr(line, '/');
    std::string name = slash == nullptr ? line : slash + 1;
    name = name.substr(0, name.find(' '));
    if (there.empty()) {
      there = name;
    } else if (there.find(" <") == std::string::npos) {
      there += " < " + name;
    }
  }
  ::pclose(out);
  return lines;
}

std::string number(std::uint64_t x) {
  char text[32];
  if (x < 100'000) {
    std::snprintf(text, sizeof text, "%" PRIu64, x);
  } else if (x > ~std::uint64_t{0} - 100'000) {
    std::snprintf(text, sizeof text, "%" PRId64, static_cast<std::int64_t>(x));
  } else {
    std::snprintf(text, sizeof text, "0x%" PRIx64, x);
  }
  return text;
}

std::string text_of(const event& e) {
  const std::string at = "#" + std::to_string(e.location);
  const std::string order = e.order < 6 ? order_names[e.order] : "?";
  const std::string behind = e.behind == 0 ? "" : "  (" + std::to_string(e.behind) + " behind)";
  switch (e.kind) {
    case event_kind::load:
      return at + " load " + order + " = " + number(e.a) + behind;
    case event_kind::store:
      return at + " store " + order + " " + number(e.a);
    case event_kind::modify:
      return at + " modify " + order + " " + number(e.a) + " -> " + number(e.b);
    case event_kind::cas_done:
      return at + " cas " + order + " " + number(e.a) + " -> " + number(e.b);
    case event_kind::cas_failed:
      return at + " cas failed " + order + " = " + number(e.a) + behind;
    case event_kind::futex_wait:
      return at + " sleeps while " + number(e.a) + (e.b != 0 ? ", with a limit" : "");
    case event_kind::futex_differs:
      return at + " does not sleep: " + number(e.b) + ", not " + number(e.a);
    case event_kind::futex_wake:
      return at + " wakes " + number(e.b) + " of " + (e.a == 1 ? "1" : "all");
    case event_kind::woke_up:
      return at + " woken";
    case event_kind::timed_out:
      return at + " slept long enough";
    case event_kind::woke_for_no_reason:
      return at + " woke for no reason";
    case event_kind::start:
      return "begins";
    case event_kind::end:
      return "ends";
    case event_kind::join:
      return "joined " + number(e.a);
    case event_kind::detach:
      return "detaches " + number(e.a);
    case event_kind::destroyed:
      return at + " destroyed";
    case event_kind::refused:
      return "is refused a thread";
  }
  return {};
}

}  // namespace

void tell(event_kind kind, unsigned location, std::uint64_t a, std::uint64_t b, int order, unsigned behind,
          void* pc) noexcept {
  event& e = g->events[g->event_count++ % most_events];
  e = {kind,
       static_cast<unsigned char>(g->current->id),
       static_cast<unsigned char>(order),
       static_cast<unsigned char>(behind),
       location,
       a,
       b,
       g->ns,
       pc};
}

void fault(void* pc1, void* pc2, const char* format, ...) noexcept {
  g->failed = true;
  const int n = g->current == nullptr ? 0 : std::snprintf(g->failure, sizeof g->failure, "thread %u: ", g->current->id);
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(g->failure + n, sizeof g->failure - static_cast<unsigned>(n), format, arguments);
  va_end(arguments);
  g->failure_pcs[0] = pc1;
  g->failure_pcs[1] = pc2;
  if (!g->active) {
    std::fprintf(stderr, "model: %s\n", g->failure);
    std::abort();
  }
  leave_execution();
}

void fail(const char* what, const char* file, int line) noexcept {
  const char* const slash = std::strrchr(file, '/');
  fault(nullptr, nullptr, "%s (%s:%d)", what, slash == nullptr ? file : slash + 1, line);
}

void print_interleaving(std::FILE* to) noexcept {
  const std::uint64_t told = 250;
  const std::uint64_t end = g->event_count;
  const std::uint64_t begin = end > told ? end - told : 0;
  std::map<void*, int> wanted;
  for (std::uint64_t i = begin; i != end; ++i) wanted[g->events[i % most_events].pc] = 0;
  for (void* pc : g->failure_pcs) wanted[pc] = 0;
  wanted.erase(nullptr);
  std::string pcs;
  auto* const list = static_cast<void**>(std::malloc((wanted.size() + 1) * sizeof(void*)));
  std::size_t n = 0;
  for (auto& w : wanted) list[n++] = w.first;
  auto lines = lines_of(list, n);
  std::free(list);
  for (std::uint64_t i = begin; i != end; ++i) {
    const event& e = g->events[i % most_events];
    std::fprintf(to, "  %5" PRIu64 " %*s%u  %-44s %s\n", i, static_cast<int>(2 * e.thread), "", e.thread,
                 text_of(e).c_str(), e.pc == nullptr ? "" : lines[e.pc].c_str());
  }
  std::fprintf(to, "%s\n", g->failure);
  for (void* pc : g->failure_pcs) {
    if (pc != nullptr) std::fprintf(to, "    %p %s\n", pc, lines[pc].c_str());
  }
}

}  // namespace model
