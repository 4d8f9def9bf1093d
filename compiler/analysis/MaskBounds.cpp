// SPDX-License-Identifier: Apache-2.0
// Which keys must a tile of queries visit, and where does it need no mask?
#include "compiler/analysis/MaskBounds.h"

#include "compiler/analysis/MaskRules.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
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

/// Emits index code. A number is a linear combination of emitted values, so that sums cost nothing
/// until one of them is compared or chosen.
class CodeArithmetic {
public:
  struct Number {
    int64_t constant = 0;
    SmallVector<std::pair<Value, int64_t>, 2> terms = {};
    bool operator==(const Number &other) const = default;
  };
  using Truth = Value;

  CodeArithmetic(OpBuilder &builder, Location location, UniformEmitter emitter)
      : builder(builder), location(location), emitter(emitter) {}

  /// The number as one value.
  Value materialize(const Number &number) {
    Value sum;
    for (auto [value, coefficient] : number.terms)
      if (!sum && coefficient > 0)
        sum = coefficient == 1 ? value : fold<arith::MulIOp>(value, index(coefficient));
    Value first = sum;
    bool skipped = !first;
    for (auto [value, coefficient] : number.terms) {
      if (!skipped && coefficient > 0) {
        skipped = true; // the one that `sum` began with
        continue;
      }
      int64_t magnitude = coefficient < 0 ? -coefficient : coefficient;
      Value term = magnitude == 1 ? value : fold<arith::MulIOp>(value, index(magnitude));
      if (coefficient < 0)
        sum = fold<arith::SubIOp>(sum ? sum : index(0), term);
      else
        sum = fold<arith::AddIOp>(sum, term);
    }
    if (!sum || number.constant != 0)
      sum = sum ? fold<arith::AddIOp>(sum, index(number.constant)) : index(number.constant);
    return sum;
  }

  Number of(Value value) {
    if (std::optional<int64_t> known = getConstantIntValue(value))
      return constant(*known);
    return {0, {{value, 1}}};
  }
  Number constant(int64_t value) { return {value, {}}; }
  bool isKnown(const Node *) { return true; }
  Number uniform(const Node *node) {
    Value value = emitter(node);
    if (value.getType().isInteger(1))
      value = builder.createOrFold<arith::IndexCastUIOp>(location, builder.getIndexType(), value);
    else if (!value.getType().isIndex())
      value = builder.createOrFold<arith::IndexCastOp>(location, builder.getIndexType(), value);
    return of(value);
  }
  Number add(const Number &a, const Number &b) { return combine(a, b, 1); }
  Number subtract(const Number &a, const Number &b) { return combine(a, b, -1); }
  Number multiply(const Number &a, int64_t factor) { return combine({}, a, factor); }
  Number floorDivide(const Number &a, int64_t divisor) {
    if (divisor == 1)
      return a;
    if (a.terms.empty())
      return constant(llvm::divideFloorSigned(a.constant, divisor));
    Value value = materialize(a);
    if (llvm::isPowerOf2_64(divisor))
      return of(fold<arith::ShRSIOp>(value, index(llvm::Log2_64(divisor))));
    // Division truncates: make a negative dividend smaller by divisor - 1 first.
    Value isNegative = compare(arith::CmpIPredicate::slt, value, index(0));
    Value lowered = fold<arith::SubIOp>(value, index(divisor - 1));
    Value dividend = builder.createOrFold<arith::SelectOp>(location, isNegative, lowered, value);
    return of(fold<arith::DivSIOp>(dividend, index(divisor)));
  }
  Number max(const Number &a, const Number &b) { return extremum<arith::MaxSIOp>(a, b); }
  Number min(const Number &a, const Number &b) { return extremum<arith::MinSIOp>(a, b); }
  Truth atMost(const Number &a, const Number &b) {
    return compare(arith::CmpIPredicate::sle, materialize(a), materialize(b));
  }
  Truth both(Truth a, Truth b) { return fold<arith::AndIOp>(a, b); }
  Number select(Truth condition, const Number &a, const Number &b) {
    if (a == b)
      return a;
    return of(
        builder.createOrFold<arith::SelectOp>(location, condition, materialize(a), materialize(b)));
  }

private:
  Number combine(const Number &a, const Number &b, int64_t factor) {
    Number sum = a;
    sum.constant += factor * b.constant;
    for (auto [value, coefficient] : b.terms) {
      auto *found = llvm::find_if(sum.terms, [&](auto &term) { return term.first == value; });
      if (found == sum.terms.end())
        sum.terms.push_back({value, factor * coefficient});
      else if ((found->second += factor * coefficient) == 0)
        sum.terms.erase(found);
    }
    return sum;
  }

  template <class Op> Number extremum(const Number &a, const Number &b) {
    if (a == b)
      return a;
    Value left = materialize(a), right = materialize(b);
    // max(max(x, y), y) is max(x, y), min likewise.
    if (auto nested = left.getDefiningOp<Op>())
      if (nested.getLhs() == right || nested.getRhs() == right)
        return a;
    if (auto nested = right.getDefiningOp<Op>())
      if (nested.getLhs() == left || nested.getRhs() == left)
        return b;
    return of(fold<Op>(left, right));
  }

  Value index(int64_t value) {
    Value &known = constants[value];
    if (!known)
      known = arith::ConstantIndexOp::create(builder, location, value);
    return known;
  }
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
  CodeArithmetic code(builder, location, uniform);
  auto bounds = solveBounds(code, mask, code.of(firstQuery), code.of(lastQuery), code.of(keys));
  // A range that starts behind its end is made to end at 0: rounding its start down to a tile must
  // not give the loop a step. A range that starts at 0 cannot.
  if (bounds.visibleLow != code.constant(0))
    bounds.visibleHigh = code.select(code.atMost(bounds.visibleHigh, bounds.visibleLow),
                                     code.constant(0), bounds.visibleHigh);
  return {code.materialize(bounds.visibleLow), code.materialize(bounds.visibleHigh),
          code.materialize(bounds.fullLow), code.materialize(bounds.fullHigh)};
}

Value attune::emitSum(OpBuilder &builder, Location location, int64_t constant,
                      ArrayRef<std::pair<Value, int64_t>> terms) {
  CodeArithmetic code(builder, location, nullptr);
  auto sum = code.constant(constant);
  for (auto [value, coefficient] : terms)
    sum = code.add(sum, code.multiply(code.of(value), coefficient));
  return code.materialize(sum);
}

//===--- single pairs -------------------------------------------------------------------------===//

namespace {

/// Evaluates a formula at one pair.
class PairEvaluator {
public:
  PairEvaluator(int64_t query, int64_t key, UniformLookup uniform)
      : query(query), key(key), uniform(uniform) {}

  std::optional<bool> holds(const Formula &formula) {
    switch (formula.kind) {
    case FormulaKind::True: return true;
    case FormulaKind::False: return false;
    case FormulaKind::Unknown: return std::nullopt;
    case FormulaKind::AtMostZero: {
      std::optional<int64_t> value = valueOf(formula.literal);
      return value ? std::optional<bool>(*value <= 0) : std::nullopt;
    }
    case FormulaKind::And:
    case FormulaKind::Or: break;
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
    case AtomKind::FloorDiv: return llvm::divideFloorSigned(*first, atom.divisor);
    case AtomKind::Modulo:
      return *first - atom.divisor * llvm::divideFloorSigned(*first, atom.divisor);
    case AtomKind::Max: return std::max(*first, *second);
    default: return std::min(*first, *second);
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

//===--- predicted work -----------------------------------------------------------------------===//

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
