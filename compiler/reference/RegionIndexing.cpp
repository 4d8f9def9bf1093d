// SPDX-License-Identifier: Apache-2.0
// What do the ops of regions compute that are about indices: affine maps and sets, coordinates,
// table entries and axis lengths?
#include "compiler/reference/Region.h"
#include "dialects/attn/AttnOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"

using namespace mlir;

namespace attune::reference {
namespace {

/// The operands of an affine op or of an index.
struct Operands {
  std::vector<Register> registers;
  unsigned numDims;

  bool areUniform(const Frame &frame) const {
    return llvm::all_of(registers, [&](Register r) { return frame.registers[r].uniform; });
  }
  void read(const Frame &frame, int64_t place, SmallVectorImpl<int64_t> &values) const {
    values.clear();
    for (Register index : registers) {
      const Lanes &lanes = frame.registers[index];
      values.push_back(lanes.integers[size_t(place * lanes.stride())]);
    }
  }
};

/// One number at every place, or one for all of them.
struct Column {
  std::vector<int64_t> numbers;
  bool uniform = false;

  int64_t at(size_t place) const { return numbers[uniform ? 0 : place]; }
};

int64_t floorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

int64_t apply(AffineExprKind kind, int64_t a, int64_t b) {
  switch (kind) {
  case AffineExprKind::Add: return a + b;
  case AffineExprKind::Mul: return a * b;
  case AffineExprKind::FloorDiv: return floorDivide(a, b);
  case AffineExprKind::Mod: return a - floorDivide(a, b) * b;
  default: return floorDivide(a, b) + (a % b != 0); // ceildiv
  }
}

bool divides(AffineExprKind kind) {
  return kind != AffineExprKind::Add && kind != AffineExprKind::Mul;
}

/// The values of an affine expression, computed op by op over all places; nothing where it divides
/// by zero or less at one of them.
std::optional<Column> evaluate(AffineExpr expression, const Operands &operands,
                               const Frame &frame) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return Column{{constant.getValue()}, true};
  auto read = [&](unsigned operand) {
    const Lanes &lanes = frame.registers[operands.registers[operand]];
    auto first = lanes.integers.begin();
    return Column{{first, first + (lanes.uniform ? 1 : frame.places)}, lanes.uniform};
  };
  if (auto dim = dyn_cast<AffineDimExpr>(expression))
    return read(dim.getPosition());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return read(operands.numDims + symbol.getPosition());
  auto binary = cast<AffineBinaryOpExpr>(expression);
  std::optional<Column> left = evaluate(binary.getLHS(), operands, frame);
  std::optional<Column> right = evaluate(binary.getRHS(), operands, frame);
  if (!left || !right)
    return std::nullopt;
  AffineExprKind kind = binary.getKind();
  if (divides(kind) && llvm::any_of(right->numbers, [](int64_t number) { return number <= 0; }))
    return std::nullopt;
  Column result;
  result.uniform = left->uniform && right->uniform;
  result.numbers.resize(size_t(result.uniform ? 1 : frame.places));
  for (size_t place = 0; place < result.numbers.size(); ++place)
    result.numbers[place] = apply(kind, left->at(place), right->at(place));
  return result;
}

Operands useAll(RegionBuilder &builder, ValueRange dims, ValueRange symbols) {
  Operands operands;
  operands.numDims = unsigned(dims.size());
  for (Value value : dims)
    operands.registers.push_back(builder.use(value));
  for (Value value : symbols)
    operands.registers.push_back(builder.use(value));
  return operands;
}

/// result = combine(values of the expressions): of a map of one, a minimum, a set of constraints.
template <typename Combine>
bool expressions(RegionBuilder &builder, Operation *op, Operands operands,
                 ArrayRef<AffineExpr> list, Combine combine) {
  Register out = builder.define(op->getResult(0));
  std::string name = op->getName().getStringRef().str();
  builder.add([=, list = SmallVector<AffineExpr>(list)](Frame &frame) {
    bool uniform = operands.areUniform(frame);
    Lanes &result = frame.define(out, true, 1, uniform);
    std::vector<Column> columns;
    for (AffineExpr expression : list) {
      auto column = evaluate(expression, operands, frame);
      if (!column) {
        frame.error = "'" + name + "' divides by zero or less at a visible place";
        return;
      }
      columns.push_back(std::move(*column));
    }
    SmallVector<int64_t, 8> values(list.size());
    for (int64_t place = 0, end = uniform ? 1 : frame.places; place < end; ++place) {
      for (auto [value, column] : llvm::zip_equal(values, columns))
        value = column.at(size_t(place));
      result.integers[size_t(place)] = combine(ArrayRef<int64_t>(values));
    }
  });
  return true;
}

bool translateAffineMaps(RegionBuilder &builder, Operation *op) {
  auto translate = [&](AffineMap map, auto combine) {
    ValueRange all = op->getOperands();
    return expressions(
        builder, op,
        useAll(builder, all.take_front(map.getNumDims()), all.drop_front(map.getNumDims())),
        map.getResults(), combine);
  };
  if (auto apply = dyn_cast<affine::AffineApplyOp>(op))
    return translate(apply.getAffineMap(), [](ArrayRef<int64_t> values) { return values[0]; });
  if (auto minimum = dyn_cast<affine::AffineMinOp>(op))
    return translate(minimum.getAffineMap(),
                     [](ArrayRef<int64_t> values) { return *llvm::min_element(values); });
  if (auto maximum = dyn_cast<affine::AffineMaxOp>(op))
    return translate(maximum.getAffineMap(),
                     [](ArrayRef<int64_t> values) { return *llvm::max_element(values); });
  return false;
}

bool translateHolds(RegionBuilder &builder, attn::HoldsOp op) {
  IntegerSet set = op.getSet();
  return expressions(builder, op, useAll(builder, op.getDims(), op.getSymbols()),
                     set.getConstraints(), [set](ArrayRef<int64_t> values) -> int64_t {
                       for (auto [i, value] : llvm::enumerate(values))
                         if (set.isEq(unsigned(i)) ? value != 0 : value < 0)
                           return 0;
                       return 1;
                     });
}

//===--- Coordinates --------------------------------------------------------------------------===//

/// The basis of a (de)linearization: constants, and registers where they are dynamic.
struct Basis {
  SmallVector<int64_t> fixed;
  std::vector<Register> dynamic;

  /// The basis at a place; false if an entry is not positive.
  bool read(const Frame &frame, int64_t place, SmallVectorImpl<int64_t> &sizes) const {
    sizes = fixed;
    unsigned next = 0;
    for (int64_t &size : sizes) {
      if (ShapedType::isDynamic(size)) {
        const Lanes &lanes = frame.registers[dynamic[next++]];
        size = lanes.integers[size_t(place * lanes.stride())];
      }
      if (size <= 0)
        return false;
    }
    return true;
  }
};

Basis useBasis(RegionBuilder &builder, ArrayRef<int64_t> fixed, ValueRange dynamic) {
  Basis basis;
  basis.fixed.assign(fixed.begin(), fixed.end());
  for (Value value : dynamic)
    basis.dynamic.push_back(builder.use(value));
  return basis;
}

constexpr const char *badBasis = "a grid size is zero or less at a visible place";

/// index = ((r0 * n1 + r1) * n2 + r2) ...: the last coordinates are remainders, floored; the first
/// one is what is left.
bool translateDelinearize(RegionBuilder &builder, affine::AffineDelinearizeIndexOp op) {
  Register linear = builder.use(op.getLinearIndex());
  Basis basis = useBasis(builder, op.getStaticBasis(), op.getDynamicBasis());
  std::vector<Register> out;
  for (Value result : op.getResults())
    out.push_back(builder.define(result));
  builder.add([=](Frame &frame) {
    for (Register result : out)
      frame.define(result, true, 1, false);
    SmallVector<int64_t, 4> sizes;
    for (int64_t place = 0; place < frame.places; ++place) {
      if (!basis.read(frame, place, sizes)) {
        frame.error = std::string("'affine.delinearize_index': ") + badBasis;
        return;
      }
      const Lanes &from = frame.registers[linear];
      int64_t rest = from.integers[size_t(place * from.stride())];
      for (size_t result = out.size(); result-- > 0;) {
        size_t fromEnd = out.size() - result;
        int64_t coordinate = rest;
        if (result > 0) { // the first coordinate takes all, whether the basis bounds it or not
          int64_t size = sizes[sizes.size() - fromEnd];
          int64_t floor = rest / size - (rest % size < 0);
          coordinate = rest - floor * size;
          rest = floor;
        }
        frame.registers[out[result]].integers[size_t(place)] = coordinate;
      }
    }
  });
  return true;
}

bool translateLinearize(RegionBuilder &builder, affine::AffineLinearizeIndexOp op) {
  std::vector<Register> in;
  for (Value index : op.getMultiIndex())
    in.push_back(builder.use(index));
  Basis basis = useBasis(builder, op.getStaticBasis(), op.getDynamicBasis());
  Register out = builder.define(op.getResult());
  builder.add([=](Frame &frame) {
    frame.define(out, true, 1, false);
    SmallVector<int64_t, 4> sizes;
    for (int64_t place = 0; place < frame.places; ++place) {
      if (!basis.read(frame, place, sizes)) {
        frame.error = std::string("'affine.linearize_index': ") + badBasis;
        return;
      }
      int64_t sum = 0;
      for (size_t dim = 0; dim < in.size(); ++dim) {
        const Lanes &index = frame.registers[in[dim]];
        int64_t size = dim == 0 ? 1 : sizes[sizes.size() - (in.size() - dim)];
        sum = sum * size + index.integers[size_t(place * index.stride())];
      }
      frame.registers[out].integers[size_t(place)] = sum;
    }
  });
  return true;
}

//===--- Tables and lengths -------------------------------------------------------------------===//

/// Reads the entry of `table` at `at` into place `place` of `result`. The dimensions behind those of
/// `at` are the numbers of one entry.
void readEntry(const Tensor &tensor, ArrayRef<int64_t> at, Lanes &result, int64_t place) {
  SmallVector<int64_t, 4> all(at);
  all.resize(tensor.shape.size(), 0);
  for (int64_t lane = 0; lane < result.width; ++lane) {
    int64_t rest = lane;
    for (size_t dim = tensor.shape.size(); dim-- > at.size();) {
      all[dim] = rest % tensor.shape[dim];
      rest /= tensor.shape[dim];
    }
    int64_t from = tensor.offset({all.data(), all.size()});
    if (result.integer)
      result.integers[size_t(place * result.width + lane)] = tensor.integer(from);
    else
      result.reals[size_t(place * result.width + lane)] = tensor.real(from);
  }
}

void writeZeros(Lanes &result, int64_t place) {
  for (int64_t at = place * result.width; at < (place + 1) * result.width; ++at)
    if (result.integer)
      result.integers[size_t(at)] = 0;
    else
      result.reals[size_t(at)] = 0;
}

/// The first dimension that `at` leaves, if it does.
std::optional<size_t> dimensionLeft(const Tensor &tensor, ArrayRef<int64_t> at) {
  for (auto [dim, index] : llvm::enumerate(at))
    if (index < 0 || index >= tensor.shape[dim])
      return dim;
  return std::nullopt;
}

bool translateLoad(RegionBuilder &builder, attn::LoadOp op) {
  const Table *table = builder.getTable(op.getTable());
  if (!table) {
    builder.fail(op, "reads a table that is no operand of the kernel");
    return true;
  }
  Operands indices = useAll(builder, op.getIndices(), {});
  Register out = builder.define(op.getResult());
  int64_t width = widthOf(op.getType());
  bool integer = isInteger(op.getType()), zeroOutside = builder.getEnvironment().zeroOutside;
  builder.add([=](Frame &frame) {
    bool uniform = indices.areUniform(frame);
    Lanes &result = frame.define(out, integer, width, uniform);
    SmallVector<int64_t, 4> at;
    for (int64_t place = 0, end = uniform ? 1 : frame.places; place < end; ++place) {
      indices.read(frame, place, at);
      std::optional<size_t> left = dimensionLeft(table->tensor, at);
      if (left && !zeroOutside) {
        frame.error = "table '" + table->name +
                      "' is read out of range at a visible place: index " + std::to_string(*left) +
                      " is " + std::to_string(at[*left]) + ", its size is " +
                      std::to_string(table->tensor.shape[*left]);
        return;
      }
      if (left)
        writeZeros(result, place);
      else
        readEntry(table->tensor, at, result, place);
    }
  });
  return true;
}

} // namespace

bool translateIndexing(RegionBuilder &builder, Operation *op) {
  if (auto load = dyn_cast<attn::LoadOp>(op))
    return translateLoad(builder, load);
  if (auto holds = dyn_cast<attn::HoldsOp>(op))
    return translateHolds(builder, holds);
  if (auto size = dyn_cast<attn::SizeOp>(op)) {
    auto length = builder.getEnvironment().lengths.find(size.getAxis());
    if (length == builder.getEnvironment().lengths.end())
      builder.fail(op, "asks for axis " + size.getAxis() + ", which nothing binds");
    else
      builder.defineConstant(size, Lanes::ofInteger(length->second));
    return true;
  }
  if (auto coordinates = dyn_cast<affine::AffineDelinearizeIndexOp>(op))
    return translateDelinearize(builder, coordinates);
  if (auto linear = dyn_cast<affine::AffineLinearizeIndexOp>(op))
    return translateLinearize(builder, linear);
  return translateAffineMaps(builder, op);
}

} // namespace attune::reference
