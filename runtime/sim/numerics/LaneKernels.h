// SPDX-License-Identifier: Apache-2.0
// Which loops over the lanes of a warp are worth compiling for the processor at hand?
//
// LaneKernels.inc is compiled three times, for the baseline, x86-64-v3 and x86-64-v4 (levels/, with
// options from sim/CMakeLists.txt); laneKernels() is the best that the processor has. All levels
// give the same bits. To add one: write a static function in LaneKernels.inc (or in an .inc of its
// own that LaneKernels.inc includes), and name it in ATTUNE_LANE_KERNELS below, or give the struct
// another member and set it where LaneKernels.inc makes its table.
//
// What the .inc files include must not have functions with external linkage that the compiler might
// leave out of line: the linker would keep one copy for all levels, perhaps the one with AVX-512.
// So: no functions of the standard library but builtins, and in headers only `static` ones or those
// of an unnamed namespace (ops/Lanes.h).
#pragma once

#include "runtime/sim/numerics/TensorKernels.h"

#include <cstdint>

namespace attune::sim {

/// Computes d from a, b and c for the lanes of `mask`; other lanes of d stay. Rows as in
/// Program.h; d may be one of the sources, which may be equal, too. Sources that the kernel does
/// not have are ignored.
using LaneKernel = void (*)(void *d, const void *a, const void *b, const void *c, uint32_t mask);
/// Compares all lanes; bit l is lane l.
using CompareKernel = uint32_t (*)(const void *a, const void *b);

// clang-format off
/// Kernels in all levels: `Ftz` flushes subnormal sources and results to zero of their sign; `Nan`
/// is one when a source is. fmsF32 is a * b - c, fnmaF32 c - a * b; packs put a into the high half;
/// selects take b where the bit of *c is 0. U32ToB64 and the like change the width.
#define ATTUNE_LANE_KERNELS(X) \
  X(addF32) X(addF32Ftz) X(subF32) X(subF32Ftz) X(mulF32) X(mulF32Ftz) X(fmaF32) X(fmaF32Ftz) \
  X(fmsF32) X(fmsF32Ftz) X(fnmaF32) X(fnmaF32Ftz) X(minF32) X(minF32Ftz) X(minNanF32) \
  X(minNanF32Ftz) X(maxF32) X(maxF32Ftz) X(maxNanF32) X(maxNanF32Ftz) X(ex2F32) X(ex2F32Ftz) \
  X(rcpF32) X(rcpF32Ftz) X(packBf16) X(packF16) X(widenF16) X(addB32) X(subB32) X(mulLoB32) \
  X(madLoB32) X(minS32) X(maxS32) X(minU32) X(maxU32) X(andB32) X(orB32) X(xorB32) X(notB32) \
  X(shlB32) X(shrS32) X(shrU32) X(addB64) X(subB64) X(mulLoB64) X(shlB64) X(mulWideS32) \
  X(mulWideU32) X(madWideS32) X(madWideU32) X(selectB32) X(selectB64) X(negF32) X(negF32Ftz) \
  X(absF32) X(absF32Ftz) X(andB64) X(orB64) X(xorB64) X(notB64) X(shrU64) X(minS64) X(maxS64) \
  X(copyB32) X(copyB64) X(U32ToB64) X(S32ToB64) X(B64ToB32) X(S32ToF32)

/// The other comparisons are these with sources or result turned round.
#define ATTUNE_COMPARE_KERNELS(X) \
  X(equalB32) X(lessS32) X(lessU32) X(equalB64) X(lessS64) X(lessU64) X(equalF32) X(lessF32) \
  X(lessEqualF32) X(unorderedF32) X(equalF32Ftz) X(lessF32Ftz) X(lessEqualF32Ftz)
// clang-format on

struct LaneKernels {
  /// "baseline", "v3", "v4".
  const char *level;
#define ATTUNE_LANE_KERNEL(name) LaneKernel name;
  ATTUNE_LANE_KERNELS(ATTUNE_LANE_KERNEL)
#undef ATTUNE_LANE_KERNEL
#define ATTUNE_COMPARE_KERNEL(name) CompareKernel name;
  ATTUNE_COMPARE_KERNELS(ATTUNE_COMPARE_KERNEL)
#undef ATTUNE_COMPARE_KERNEL
  TensorKernels tensor;
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
