// SPDX-License-Identifier: Apache-2.0
#include "compiler/passes/FloatOrder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinTypes.h"
#include <limits>

using namespace mlir;

Value attune::createFloatOrder(OpBuilder &builder, Location loc, Value x) {
  auto vector = dyn_cast<VectorType>(x.getType());
  auto constant = [&](TypedAttr number) -> Value {
    if (vector)
      number = DenseElementsAttr::get(VectorType::get(vector.getShape(), number.getType()), number);
    return arith::ConstantOp::create(builder, loc, number);
  };
  auto integer = [&](int32_t value) { return constant(builder.getI32IntegerAttr(value)); };
  Type words = builder.getI32Type();
  if (vector)
    words = VectorType::get(vector.getShape(), words);
  Value zero = constant(builder.getF32FloatAttr(0));
  Value isZero = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, x, zero);
  x = arith::SelectOp::create(builder, loc, isZero, zero, x);
  Value isNan = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNO, x, x);
  Value word = arith::BitcastOp::create(builder, loc, words, x);
  Value sign = arith::ShRSIOp::create(builder, loc, word, integer(31));
  Value magnitude = arith::AndIOp::create(builder, loc, sign, integer(0x7fffffff));
  Value ordered = arith::XOrIOp::create(builder, loc, word, magnitude);
  return arith::SelectOp::create(builder, loc, isNan, integer(std::numeric_limits<int32_t>::min()),
                                 ordered);
}
