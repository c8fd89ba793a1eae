// bench/support/rounds.hpp · rows of a table: spool and its peers by turns, medians, and ratios round by round
// SPDX-License-Identifier: MIT
#pragma once

#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

using steady = std::chrono::steady_clock;

inline double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// What one sample took, for each unit of its work.
struct cost {
  double wall_ns = 0;
  double cpu_ns = 0;  // of the whole process: says more than the wall when others use the machine
};

/// The clock of one sample: from its construction until per_unit().
class stopwatch {
public:
  stopwatch() : cpu_(cpu_seconds()), wall_(steady::now()) {}
  cost per_unit(double units) const {
    const double wall = std::chrono::duration<double, std::nano>(steady::now() - wall_).count();
    return {wall / units, (cpu_seconds() - cpu_) * 1e9 / units};
  }

private:
  double cpu_;
  steady::time_point wall_;
};

/// One of those that are measured beside each other; the first of a row is spool.
struct contestant {
  std::string name;
  std::function<cost()> sample;
};

/// Processor time that everyone on this machine has used, in seconds; 0 where the system does not say.
inline double machine_cpu_seconds() {
  std::FILE* const stat = std::fopen("/proc/stat", "r");
  if (stat == nullptr) return 0;
  double user = 0;
  double nice = 0;
  double system = 0;
  const int read = std::fscanf(stat, "cpu %lf %lf %lf", &user, &nice, &system);
  std::fclose(stat);
  return read == 3 ? (user + nice + system) / static_cast<double>(sysconf(_SC_CLK_TCK)) : 0;
}

/// Adds a row. A round samples each contestant once, in an order that rotates, so that what disturbs the machine for a
/// while disturbs all. The half of the rounds in which others used the machine least is kept: "others" says how many
/// processors they had then. Printed for each: the median of its samples and, against spool, the median of the rounds'
/// ratios spool / peer with half the distance of their quartiles; the same ratio for processor time after "cpu".
/// SPOOL_BENCH_ROUNDS in the environment says how many rounds.
inline void add_row(const std::string& name, std::vector<contestant> all, double unit_ns = 1.0,
                    const char* unit = "ns") {
  const char* const wish = std::getenv("SPOOL_BENCH_ROUNDS");
  const int rounds = wish != nullptr ? std::atoi(wish) : 11;
  const auto run = [all = std::move(all), unit_ns, unit](benchmark::State& state) {
    struct round {
      std::vector<cost> samples;
      double others;
    };
    std::vector<round> done;
    for (auto _ : state) {
      round& now = done.emplace_back(round{std::vector<cost>(all.size()), 0});
      const double machine = machine_cpu_seconds();
      const double own = cpu_seconds();
      const auto start = steady::now();
      for (std::size_t i = 0; i < all.size(); ++i) {
        const std::size_t who = (done.size() + i) % all.size();
        now.samples[who] = all[who].sample();
      }
      const double used = machine_cpu_seconds() - machine - (cpu_seconds() - own);
      now.others = std::max(used / std::chrono::duration<double>(steady::now() - start).count(), 0.0);
      state.SetIterationTime(now.samples[0].wall_ns * 1e-9);
    }
    std::sort(done.begin(), done.end(), [](const round& a, const round& b) { return a.others < b.others; });
    done.resize((done.size() + 1) / 2, round{});
    const auto quartile = [](std::vector<double> values, std::size_t quarter) {
      std::sort(values.begin(), values.end());
      return values[(values.size() - 1) * quarter / 4];
    };
    const auto column = [&](std::size_t who, double cost::* what) {
      std::vector<double> values;
      for (const round& r : done) values.push_back(r.samples[who].*what);
      return values;
    };
    std::string label;
    char text[160];
    for (std::size_t who = 0; who < all.size(); ++who) {
      const double median = quartile(column(who, &cost::wall_ns), 2) / unit_ns;
      if (who == 0) {
        std::snprintf(text, sizeof text, "%s %.4g %s", all[who].name.c_str(), median, unit);
      } else {
        std::vector<double> wall = column(0, &cost::wall_ns);
        std::vector<double> cpu = column(0, &cost::cpu_ns);
        for (std::size_t i = 0; i < wall.size(); ++i) {
          wall[i] /= done[i].samples[who].wall_ns;
          cpu[i] /= std::max(done[i].samples[who].cpu_ns, 1e-9);
        }
        std::snprintf(text, sizeof text, " | %s %.4g: %.2fx +-%.2f, cpu %.2fx", all[who].name.c_str(), median,
                      quartile(wall, 2), (quartile(wall, 3) - quartile(wall, 1)) / 2, quartile(cpu, 2));
      }
      label += text;
    }
    std::snprintf(text, sizeof text, " | others %.1f", done.back().others);
    label += text;
    state.SetLabel(label);
  };
  benchmark::RegisterBenchmark(name.c_str(), run)->UseManualTime()->Iterations(std::max(rounds, 1));
}

}  // namespace bench
