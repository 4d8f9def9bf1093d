// SPDX-License-Identifier: Apache-2.0
// How accurate are functions on the GPU, and which instructions compute them?
//
//   exp2, log2      ex2.approx.ftz (2 ulp), lg2.approx.ftz (2^-22)
//   exp, log, log10 those, times a constant
//   1 / y, x / y    rcp.approx.ftz (1 ulp), x times that (2 ulp; 0 where |y| > 2^126). The reciprocal
//                   of a divisor that is the same for a row or a block is computed once
//   sqrt, rsqrt     sqrt.approx.ftz, rsqrt.approx.ftz (2^-22)
//   tanh            through ex2 and rcp, below 1/4 a polynomial: 8 ulp. Not tanh.approx: its 2^-11
//                   would be seen beside bf16's own rounding
//   log1p, expm1    near 0 a polynomial, else log and exp; sinh by expm1
//   sin, cos        the argument reduced by pi / 2 in three parts, then polynomials
//   others          upstream's expansions and polynomials
// Subnormal f32 numbers are flushed to zero throughout. Numbers of 16 bits are computed in f32.
#ifndef ATTUNE_COMPILER_TARGET_NVPTX_MATHTOPTX_H
#define ATTUNE_COMPILER_TARGET_NVPTX_MATHTOPTX_H

#include "mlir/IR/BuiltinOps.h"

namespace attune::nvptx {

/// Replaces all functions of `math`, and f32 division, by instructions that PTX has. What remains
/// has an LLVM intrinsic that the NVPTX back end selects without a call. Refuses functions of f64.
mlir::LogicalResult lowerMath(mlir::ModuleOp module);

} // namespace attune::nvptx

#endif // ATTUNE_COMPILER_TARGET_NVPTX_MATHTOPTX_H
