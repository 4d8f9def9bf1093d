// SPDX-License-Identifier: Apache-2.0
// How is one step of vector code written at one level of x86-64? Small steps: constants, memory, exp2,
// narrow floats. What they are composed to is KernelEmitter's.
//
// How values are held: bf16 and f16 as f32 that hold rounded values, index as i64; in scratch memory
// the same, and i1 as a byte; in the user's memory bf16 and f16 are their bits and i1 is a byte.
#ifndef ATTUNE_COMPILER_TARGET_HOST_LANEBUILDER_H
#define ATTUNE_COMPILER_TARGET_HOST_LANEBUILDER_H

#include "compiler/target/host/HostLevel.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace attune {

/// bf16 or f16.
bool isNarrowFloat(mlir::Type type);

class LaneBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Body = llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)>;

  LaneBuilder(mlir::Location loc, mlir::OpBuilder builder, const HostFacts &facts)
      : ImplicitLocOpBuilder(loc, builder), facts(facts) {}

  const HostFacts &facts;

  //===--- types and constants -----------------------------------------------------------------===//

  /// The type that holds a scalar `type` in registers, in scratch memory, in the user's memory.
  mlir::Type getHeldType(mlir::Type type);
  mlir::Type getScratchType(mlir::Type type);
  mlir::Type getMemoryType(mlir::Type type);
  mlir::Type pointerType();
  /// `lanes` of a scalar type.
  mlir::Type vectorOf(mlir::Type scalar, int64_t lanes);

  mlir::Value integer(int64_t value);
  /// A constant of an integer, a float, or a vector type of equal elements.
  mlir::Value constant(mlir::Type type, int64_t value);
  mlir::Value constantFloat(mlir::Type type, double value);
  /// first, first + 1, ...
  mlir::Value iota(mlir::Type integerType, int64_t lanes, int64_t first = 0);
  mlir::Value lanes(mlir::Type integerType, llvm::ArrayRef<int64_t> numbers);
  mlir::Value splat(mlir::Value scalar, int64_t lanes);
  /// `value` itself if it is a vector, otherwise a splat.
  mlir::Value asLanes(mlir::Value value, int64_t lanes);

  //===--- integers and control ----------------------------------------------------------------===//

  mlir::Value add(mlir::Value left, mlir::Value right);
  mlir::Value subtract(mlir::Value left, mlir::Value right);
  mlir::Value multiply(mlir::Value left, mlir::Value right);
  mlir::Value minimum(mlir::Value left, mlir::Value right);
  mlir::Value maximum(mlir::Value left, mlir::Value right);

  /// `scf.for`; the body returns what is carried on. Returns the final values.
  llvm::SmallVector<mlir::Value> loop(mlir::Value begin, mlir::Value end, int64_t step,
                                      mlir::ValueRange initial, Body body);
  void loop(mlir::Value begin, mlir::Value end, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);

  //===--- memory ------------------------------------------------------------------------------===//

  /// pointer + index elements of `element`.
  mlir::Value address(mlir::Value pointer, mlir::Type element, mlir::Value index);
  mlir::Value address(mlir::Value pointer, mlir::Type element, int64_t index);
  /// Alignment 0: that of one element.
  mlir::Value load(mlir::Type type, mlir::Value pointer, int64_t alignment = 0);
  void store(mlir::Value value, mlir::Value pointer, int64_t alignment = 0);
  /// Reads pointer[indices] (i64 lanes) where `mask` (null: everywhere), 0 elsewhere.
  mlir::Value gather(mlir::Type element, mlir::Value pointer, mlir::Value indices,
                     mlir::Value mask = {});
  /// Neighbours from `pointer` on where `mask`, 0 elsewhere; elements need no more than their alignment.
  mlir::Value maskedLoad(mlir::Type type, mlir::Value pointer, mlir::Value mask);
  void maskedStore(mlir::Value value, mlir::Value pointer, mlir::Value mask);
  /// The columns of the square block whose rows are given.
  llvm::SmallVector<mlir::Value> turned(mlir::ArrayRef<mlir::Value> rows);
  /// Asks for the cache line at `pointer` in the cache of level 1 or 2; any address is allowed.
  void prefetch(mlir::Value pointer, int level = 2);
  void scatter(mlir::Value value, mlir::Value pointer, mlir::Value indices, mlir::Value mask);

  /// Between the user's memory and registers, for one scalar or lanes of `type`.
  mlir::Value fromMemory(mlir::Value raw, mlir::Type type);
  mlir::Value toMemory(mlir::Value held, mlir::Type type);
  /// Between scratch memory and registers.
  mlir::Value fromScratch(mlir::Value raw, mlir::Type type);
  mlir::Value toScratch(mlir::Value held, mlir::Type type);

  //===--- numbers -----------------------------------------------------------------------------===//

  /// left * right + addend, fused where the level has it.
  mlir::Value fma(mlir::Value left, mlir::Value right, mlir::Value addend);
  /// 2^x and e^x of f32 lanes: -inf gives 0, +inf gives inf, NaN gives NaN. Below 2^-125 it may be 0.
  mlir::Value exp2(mlir::Value x);
  /// 2^(x * factor), the product as exact as the function: only its whole part is rounded.
  mlir::Value exp2(mlir::Value x, double factor);
  mlir::Value exp(mlir::Value x);
  /// Of f32 lanes, with an error of 1.1 units in the last place (1.4 where multiply-add rounds twice).
  mlir::Value tanh(mlir::Value x);
  /// sin(x + quadrants pi / 2) of f32 lanes, good to 3e-7 for |x| up to 10^8.
  mlir::Value sine(mlir::Value x, int64_t quadrants);
  /// f32 (scalar or lanes), rounded to the nearest even value of a narrow float type.
  mlir::Value roundTo(mlir::Value x, mlir::Type narrow);

private:
  /// A type like `shape` (scalar or vector) with other elements.
  mlir::Type likeShape(mlir::Type shape, mlir::Type element);
  mlir::Value bitcast(mlir::Value value, mlir::Type element);
  mlir::Value widen(mlir::Value bits, mlir::Type narrow);
  mlir::Value narrow(mlir::Value x, mlir::Type narrow);
  mlir::Value roundedBFloatBits(mlir::Value x);
  mlir::Value widenHalfByBits(mlir::Value bits);
  mlir::Value narrowHalfByBits(mlir::Value x);
  /// 2^n * 2^fraction for |fraction| <= 1/2 and integral n in [-126, 129] ([-150, 129] where the level
  /// scales); `rounded` is roundForExponent's.
  mlir::Value scaledPolynomial(mlir::Value fraction, mlir::Value rounded);
  mlir::Value roundForExponent(mlir::Value t, mlir::Value &rounded);
};

} // namespace attune

#endif // ATTUNE_COMPILER_TARGET_HOST_LANEBUILDER_H
