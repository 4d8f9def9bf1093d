// SPDX-License-Identifier: Apache-2.0
// Which keys must a tile of queries visit, and where does it need no mask?
#include "compiler/analysis/MaskBounds.h"

#include "compiler/analysis/MaskRules.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace mlir;
using namespace attune;

namespace {

class NumberArithmetic {
public:
  using Number = int64_t;
  using Truth = bool;

  explicit NumberArithmetic(UniformLookup lookup) : lookup(lookup) {}
  Number constant(int64_t value) { return value; }
  bool isKnown(const Node *node) { return lookup(node).has_value(); }
  Number uniform(const Node *node) { return *lookup(node); }
  Number add(Number a, Number b) { return a + b; }
  Number subtract(Number a, Number b) { return a - b; }
  Number multiply(Number a, int64_t factor) { return a * factor; }
  Number floorDivide(Number a, int64_t divisor) { return llvm::divideFloorSigned(a, divisor); }
  Number max(Number a, Number b) { return std::max(a, b); }
  Number min(Number a, Number b) { return std::min(a, b); }
  Truth atMost(Number a, Number b) { return a <= b; }
  Truth both(Truth a, Truth b) { return a && b; }
  Number select(Truth condition, Number a, Number b) { return condition ? a : b; }

private:
  UniformLookup lookup;
};

/// Emits index code; constants fold as they are met.
class CodeArithmetic {
public:
  using Number = Value;
  using Truth = Value;

  CodeArithmetic(OpBuilder &builder, Location location, UniformEmitter emitter)
      : builder(builder), location(location), emitter(emitter) {}

  Value constant(int64_t value) {
    Value &known = constants[value];
    if (!known)
      known = arith::ConstantIndexOp::create(builder, location, value);
    return known;
  }
  bool isKnown(const Node *) { return true; }
  Value uniform(const Node *node) {
    Value value = emitter(node);
    if (value.getType().isIndex())
      return value;
    if (value.getType().isInteger(1))
      return builder.createOrFold<arith::IndexCastUIOp>(location, builder.getIndexType(), value);
    return builder.createOrFold<arith::IndexCastOp>(location, builder.getIndexType(), value);
  }
  Value add(Value a, Value b) { return fold<arith::AddIOp>(a, b); }
  Value subtract(Value a, Value b) { return fold<arith::SubIOp>(a, b); }
  Value multiply(Value a, int64_t factor) {
    return factor == 1 ? a : fold<arith::MulIOp>(a, constant(factor));
  }
  Value floorDivide(Value a, int64_t divisor) {
    if (divisor == 1)
      return a;
    if (llvm::isPowerOf2_64(divisor))
      return fold<arith::ShRSIOp>(a, constant(llvm::Log2_64(divisor)));
    // Division truncates: make a negative dividend smaller by divisor - 1 first.
    Value isNegative = compare(arith::CmpIPredicate::slt, a, constant(0));
    Value lowered = subtract(a, constant(divisor - 1));
    return fold<arith::DivSIOp>(select(isNegative, lowered, a), constant(divisor));
  }
  Value max(Value a, Value b) { return a == b ? a : fold<arith::MaxSIOp>(a, b); }
  Value min(Value a, Value b) { return a == b ? a : fold<arith::MinSIOp>(a, b); }
  Value atMost(Value a, Value b) { return compare(arith::CmpIPredicate::sle, a, b); }
  Value both(Value a, Value b) { return fold<arith::AndIOp>(a, b); }
  Value select(Value condition, Value a, Value b) {
    return a == b ? a : builder.createOrFold<arith::SelectOp>(location, condition, a, b);
  }

private:
  template <class Op> Value fold(Value a, Value b) {
    return builder.createOrFold<Op>(location, a, b);
  }
  Value compare(arith::CmpIPredicate predicate, Value a, Value b) {
    return builder.createOrFold<arith::CmpIOp>(location, predicate, a, b);
  }

  OpBuilder &builder;
  Location location;
  UniformEmitter emitter;
  llvm::DenseMap<int64_t, Value> constants;
};

template <class Arithmetic>
KeyBounds<typename Arithmetic::Number>
solveBounds(Arithmetic &arithmetic, const Formula &mask, typename Arithmetic::Number firstQuery,
            typename Arithmetic::Number lastQuery, typename Arithmetic::Number keys) {
  MaskRules<Arithmetic> rules(arithmetic, firstQuery, lastQuery, keys);
  auto visible = rules.solve(mask, Question::May);
  auto full = rules.solve(mask, Question::Must);
  return {visible.low, visible.high, full.low, full.high};
}

} // namespace

KeyBounds<int64_t> attune::computeKeyBounds(const Formula &mask, int64_t firstQuery,
                                            int64_t lastQuery, int64_t keys,
                                            UniformLookup uniform) {
  NumberArithmetic arithmetic(uniform);
  return solveBounds(arithmetic, mask, firstQuery, lastQuery, keys);
}

KeyBounds<Value> attune::emitKeyBounds(OpBuilder &builder, Location location, const Formula &mask,
                                       Value firstQuery, Value lastQuery, Value keys,
                                       UniformEmitter uniform) {
  CodeArithmetic arithmetic(builder, location, uniform);
  KeyBounds<Value> bounds = solveBounds(arithmetic, mask, firstQuery, lastQuery, keys);
  // A range that starts behind its end is made to end at 0: rounding its start down to a tile must
  // not give the loop a step. A range that starts at 0 cannot.
  if (!matchPattern(bounds.visibleLow, m_Zero()))
    bounds.visibleHigh = arithmetic.select(arithmetic.atMost(bounds.visibleHigh, bounds.visibleLow),
                                           arithmetic.constant(0), bounds.visibleHigh);
  return bounds;
}

//===--- single pairs
//--------------------------------------------------------------------------===//

namespace {

/// Evaluates a formula at one pair.
class PairEvaluator {
public:
  PairEvaluator(int64_t query, int64_t key, UniformLookup uniform)
      : query(query), key(key), uniform(uniform) {}

  std::optional<bool> holds(const Formula &formula) {
    switch (formula.kind) {
    case FormulaKind::True:
      return true;
    case FormulaKind::False:
      return false;
    case FormulaKind::Unknown:
      return std::nullopt;
    case FormulaKind::AtMostZero: {
      std::optional<int64_t> value = valueOf(formula.literal);
      return value ? std::optional<bool>(*value <= 0) : std::nullopt;
    }
    case FormulaKind::And:
    case FormulaKind::Or:
      break;
    }
    bool absorbing = formula.kind == FormulaKind::Or, isKnown = true;
    for (const Formula &part : formula.parts) {
      std::optional<bool> value = holds(part);
      if (value == absorbing)
        return absorbing;
      isKnown &= value.has_value();
    }
    return isKnown ? std::optional<bool>(!absorbing) : std::nullopt;
  }

private:
  std::optional<int64_t> valueOf(const LinearForm &form) {
    int64_t sum = form.constant;
    for (auto [atom, coefficient] : form.terms) {
      std::optional<int64_t> value = valueOf(*atom);
      if (!value)
        return std::nullopt;
      sum += coefficient * *value;
    }
    return sum;
  }

  std::optional<int64_t> valueOf(const MaskAtom &atom) {
    if (atom.kind == AtomKind::Query)
      return query;
    if (atom.kind == AtomKind::Key)
      return key;
    if (atom.kind == AtomKind::Uniform)
      return uniform(atom.node);
    std::optional<int64_t> first = valueOf(atom.first), second = valueOf(atom.second);
    if (!first || !second)
      return std::nullopt;
    switch (atom.kind) {
    case AtomKind::FloorDiv:
      return llvm::divideFloorSigned(*first, atom.divisor);
    case AtomKind::Modulo:
      return *first - atom.divisor * llvm::divideFloorSigned(*first, atom.divisor);
    case AtomKind::Max:
      return std::max(*first, *second);
    default:
      return std::min(*first, *second);
    }
  }

  int64_t query, key;
  UniformLookup uniform;
};

} // namespace

std::optional<bool> attune::isVisible(const Formula &mask, int64_t query, int64_t key,
                                      UniformLookup uniform) {
  return PairEvaluator(query, key, uniform).holds(mask);
}

//===--- predicted work
//------------------------------------------------------------------------===//

TileClass attune::classifyTile(const KeyBounds<int64_t> &bounds, int64_t key, int64_t width) {
  if (bounds.visibleLow >= bounds.visibleHigh || key + width <= bounds.visibleLow ||
      key >= bounds.visibleHigh)
    return TileClass::Empty;
  if (key >= bounds.fullLow && key + width <= bounds.fullHigh)
    return TileClass::Full;
  return TileClass::Partial;
}

/// The visible keys of one row; `budget` is what may be evaluated pair by pair.
static std::optional<int64_t> countVisible(const Formula &mask, int64_t query, int64_t keys,
                                           UniformLookup uniform, int64_t &budget) {
  KeyBounds<int64_t> row = computeKeyBounds(mask, query, query, keys, uniform);
  if (row.visibleLow >= row.visibleHigh)
    return 0;
  int64_t count = std::max<int64_t>(row.fullHigh - row.fullLow, 0);
  if (count == row.visibleHigh - row.visibleLow)
    return count;
  budget -= row.visibleHigh - row.visibleLow - count;
  if (budget < 0)
    return std::nullopt;
  bool hasFull = count > 0;
  for (int64_t key = row.visibleLow; key < row.visibleHigh; ++key) {
    if (hasFull && key == row.fullLow)
      key = row.fullHigh;
    if (key >= row.visibleHigh)
      break;
    std::optional<bool> visible = isVisible(mask, query, key, uniform);
    if (!visible)
      return std::nullopt;
    count += *visible;
  }
  return count;
}

MaskWork attune::predictWork(const Formula &mask, int64_t queries, int64_t keys,
                             int64_t tileQueries, int64_t tileKeys, UniformLookup uniform) {
  MaskWork work;
  for (int64_t first = 0; first < queries; first += tileQueries) {
    int64_t last = std::min(first + tileQueries, queries) - 1;
    KeyBounds<int64_t> bounds = computeKeyBounds(mask, first, last, keys, uniform);
    for (int64_t key = 0; key < keys; key += tileKeys) {
      TileClass kind = classifyTile(bounds, key, tileKeys);
      work.emptyTiles += kind == TileClass::Empty;
      work.partialTiles += kind == TileClass::Partial;
      work.fullTiles += kind == TileClass::Full;
    }
  }
  work.computedPairs = (work.partialTiles + work.fullTiles) * tileQueries * tileKeys;
  int64_t budget = int64_t(1) << 24;
  work.visiblePairs = 0;
  for (int64_t query = 0; query < queries && work.visiblePairs; ++query) {
    std::optional<int64_t> row = countVisible(mask, query, keys, uniform, budget);
    work.visiblePairs = row ? std::optional<int64_t>(*work.visiblePairs + *row) : std::nullopt;
  }
  return work;
}
