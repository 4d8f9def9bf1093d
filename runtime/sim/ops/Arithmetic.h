// SPDX-License-Identifier: Apache-2.0
// How do arithmetic instructions become kernels over rows? What the files of integers, floats and
// halves share: modifiers, operands, and the handlers that run a kernel.
#pragma once

#include "runtime/sim/numerics/FloatFormats.h"
#include "runtime/sim/numerics/LaneKernels.h"
#include "runtime/sim/program/Decoder.h"

#include <optional>

namespace attune::sim {

//===-- Instructions that run a kernel ---===//

/// The instruction computes dst from a, b and c by `kernel`; rows that it lacks may be missing.
void useKernel(Instruction &instruction, LaneKernel kernel, InstructionClass kind);
/// The kernel of an instruction that useKernel made; null for all others.
LaneKernel kernelOf(const Instruction &instruction);

/// Reads dst and as many sources as there are types into a, b and c, and expects no more.
void takeOperands(Decoder &decoder, ScalarType result, std::initializer_list<ScalarType> sources);

//===-- Types ---===//

inline bool isFloating(ScalarType type) {
  return type.kind == ScalarType::Kind::Float || type.kind == ScalarType::Kind::BFloat;
}
inline bool isSigned(ScalarType type) { return type.kind == ScalarType::Kind::Signed; }
inline bool isFloat(ScalarType type, unsigned bits) {
  return type.kind == ScalarType::Kind::Float && type.bits == bits && type.elements == 1;
}
inline constexpr ScalarType typeB32{ScalarType::Kind::Bits, 32, 1};
inline constexpr ScalarType typeU32{ScalarType::Kind::Unsigned, 32, 1};
/// A signed, unsigned (or .b, when `bits`) integer of 16, 32 or 64 bits; fails otherwise.
ScalarType expectInteger(Decoder &decoder, bool bits = false);
void checkInteger(Decoder &decoder, ScalarType type, bool bits = false);
/// .b16, .b32 or .b64.
ScalarType expectBits(Decoder &decoder);

/// Kernels for integers of 16, 32 and 64 bits: unsigned, signed.
struct IntegerKernels {
  LaneKernel kernels[3][2];
  LaneKernel of(ScalarType type) const {
    return kernels[type.bits == 16 ? 0 : type.bits == 32 ? 1 : 2][isSigned(type)];
  }
};

//===-- Operations that integers and floats share ---===//

enum class Operation : uint8_t { Add, Sub, Mul, Fma, Div, Min, Max, Neg, Abs, Ex2, Tanh };

struct Modifiers {
  std::optional<Rounding> rounding;
  bool approx = false, full = false;
  bool ftz = false, nan = false, sat = false, relu = false;
  ScalarType type;
};
/// Parts of addIntegers: the opcodes that integers share with floats, and those of bits.
void addArithmetic(InstructionSet &set);
void addBitFields(InstructionSet &set);

/// The modifiers of floating-point arithmetic and the type, in the order of the PTX ISA.
Modifiers takeModifiers(Decoder &decoder);
/// .lo, .hi, .wide
enum class Product : uint8_t { Low, High, Wide };

/// Decode one operation on the type that the modifiers name; operands are next.
void decodeInteger(Decoder &decoder, Operation operation, const Modifiers &modifiers);
void decodeIntegerProduct(Decoder &decoder, Product product, bool adds);
void decodeFloat(Decoder &decoder, Operation operation, const Modifiers &modifiers);
void decodeHalf(Decoder &decoder, Operation operation, const Modifiers &modifiers);

/// What a kernel lacks: `before` is run on copies of the sources, `after` on the result; either may
/// be null.
void useKernel(Decoder &decoder, LaneKernel kernel, LaneKernel before, LaneKernel after,
               InstructionClass kind);
/// A kernel of an approximate function: Options::perturb moves its results, which have `format`,
/// f32 or two halves.
void useApproximateKernel(Instruction &instruction, LaneKernel kernel, const FloatFormat &format);

} // namespace attune::sim
