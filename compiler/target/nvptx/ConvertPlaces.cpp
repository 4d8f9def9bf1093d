// SPDX-License-Identifier: Apache-2.0
// Floats made of places, as a distance is: converted once a row, and a constant leads to other columns.
//
//   sitofp(j - i)   ->   sitofp(j0 - i) + 8.0      at the column slot that is 8 behind the lane's first
// Both are the same number while it is below 2^24. Beyond, where floats do not have all integers, the
// sum is rounded twice: so only numbers that are calculated with are made like this, which makes such a
// rounding at most twice that of a conversion (RATIONALE.md, 6). What is compared or rounded to an
// integer is converted at each place.
#include "compiler/target/nvptx/MapExpander.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

/// Sums and differences of tokens and constants; tokens are below 2^31 (the runtime checks lengths).
std::optional<MapExpander::Walk> MapExpander::walkOf(Value value) const {
  APInt number;
  if (matchPattern(value, m_ConstantInt(&number)))
    return Walk{number.getSExtValue(), number.getSExtValue(), 0};
  Operation *op = value.getDefiningOp();
  if (!op || !value.getType().isInteger(32))
    return std::nullopt;
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    auto found = indices.find(op->getOperand(0));
    if (found == indices.end() ||
        tile::MapOp(map).getOrigins()[found->second.first].getDefiningOp<tile::BoxOp>())
      return std::nullopt;
    return Walk{0, std::numeric_limits<int32_t>::max(), dependenceOf(value) & Column ? 1 : 0};
  }
  if (!isa<arith::AddIOp, arith::SubIOp>(op))
    return std::nullopt;
  std::optional<Walk> a = walkOf(op->getOperand(0)), b = walkOf(op->getOperand(1));
  if (!a || !b)
    return std::nullopt;
  Walk joined = isa<arith::AddIOp>(op)
                    ? Walk{a->low + b->low, a->high + b->high, a->step + b->step}
                    : Walk{a->low - b->high, a->high - b->low, a->step - b->step};
  return joined.fits() ? std::optional<Walk>(joined) : std::nullopt;
}

/// Does all that uses `number` vary smoothly with it?
static bool isCalculatedWith(Value number) {
  return llvm::all_of(number.getUsers(), [](Operation *user) {
    if (isa<math::AbsFOp, arith::NegFOp>(user))
      return isCalculatedWith(user->getResult(0));
    return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, math::FmaOp>(user);
  });
}

Value MapExpander::expandConversion(Operation &op, int64_t row, int64_t column) {
  auto conversion = dyn_cast<arith::SIToFPOp>(op);
  if (!conversion || column <= 0 || !conversion.getType().isF32() || !isCalculatedWith(conversion))
    return Value();
  std::optional<Walk> walk = walkOf(conversion.getIn());
  if (!walk || std::abs(walk->step) != 1)
    return Value();
  ImplicitLocOpBuilder &builder = emitter.builder;
  int64_t distance = walk->step * KernelEmitter::columnDistance(column);
  Value constant = arith::ConstantOp::create(builder, builder.getF32FloatAttr(float(distance)));
  return arith::AddFOp::create(builder, get(conversion, row, 0), constant);
}
