// tests/detail/usable_cpus_test.cpp · how many processors a process may use: by its affinity, by its groups' quotas
// SPDX-License-Identifier: MIT
#include <spool/detail/platform/usable_cpus.hpp>

#include "support/catch.hpp"
#include "support/process.hpp"

#if defined(__linux__)

#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

namespace fs = std::filesystem;

/// A tree of control groups, as the kernel shows it.
class group_tree {
public:
  group_tree() {
    static int trees = 0;
    root_ = fs::temp_directory_path() / ("spool-groups-" + std::to_string(::getpid()) + "-" + std::to_string(trees++));
    fs::create_directories(root_);
  }
  group_tree(const group_tree&) = delete;
  group_tree& operator=(const group_tree&) = delete;
  ~group_tree() { fs::remove_all(root_); }

  void write(const std::string& file, const std::string& text) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text << '\n';
  }

  /// What is left of `cpus` for a process that is a member of what `membership` says.
  std::size_t limited(std::size_t cpus, const std::string& membership) const {
    write("membership", membership);
    spool::detail::limit_by_groups(cpus, (root_ / "membership").c_str(), root_.string());
    return cpus;
  }

private:
  fs::path root_;
};

}  // namespace

TEST_CASE("a quota of version 2 limits the processors, rounded up") {
  const group_tree groups;
  groups.write("app/cpu.max", "250000 100000");
  CHECK(groups.limited(8, "0::/app") == 3);
  groups.write("app/cpu.max", "200000 100000");
  CHECK(groups.limited(8, "0::/app") == 2);
  groups.write("app/cpu.max", "1000 100000");
  CHECK(groups.limited(8, "0::/app") == 1);
}

TEST_CASE("a quota larger than the processors, or none, limits nothing") {
  const group_tree groups;
  groups.write("app/cpu.max", "max 100000");
  CHECK(groups.limited(8, "0::/app") == 8);
  groups.write("app/cpu.max", "10000000 100000");
  CHECK(groups.limited(8, "0::/app") == 8);
  CHECK(groups.limited(8, "0::/elsewhere") == 8);
  groups.write("app/cpu.max", "garbage");
  CHECK(groups.limited(8, "0::/app") == 8);
  CHECK(groups.limited(8, "nonsense") == 8);
}

TEST_CASE("the quota of a parent group binds too") {
  const group_tree groups;
  groups.write("cpu.max", "600000 100000");
  groups.write("app/cpu.max", "300000 100000");
  groups.write("app/part/cpu.max", "max 100000");
  CHECK(groups.limited(8, "0::/app/part") == 3);
  CHECK(groups.limited(8, "0::/") == 6);
}

TEST_CASE("a quota of version 1 limits the processors, rounded up") {
  const group_tree groups;
  groups.write("cpu/app/cpu.cfs_quota_us", "150000");
  groups.write("cpu/app/cpu.cfs_period_us", "100000");
  CHECK(groups.limited(8, "12:memory:/app\n4:cpu,cpuacct:/app\n1:name=systemd:/app") == 2);
  groups.write("cpu/app/cpu.cfs_quota_us", "-1");
  CHECK(groups.limited(8, "4:cpu,cpuacct:/app") == 8);
  CHECK(groups.limited(8, "4:cpuset:/app") == 8);
}

#endif

TEST_CASE("there is at least one usable processor") { CHECK(spool::detail::count_usable_cpus() >= 1); }

TEST_CASE("the affinity of the process limits the processors") {
  const one_cpu only;
  REQUIRE(only.in_force);
  CHECK(spool::detail::count_usable_cpus() == 1);
}
