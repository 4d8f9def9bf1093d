// SPDX-License-Identifier: Apache-2.0
// What do the ops of the vector dialect compute, and those of attn on vectors? Nearly all of them only move numbers, so each is a
// list that says where every number of the result comes from.
#include "compiler/reference/Region.h"
#include "dialects/attn/AttnOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir;

namespace attune::reference {
namespace {

bool moves(RegionBuilder &builder, Operation *op, std::vector<int64_t> source) {
  std::vector<Register> in;
  for (Value operand : op->getOperands())
    in.push_back(builder.use(operand));
  Register out = builder.define(op->getResult(0));
  builder.add(rearrange(out, std::move(in), std::move(source)));
  return true;
}

/// The places of a sub-box of a row-major box: `sizes` from `offsets`, every `strides`-th.
std::vector<int64_t> subBox(ArrayRef<int64_t> shape, ArrayRef<int64_t> offsets,
                            ArrayRef<int64_t> sizes, ArrayRef<int64_t> strides) {
  std::vector<int64_t> places = {0};
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    std::vector<int64_t> finer;
    for (int64_t place : places)
      for (int64_t index = 0; index < sizes[dim]; ++index)
        finer.push_back(place * shape[dim] + offsets[dim] + index * strides[dim]);
    places = std::move(finer);
  }
  return places;
}

/// The sub-box of given leading dims: `leading` may name fewer dims than the shape has.
std::vector<int64_t> leadingBox(ArrayRef<int64_t> shape, ArrayRef<int64_t> offsets,
                                ArrayRef<int64_t> sizes, ArrayRef<int64_t> strides) {
  SmallVector<int64_t> o(offsets), n(sizes), s(strides);
  for (size_t dim = offsets.size(); dim < shape.size(); ++dim) {
    o.push_back(0);
    n.push_back(shape[dim]);
    s.push_back(1);
  }
  return subBox(shape, o, n, s);
}

SmallVector<int64_t> toIntegers(ArrayAttr attribute) {
  SmallVector<int64_t> values;
  for (Attribute value : attribute)
    values.push_back(cast<IntegerAttr>(value).getInt());
  return values;
}

bool translateBroadcast(RegionBuilder &builder, vector::BroadcastOp op) {
  ArrayRef<int64_t> to = cast<VectorType>(op.getType()).getShape();
  SmallVector<int64_t> from;
  if (auto vector = dyn_cast<VectorType>(op.getSource().getType()))
    from.assign(vector.getShape().begin(), vector.getShape().end());
  from.insert(from.begin(), to.size() - from.size(), 1);
  std::vector<int64_t> source = {0};
  for (size_t dim = 0; dim < to.size(); ++dim) {
    std::vector<int64_t> finer;
    for (int64_t place : source)
      for (int64_t index = 0; index < to[dim]; ++index)
        finer.push_back(place * from[dim] + (from[dim] == 1 ? 0 : index));
    source = std::move(finer);
  }
  moves(builder, op, std::move(source));
  builder.setFacts(op.getResult(), builder.getFacts(op.getSource()));
  return true;
}

bool translateExtract(RegionBuilder &builder, vector::ExtractOp op) {
  auto type = cast<VectorType>(op.getSource().getType());
  ArrayRef<int64_t> fixed = op.getStaticPosition();
  Register from = builder.use(op.getSource());
  std::vector<Register> indices; // of each extracted dim: a register, or noRegister and `fixed`
  constexpr Register noRegister = ~0u;
  unsigned next = 0;
  for (int64_t position : fixed)
    indices.push_back(ShapedType::isDynamic(position) ? builder.use(op.getDynamicPosition()[next++])
                                                      : noRegister);
  Register out = builder.define(op.getResult());
  bool integer = isInteger(type);
  int64_t width = widthOf(op.getType());
  builder.add([=, fixed = SmallVector<int64_t>(fixed),
               shape = SmallVector<int64_t>(type.getShape())](Frame &frame) {
    bool uniform = frame.registers[from].uniform;
    for (Register index : indices)
      uniform &= index == noRegister || frame.registers[index].uniform;
    Lanes &result = frame.define(out, integer, width, uniform);
    (integer ? result.integers.clear() : result.reals.clear());
    Lanes slice = frame.registers[from];
    for (int64_t place = 0, end = uniform ? 1 : frame.places; place < end; ++place) {
      int64_t box = 0;
      for (size_t dim = 0; dim < fixed.size(); ++dim) {
        int64_t index = fixed[dim];
        if (indices[dim] != noRegister) {
          const Lanes &lanes = frame.registers[indices[dim]];
          index = lanes.integers[size_t(place * lanes.stride())];
        }
        if (index < 0 || index >= shape[dim]) {
          frame.error = "'vector.extract' reads element " + std::to_string(index) +
                        " of a vector of " + std::to_string(shape[dim]);
          return;
        }
        box = box * shape[dim] + index;
      }
      auto copy = [&]<typename T>(T) {
        const T *first = slice.values<T>().data() + place * slice.stride() + box * width;
        result.values<T>().insert(result.values<T>().end(), first, first + width);
      };
      integer ? copy(int64_t()) : copy(double());
    }
  });
  return true;
}

bool translateSlices(RegionBuilder &builder, Operation *op) {
  if (auto extract = dyn_cast<vector::ExtractOp>(op))
    return translateExtract(builder, extract);
  if (auto slice = dyn_cast<vector::ExtractStridedSliceOp>(op))
    return moves(builder, op,
                 leadingBox(cast<VectorType>(slice.getOperand().getType()).getShape(),
                            toIntegers(slice.getOffsets()), toIntegers(slice.getSizes()),
                            toIntegers(slice.getStrides())));
  if (auto insert = dyn_cast<vector::InsertStridedSliceOp>(op)) {
    // Operands: the value to store, then the vector that is stored into.
    auto small = cast<VectorType>(insert.getValueToStore().getType());
    auto large = cast<VectorType>(insert.getDest().getType());
    SmallVector<int64_t> sizes(large.getRank() - small.getRank(), 1);
    llvm::append_range(sizes, small.getShape());
    SmallVector<int64_t> strides(large.getRank(), 1);
    std::vector<int64_t> source(size_t(large.getNumElements()));
    std::iota(source.begin(), source.end(), small.getNumElements());
    int64_t next = 0;
    for (int64_t place :
         leadingBox(large.getShape(), toIntegers(insert.getOffsets()), sizes, strides))
      source[size_t(place)] = next++;
    return moves(builder, op, std::move(source));
  }
  return false;
}

bool translateMoves(RegionBuilder &builder, Operation *op) {
  if (auto broadcast = dyn_cast<vector::BroadcastOp>(op))
    return translateBroadcast(builder, broadcast);
  int64_t width = op->getNumResults() ? widthOf(op->getResult(0).getType()) : 0;
  std::vector<int64_t> source(static_cast<size_t>(width));
  std::iota(source.begin(), source.end(), 0);
  if (isa<vector::ShapeCastOp, vector::FromElementsOp>(op))
    return moves(builder, op, std::move(source));
  if (auto shuffle = dyn_cast<vector::ShuffleOp>(op)) {
    // The mask picks leading slices of both operands; -1 is poison, here a copy of the first.
    int64_t slice = width / int64_t(shuffle.getMask().size());
    source.clear();
    for (int64_t index : shuffle.getMask())
      for (int64_t lane = 0; lane < slice; ++lane)
        source.push_back(std::max<int64_t>(index, 0) * slice + lane);
    return moves(builder, op, std::move(source));
  }
  if (isa<vector::InterleaveOp>(op)) {
    for (int64_t lane = 0; lane < width; ++lane)
      source[size_t(lane)] = lane / 2 + (lane % 2) * (width / 2);
    return moves(builder, op, std::move(source));
  }
  if (isa<vector::DeinterleaveOp>(op)) {
    Register operand = builder.use(op->getOperand(0));
    for (int64_t half : {0, 1}) {
      for (int64_t lane = 0; lane < width; ++lane)
        source[size_t(lane)] = 2 * lane + half;
      builder.add(rearrange(builder.define(op->getResult(unsigned(half))), {operand}, source));
    }
    return true;
  }
  return false;
}

template <typename T> T join(vector::CombiningKind kind, T x, T y) {
  using Kind = vector::CombiningKind;
  using U = std::conditional_t<std::is_same_v<T, double>, double, uint64_t>;
  switch (kind) {
  case Kind::ADD: return T(U(x) + U(y));
  case Kind::MUL: return T(U(x) * U(y));
  case Kind::MAXIMUMF: return std::isnan(double(x)) ? x : std::isnan(double(y)) || y > x ? y : x;
  case Kind::MINIMUMF: return std::isnan(double(x)) ? x : std::isnan(double(y)) || y < x ? y : x;
  case Kind::MAXNUMF: return T(std::fmax(double(x), double(y)));
  case Kind::MINNUMF: return T(std::fmin(double(x), double(y)));
  case Kind::MAXSI: return std::max(x, y);
  case Kind::MINSI: return std::min(x, y);
  case Kind::MAXUI: // sign extension keeps the order of unsigned numbers
    return U(x) > U(y) ? x : y;
  case Kind::MINUI: return U(x) < U(y) ? x : y;
  default: break;
  }
  if constexpr (std::is_same_v<T, int64_t>) {
    if (kind == Kind::AND)
      return x & y;
    if (kind == Kind::OR)
      return x | y;
    return x ^ y;
  }
  return x;
}

bool translateReduction(RegionBuilder &builder, vector::ReductionOp op) {
  Register operand = builder.use(op.getVector()), out = builder.define(op.getDest());
  std::optional<Register> start;
  if (op.getAcc())
    start = builder.use(op.getAcc());
  Type type = op.getDest().getType();
  bool integer = isInteger(type);
  unsigned bits = bitsOf(type);
  bool eager = builder.getEnvironment().mode == Mode::Eager;
  builder.add([=, kind = op.getKind(), rounding = floatTypeOf(type)](Frame &frame) {
    const Lanes &from = frame.registers[operand];
    bool uniform = from.uniform && (!start || frame.registers[*start].uniform);
    frame.define(out, integer, 1, uniform);
    auto reduce = [&]<typename T>(T) {
      for (int64_t place = 0, end = uniform ? 1 : frame.places; place < end; ++place) {
        const T *first = from.values<T>().data() + place * from.stride();
        T sum = first[0];
        for (int64_t lane = 1; lane < from.width; ++lane) {
          sum = join(kind, sum, first[lane]);
          if constexpr (std::is_same_v<T, double>)
            sum = eager ? roundTo(rounding, sum) : sum;
        }
        if (start) {
          const Lanes &acc = frame.registers[*start];
          sum = join(kind, sum, acc.values<T>()[size_t(place * acc.stride())]);
        }
        if constexpr (std::is_same_v<T, int64_t>)
          sum = wrap(bits, sum);
        frame.registers[out].values<T>()[size_t(place)] = sum;
      }
    };
    integer ? reduce(int64_t()) : reduce(double());
  });
  builder.addRounding(op.getDest());
  return true;
}

/// Pair l is at 2l and 2l + 1, or at l and l + d/2: each is turned by the angle there, a rounding a
/// step.
bool translateRotate(RegionBuilder &builder, attn::RotateOp op) {
  Register vector = builder.use(op.getVector()), angle = builder.use(op.getAngle());
  Register out = builder.define(op.getResult());
  int64_t half = widthOf(op.getAngle().getType());
  bool pairs = op.getPairing() == attn::RotatePairing::Pairs;
  bool eager = builder.getEnvironment().mode == Mode::Eager;
  ElementType type = floatTypeOf(op.getAngle().getType());
  auto rounded = [=](double x) { return eager ? roundTo(type, x) : x; };
  builder.add([=](Frame &frame) {
    bool uniform = frame.registers[vector].uniform && frame.registers[angle].uniform;
    frame.define(out, false, 2 * half, uniform);
    const Lanes &from = frame.registers[vector], &by = frame.registers[angle];
    for (int64_t place = 0, end = uniform ? 1 : frame.places; place < end; ++place) {
      const double *x = from.reals.data() + place * from.stride();
      const double *a = by.reals.data() + place * by.stride();
      double *y = frame.registers[out].reals.data() + place * 2 * half;
      for (int64_t l = 0; l < half; ++l) {
        int64_t first = pairs ? 2 * l : l, second = pairs ? 2 * l + 1 : l + half;
        double u = x[first], w = x[second];
        double c = rounded(std::cos(a[l])), s = rounded(std::sin(a[l]));
        y[first] = rounded(rounded(u * c) - rounded(w * s));
        y[second] = rounded(rounded(u * s) + rounded(w * c));
      }
    }
  });
  builder.addRounding(op.getResult());
  return true;
}

bool translateContains(RegionBuilder &builder, attn::ContainsOp op) {
  Register list = builder.use(op.getList()), token = builder.use(op.getToken());
  Register out = builder.define(op.getResult());
  builder.add([=](Frame &frame) {
    const Lanes &numbers = frame.registers[list], &tokens = frame.registers[token];
    bool uniform = numbers.uniform && tokens.uniform;
    frame.define(out, true, 1, uniform);
    for (int64_t place = 0, end = uniform ? 1 : frame.places; place < end; ++place) {
      auto first = numbers.integers.begin() + place * numbers.stride();
      int64_t n = tokens.integers[size_t(place * tokens.stride())];
      frame.registers[out].integers[size_t(place)] =
          std::find(first, first + numbers.width, n) != first + numbers.width;
    }
  });
  return true;
}

} // namespace

bool translateVector(RegionBuilder &builder, Operation *op) {
  if (auto rotate = dyn_cast<attn::RotateOp>(op))
    return translateRotate(builder, rotate);
  if (auto contains = dyn_cast<attn::ContainsOp>(op))
    return translateContains(builder, contains);
  if (op->getName().getDialectNamespace() != "vector")
    return false;
  if (auto step = dyn_cast<vector::StepOp>(op)) {
    Lanes lanes;
    lanes.integer = lanes.uniform = true;
    lanes.width = widthOf(step.getType());
    lanes.integers.resize(size_t(lanes.width));
    std::iota(lanes.integers.begin(), lanes.integers.end(), 0);
    builder.defineConstant(step, std::move(lanes));
    return true;
  }
  if (auto reduction = dyn_cast<vector::ReductionOp>(op))
    return translateReduction(builder, reduction);
  return translateSlices(builder, op) || translateMoves(builder, op);
}

} // namespace attune::reference
