// SPDX-License-Identifier: Apache-2.0
// Asks cpuid, through the compiler's support library, and the scheduler.
#include "runtime/device/host/Processor.h"

#include <algorithm>
#include <iterator>
#include <sched.h>
#include <thread>

namespace attune::device {

HostIsa detectHostIsa() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  // The features that compilers use of each level; those of level 2 and lzcnt, movbe and f16c are
  // on every processor that has these.
  bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
            __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl");
  return v4 ? HostIsa::V4 : v3 ? HostIsa::V3 : HostIsa::Baseline;
#else
  return HostIsa::Baseline;
#endif
}

bool parseHostIsa(std::string_view name, HostIsa &isa) {
  auto found = std::find(std::begin(hostIsaNames), std::end(hostIsaNames), name);
  if (found == std::end(hostIsaNames))
    return false;
  isa = HostIsa(found - std::begin(hostIsaNames));
  return true;
}

int usableCores() {
  cpu_set_t set;
  int count = sched_getaffinity(0, sizeof(set), &set) == 0
                  ? CPU_COUNT(&set)
                  : int(std::thread::hardware_concurrency());
  return std::max(count, 1);
}

} // namespace attune::device
