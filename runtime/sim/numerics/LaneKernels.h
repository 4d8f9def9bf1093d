// SPDX-License-Identifier: Apache-2.0
// Which loops over the lanes of a warp are worth compiling for the processor at hand?
//
// LaneKernels.inc is compiled three times, for the baseline, x86-64-v3 and x86-64-v4 (levels/, with
// options from sim/CMakeLists.txt); laneKernels() is the best that the processor has. All levels give the same bits. To add one: write a static function in
// LaneKernels.inc (or in an .inc of its own that LaneKernels.inc includes), and name it in
// ATTUNE_LANE_KERNELS below, or give the struct another member and set it where LaneKernels.inc
// makes its table.
//
// What the .inc files include must not have functions with external linkage that the compiler might
// leave out of line: the linker would keep one copy for all levels, perhaps the one with AVX-512.
// So: no functions of the standard library but builtins, and in headers only `static` ones or those
// of an unnamed namespace (ops/Lanes.h).
#pragma once

#include <cstdint>

namespace attune::sim {

/// Computes d from a, b and c for the lanes of `mask`; other lanes of d stay. Rows as in
/// Program.h; d may be one of the sources, which may be equal, too. Sources that the kernel does
/// not have are ignored.
using LaneKernel = void (*)(void *d, const void *a, const void *b, const void *c, uint32_t mask);
/// Compares all lanes; bit l is lane l.
using CompareKernel = uint32_t (*)(const void *a, const void *b);

/// Kernels in all levels: `Ftz` flushes subnormal sources and results to zero of their sign.
#define ATTUNE_LANE_KERNELS(X) X(fmaF32) X(fmaF32Ftz)

struct LaneKernels {
  /// "baseline", "v3", "v4".
  const char *level;
#define ATTUNE_LANE_KERNEL(name) LaneKernel name;
  ATTUNE_LANE_KERNELS(ATTUNE_LANE_KERNEL)
#undef ATTUNE_LANE_KERNEL
};

/// The kernels for this processor.
const LaneKernels &laneKernels();

enum class LaneLevel : uint8_t { Baseline, V3, V4 };
/// The kernels of a level, or null when this processor or this build lacks it: for tests.
const LaneKernels *laneKernels(LaneLevel level);

namespace lanesBaseline {
extern const LaneKernels kernels;
}
namespace lanesV3 {
extern const LaneKernels kernels;
}
namespace lanesV4 {
extern const LaneKernels kernels;
}

} // namespace attune::sim
