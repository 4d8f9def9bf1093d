// SPDX-License-Identifier: Apache-2.0
// What do the approximate functions of PTX give? Values within one unit in the last place (tanh of f32:
// as far off as the ISA allows), with the corner cases of the PTX ISA; and, on request, values that are a little off. (ex2 and rcp are
// in LaneKernels.)
#pragma once

#include "runtime/sim/numerics/FloatFormats.h"

#include <cstdint>

namespace attune::sim {

float approximateLg2(float x);
float approximateRsqrt(float x);
float approximateSqrt(float x);
float approximateSin(float x);
float approximateCos(float x);
/// The nearest value: 16-bit floats are rounded from it.
float approximateTanh(float x);
/// Off by up to 2^-11 of the value, all that the ISA promises, so that what a kernel makes of it shows.
float approximateTanhF32(float x);

/// `result` moved by -2 to 2 units in the last place, decided by `seed`, the source's bits and
/// `line` alone. Zeros, infinities, subnormal numbers and what is none stay, as results and as
/// sources, for those have exact results; no result becomes one of them.
uint32_t perturb(uint32_t result, uint64_t source, const FloatFormat &format, uint64_t seed,
                 uint32_t line);

} // namespace attune::sim
