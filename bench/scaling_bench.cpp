// bench/scaling_bench.cpp · how much faster work is done by threads, that which computes and that which waits
// SPDX-License-Identifier: MIT
//
// Each workload serially, by spool's pool of 1, 2, 4 ... workers, by a thread for each task and by std::async; and, where
// python3 is found, by CPython's ThreadPoolExecutor. Speed-up: against the same language's serial run. What a workload
// gives must be the same everywhere.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <spool/thread_pool.hpp>

#include "scaling/loopback_server.hpp"
#include "scaling/workloads.hpp"
#include "support/rounds.hpp"

namespace {

using scaling::workload;

std::vector<std::size_t> worker_counts() {
  std::vector<std::size_t> counts;
  const std::size_t most = std::max<std::size_t>(8, 2 * spool::usable_cpus());
  for (std::size_t n = 1; n <= most; n *= 2) counts.push_back(n);
  return counts;
}

/// A way to do all the tasks, and the workers it has; 0: as many as tasks.
struct way {
  std::string name;
  std::size_t workers;
  std::function<std::uint64_t(const workload&)> run;
};

std::uint64_t serially(const workload& w) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < w.tasks; ++i) sum += w.task(i);
  return sum;
}

std::uint64_t thread_per_task(const workload& w) {
  std::vector<std::uint64_t> results(w.tasks);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < w.tasks; ++i) threads.emplace_back([&, i] { results[i] = w.task(i); });
  for (std::thread& t : threads) t.join();
  return std::accumulate(results.begin(), results.end(), std::uint64_t{0});
}

std::uint64_t by_async(const workload& w) {
  std::vector<std::future<std::uint64_t>> results;
  for (std::size_t i = 0; i < w.tasks; ++i) results.push_back(std::async(std::launch::async, w.task, i));
  std::uint64_t sum = 0;
  for (auto& r : results) sum += r.get();
  return sum;
}

std::uint64_t by_pool(spool::thread_pool& pool, const workload& w) {
  std::vector<std::size_t> numbers(w.tasks);
  std::iota(numbers.begin(), numbers.end(), std::size_t{0});
  std::uint64_t sum = 0;
  for (const std::uint64_t part : pool.map(w.task, numbers)) sum += part;
  return sum;
}

std::vector<way> all_ways() {
  std::vector<way> ways{{"serial", 1, serially}};
  for (const std::size_t n : worker_counts()) {
    auto pool = std::make_shared<spool::thread_pool>(n);
    ways.push_back({"spool", n, [pool](const workload& w) { return by_pool(*pool, w); }});
  }
  ways.push_back({"thread per task", 0, thread_per_task});
  ways.push_back({"std::async", 0, by_async});
  return ways;
}

/// One line of the results:  scale  workload  computes|waits  way  workers  seconds  speed-up  spread  others
void record(const workload& w, const std::string& name, std::size_t workers, double seconds, double speed_up,
            double spread, double others) {
  std::printf("%-10s  %-16s %3zu workers  %9.3f ms  speed-up %6.2f +-%.2f\n", w.name.c_str(), name.c_str(), workers,
              seconds * 1e3, speed_up, spread);
  const char* const folder = std::getenv("SPOOL_BENCH_RESULTS");
  if (folder == nullptr) return;
  std::FILE* const file = std::fopen((std::string(folder) + "/scaling.tsv").c_str(), "a");
  if (file == nullptr) return std::perror("SPOOL_BENCH_RESULTS");
  std::fprintf(file, "scale\t%s\t%s\t%s\t%zu\t%.6f\t%.4f\t%.4f\t%.3f\n", w.name.c_str(), w.waits ? "waits" : "computes",
               name.c_str(), workers, seconds, speed_up, spread, others);
  std::fclose(file);
}

/// Returns  what the workload gives.
std::uint64_t measure(const workload& w, const std::vector<way>& ways) {
  std::vector<std::vector<double>> seconds(ways.size());
  std::vector<std::vector<double>> speed_ups(ways.size());
  std::uint64_t right = 0;
  const bench::others_watch watch;
  for (int round = bench::rounds_of(5); round > 0; --round) {
    for (std::size_t i = 0; i < ways.size(); ++i) {
      const bench::stopwatch clock;
      const std::uint64_t answer = ways[i].run(w);
      seconds[i].push_back(clock.per_unit(1).wall_ns * 1e-9);
      speed_ups[i].push_back(seconds[0].back() / seconds[i].back());
      if (i == 0) right = answer;
      if (answer != right) {
        std::fprintf(stderr, "wrong answer: %s by %s\n", w.name.c_str(), ways[i].name.c_str());
        std::abort();
      }
    }
  }
  const double others = watch.processors();
  using bench::detail::quartile;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    record(w, ways[i].name, ways[i].workers, quartile(seconds[i], 2), quartile(speed_ups[i], 2),
           (quartile(speed_ups[i], 3) - quartile(speed_ups[i], 1)) / 2, others);
  }
  return right;
}

/// The same by CPython, where it is found.
void measure_python(const scaling::material& given, const scaling::loopback_server& server,
                    const std::vector<workload>& workloads, const std::map<std::string, std::uint64_t>& right) {
  std::string command =
      "python3 " SPOOL_BENCH_SCALING "/pool.py " + given.folder().string() + ' ' + std::to_string(server.port());
  for (const std::size_t n : worker_counts()) command += ' ' + std::to_string(n);
  std::FILE* const lines =
      std::system("python3 --version >/dev/null 2>&1") == 0 ? ::popen(command.c_str(), "r") : nullptr;
  if (lines == nullptr) {
    std::puts("CPython: not measured, python3 is not installed");
    return;
  }
  char name[64];
  std::size_t workers = 0;
  double seconds = 0;
  double speed_up = 0;
  unsigned long long answer = 0;
  while (std::fscanf(lines, " %63[^\t]\t%zu\t%lf\t%lf\t%llu", name, &workers, &seconds, &speed_up, &answer) == 5) {
    const auto w =
        std::find_if(workloads.begin(), workloads.end(), [&](const workload& one) { return one.name == name; });
    if (w == workloads.end() || right.at(name) != answer) {
      std::fprintf(stderr, "wrong answer: %s by CPython\n", name);
      std::abort();
    }
    record(*w, "CPython", workers, seconds, speed_up, 0, 0);
  }
  ::pclose(lines);
}

}  // namespace

int main() {
  const scaling::material given;
  const scaling::loopback_server server;
  const std::vector<workload> workloads = scaling::all_workloads(given, server);
  std::map<std::string, std::uint64_t> right;
  {
    const std::vector<way> ways = all_ways();
    for (const workload& w : workloads) right[w.name] = measure(w, ways);
  }
  measure_python(given, server, workloads, right);
}
