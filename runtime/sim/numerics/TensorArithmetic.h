// SPDX-License-Identifier: Apache-2.0
// What do tensor cores compute? Products of a warp's fragments, added up bit for bit as each target
// does, or fast, or in double.
#pragma once

#include "runtime/sim/Options.h"

#include <cstdint>

namespace attune::sim {

enum class TensorElement : uint8_t { F16, BF16, TF32, E4M3, E5M2, S8, U8 };
enum class TensorResult : uint8_t { F32, F16, S32 };

/// Elements of a 32-bit register.
unsigned elementsPerRegister(TensorElement element);

/// How an instruction adds up the products of one output.
struct TensorRule {
  Numerics numerics = Numerics::Exact;
  TensorElement a = TensorElement::F16, b = TensorElement::F16;
  TensorResult result = TensorResult::F32;
  /// Terms of an output, and how many of them (with what is there already) are added at a time.
  unsigned terms = 16, termsAtOnce = 16;
  /// Bits behind the point to which terms are truncated, relative to the largest exponent.
  unsigned fractionBits = 25;
  /// Bits that remain of an f32 result: fp8 products leave 13 behind the point.
  uint32_t resultMask = ~0u;
  /// A or B is taken with the opposite sign.
  bool negateA = false, negateB = false;
  /// Of integers: clamp instead of wrap.
  bool saturate = false;
};

/// The rule of an instruction that adds `terms` products on sm_`target`; `warpgroup`: of wgmma.
TensorRule tensorRule(Numerics numerics, unsigned target, bool warpgroup, TensorElement a,
                      TensorElement b, TensorResult result, unsigned terms);

/// Operand A of a warp, 16 rows: for each term k and half h of the rows, lane l has row l/4 + 8h.
struct TensorA {
  static constexpr unsigned maximumTerms = 32;
  alignas(64) float value[maximumTerms][2][32];
  /// 2^exponent of the value, the exponent that its type gives it: subnormals have the least one.
  alignas(64) float power[maximumTerms][2][32];
  /// Exponents of f32 within which all powers lie, but for zeros.
  int smallest = 0, largest = 0;
  /// Rows with an infinity or NaN. They are 0 above and stand here.
  uint32_t special = 0;
  alignas(64) float specialValue[maximumTerms][2][32];
};

/// Operand B, 8 columns: for each term k and parity j of the columns, element x has column
/// 2(x % 4) + j.
struct TensorB {
  alignas(64) float value[TensorA::maximumTerms][2][16];
  alignas(64) float power[TensorA::maximumTerms][2][16];
  int smallest = 0, largest = 0;
  uint32_t special = 0;
  alignas(64) float specialValue[TensorA::maximumTerms][2][16];
};

/// Reads A from a fragment of mma (PTX ISA "Matrix Fragments for mma.m16n8k16" and alike):
/// `registers` of 32 lanes, as many as `rule.terms` elements of 16 rows need.
void loadTensorA(const TensorRule &rule, const uint32_t *const registers[4], TensorA &a);
/// Reads B from a fragment of mma, one or two registers.
void loadTensorB(const TensorRule &rule, const uint32_t *const registers[2], TensorB &b);

/// Adds the products to `c` and writes them to `d`, the rows of four registers of an f32 or s32
/// accumulator fragment (lane l of register i: row l/4 + 8(i/2), column 2(l%4) + i%2); results of
/// f16 stand there as f32. `c` and `d` may be the same; null `c` is zeros.
void multiplyTensors(const TensorRule &rule, const TensorA &a, const TensorB &b,
                     const uint32_t *const c[4], uint32_t *const d[4]);

/// Numerics::Fast of F16 or BF16 with sums in f32, straight from the fragments; `d` may be any of the
/// others.
void multiplyFragments(const TensorRule &rule, const uint32_t *const a[4],
                       const uint32_t *const b[2], const uint32_t *const c[4],
                       uint32_t *const d[4]);

/// Products of integers, straight from the fragments.
void multiplyIntegerTensors(const TensorRule &rule, const uint32_t *const a[4],
                            const uint32_t *const b[2], const uint32_t *const c[4],
                            uint32_t *const d[4]);

/// Two rows of f16 accumulators (halves: columns 2(l%4) and the next) as four rows of f32, and back.
void unpackHalves(const uint32_t *const packed[2], uint32_t *const rows[4]);
void packHalves(const uint32_t *const rows[4], uint32_t *const packed[2]);

} // namespace attune::sim
