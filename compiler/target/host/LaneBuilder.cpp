// SPDX-License-Identifier: Apache-2.0
// Constants, loops and memory accesses of vector code.
#include "compiler/target/host/LaneBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace attune {

bool isNarrowFloat(Type type) { return type.isBF16() || type.isF16(); }

//===--- types and constants -------------------------------------------------------------------===//

Type LaneBuilder::getHeldType(Type type) {
  return isNarrowFloat(type) ? getF32Type() : type.isIndex() ? getI64Type() : type;
}

Type LaneBuilder::getScratchType(Type type) {
  return type.isInteger(1) ? getI8Type() : getHeldType(type);
}

Type LaneBuilder::getMemoryType(Type type) {
  return isNarrowFloat(type) ? getIntegerType(16) : getScratchType(type);
}

Type LaneBuilder::pointerType() { return LLVM::LLVMPointerType::get(getContext()); }

Type LaneBuilder::vectorOf(Type scalar, int64_t lanes) { return VectorType::get(lanes, scalar); }

Type LaneBuilder::likeShape(Type shape, Type element) {
  auto vector = dyn_cast<VectorType>(shape);
  return vector ? vector.clone(element) : element;
}

Value LaneBuilder::integer(int64_t value) { return constant(getI64Type(), value); }

Value LaneBuilder::constant(Type type, int64_t value) {
  auto attribute = getIntegerAttr(getElementTypeOrSelf(type), value);
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(*this, DenseElementsAttr::get(vector, Attribute(attribute)));
  return arith::ConstantOp::create(*this, attribute);
}

Value LaneBuilder::constantFloat(Type type, double value) {
  auto attribute = getFloatAttr(getElementTypeOrSelf(type), value);
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(*this, DenseElementsAttr::get(vector, Attribute(attribute)));
  return arith::ConstantOp::create(*this, attribute);
}

Value LaneBuilder::iota(Type integerType, int64_t lanes, int64_t first) {
  return this->lanes(integerType, llvm::to_vector(llvm::seq(first, first + lanes)));
}

Value LaneBuilder::lanes(Type integerType, ArrayRef<int64_t> numbers) {
  SmallVector<Attribute> values;
  for (int64_t number : numbers)
    values.push_back(getIntegerAttr(integerType, number));
  auto type = VectorType::get(numbers.size(), integerType);
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(type, values));
}

Value LaneBuilder::splat(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(*this, vectorOf(scalar.getType(), lanes), scalar);
}

Value LaneBuilder::asLanes(Value value, int64_t lanes) {
  return isa<VectorType>(value.getType()) ? value : splat(value, lanes);
}

//===--- integers and control ------------------------------------------------------------------===//

Value LaneBuilder::add(Value left, Value right) {
  return arith::AddIOp::create(*this, left, right);
}
Value LaneBuilder::subtract(Value left, Value right) {
  return arith::SubIOp::create(*this, left, right);
}
Value LaneBuilder::multiply(Value left, Value right) {
  return arith::MulIOp::create(*this, left, right);
}
Value LaneBuilder::minimum(Value left, Value right) {
  return arith::MinSIOp::create(*this, left, right);
}
Value LaneBuilder::maximum(Value left, Value right) {
  return arith::MaxSIOp::create(*this, left, right);
}

SmallVector<Value> LaneBuilder::loop(Value begin, Value end, int64_t step, ValueRange initial,
                                     Body body) {
  auto loop = scf::ForOp::create(*this, begin, end, integer(step), initial);
  InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!initial.empty())
    scf::YieldOp::create(*this, next);
  return SmallVector<Value>(loop.getResults());
}

void LaneBuilder::loop(Value begin, Value end, int64_t step, llvm::function_ref<void(Value)> body) {
  loop(begin, end, step, ValueRange(), [&](Value index, ValueRange) {
    body(index);
    return SmallVector<Value>();
  });
}

//===--- memory --------------------------------------------------------------------------------===//

Value LaneBuilder::address(Value pointer, Type element, Value index) {
  return LLVM::GEPOp::create(*this, pointerType(), element, pointer, ArrayRef<LLVM::GEPArg>{index});
}

Value LaneBuilder::address(Value pointer, Type element, int64_t index) {
  if (index == 0)
    return pointer;
  return LLVM::GEPOp::create(*this, pointerType(), element, pointer,
                             ArrayRef<LLVM::GEPArg>{int32_t(index)});
}

static int64_t getElementBytes(Type type) {
  return llvm::divideCeil(getElementTypeOrSelf(type).getIntOrFloatBitWidth(), 8);
}

Value LaneBuilder::load(Type type, Value pointer, int64_t alignment) {
  return LLVM::LoadOp::create(*this, type, pointer, alignment ? alignment : getElementBytes(type));
}

void LaneBuilder::store(Value value, Value pointer, int64_t alignment) {
  LLVM::StoreOp::create(*this, value, pointer,
                        alignment ? alignment : getElementBytes(value.getType()));
}

/// The addresses pointer[indices].
static Value getAddresses(LaneBuilder &b, Value pointer, Type element, Value indices) {
  auto type =
      VectorType::get(cast<VectorType>(indices.getType()).getNumElements(), b.pointerType());
  return LLVM::GEPOp::create(b, type, element, pointer, ArrayRef<LLVM::GEPArg>{indices});
}

Value LaneBuilder::gather(Type element, Value pointer, Value indices, Value mask) {
  int64_t lanes = cast<VectorType>(indices.getType()).getNumElements();
  Type type = vectorOf(element, lanes);
  if (!mask)
    mask = constant(vectorOf(getI1Type(), lanes), 1);
  Value zero = isa<FloatType>(element) ? constantFloat(type, 0.0) : constant(type, 0);
  return LLVM::masked_gather::create(*this, type, getAddresses(*this, pointer, element, indices),
                                     mask, ValueRange{zero}, uint32_t(getElementBytes(element)));
}

Value LaneBuilder::maskedLoad(Type type, Value pointer, Value mask) {
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(type));
  Value zero = isFloat ? constantFloat(type, 0.0) : constant(type, 0);
  return LLVM::MaskedLoadOp::create(*this, type, pointer, mask, zero,
                                    uint32_t(getElementBytes(type)));
}

void LaneBuilder::maskedStore(Value value, Value pointer, Value mask) {
  LLVM::MaskedStoreOp::create(*this, value, pointer, mask,
                              uint32_t(getElementBytes(value.getType())));
}

/// Swaps one bit of the row's number with the same bit of the lane's, after the other bits.
SmallVector<Value> LaneBuilder::turned(ArrayRef<Value> rows) {
  SmallVector<Value> block(rows);
  int64_t size = rows.size();
  for (int64_t bit = 1; bit < size; bit *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < size; ++lane) {
      low.push_back(lane & bit ? size + lane - bit : lane);
      high.push_back(lane & bit ? size + lane : lane + bit);
    }
    for (int64_t row = 0; row < size; ++row) {
      if (row & bit)
        continue;
      Value upper = block[row], lower = block[row + bit];
      block[row] = vector::ShuffleOp::create(*this, upper, lower, low);
      block[row + bit] = vector::ShuffleOp::create(*this, upper, lower, high);
    }
  }
  return block;
}

void LaneBuilder::prefetch(Value pointer, int level) {
  LLVM::Prefetch::create(*this, pointer, /*rw=*/0, /*hint=*/4 - level, /*cache=*/1);
}

void LaneBuilder::scatter(Value value, Value pointer, Value indices, Value mask) {
  Type element = getElementTypeOrSelf(value.getType());
  LLVM::masked_scatter::create(*this, value, getAddresses(*this, pointer, element, indices), mask,
                               uint32_t(getElementBytes(element)));
}

Value LaneBuilder::fromScratch(Value raw, Type type) {
  if (!type.isInteger(1))
    return raw;
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::ne, raw, constant(raw.getType(), 0));
}

Value LaneBuilder::toScratch(Value held, Type type) {
  if (!type.isInteger(1))
    return held;
  return arith::ExtUIOp::create(*this, likeShape(held.getType(), getI8Type()), held);
}

Value LaneBuilder::fromMemory(Value raw, Type type) {
  return isNarrowFloat(type) ? widen(raw, type) : fromScratch(raw, type);
}

Value LaneBuilder::toMemory(Value held, Type type) {
  return isNarrowFloat(type) ? narrow(held, type) : toScratch(held, type);
}

} // namespace attune
