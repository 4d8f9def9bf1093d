// SPDX-License-Identifier: Apache-2.0
// What does a mask say about (b, h, i, j)? The normal form that every answer about tiles is derived
// from: and/or, free of negation, of `form <= 0` and `form == 0`, with linear forms over atoms.
#ifndef ATTUNE_COMPILER_MASK_FORMULA_H
#define ATTUNE_COMPILER_MASK_FORMULA_H

#include "compiler/analysis/Expression.h"
#include <array>
#include <memory>
#include <optional>
#include <vector>

namespace attune::mask {

/// The two sides of a pair: i is the query's token, j the key's.
enum class Side { Query, Key };

struct Atom;
struct Formula;

/// constant + sum of coefficient * atom over the integers; atoms are distinct and ordered by id,
/// coefficients are not 0.
struct LinearForm {
  int64_t constant = 0;
  llvm::SmallVector<std::pair<const Atom *, int64_t>, 3> terms;
  bool operator==(const LinearForm &other) const = default;
};

enum class AtomKind {
  /// i or j, by `side`.
  Token,
  /// Coordinate `dim` (outermost first) of i or j in the grid of its axis: 0 <= x < operands[0], and
  /// operands[1] tokens between neighbours. Only where tiles are boxes of that grid: the token is then
  /// a linear form of its coordinates.
  Coordinate,
  /// `node`, which depends on neither i nor j: a scalar, a length, a table entry of b and h, and any
  /// integer arithmetic on those.
  Uniform,
  /// operands[0] // operands[1], floored; the divisor depends on neither i nor j and is at least 1.
  Quotient,
  /// operands[0] - operands[1] * (operands[0] // operands[1]).
  Remainder,
  Maximum, // of operands[0], operands[1]
  Minimum,
  Absolute, // of operands[0]
  /// `condition` ? operands[0] : operands[1].
  Select,
  /// operands[0] * operands[1].
  Product,
  BitAnd, // of two's complement numbers of 64 bits
  BitOr,
  BitXor,
  /// Any other integer that depends on one side alone, `side`: a table entry, an element of integer
  /// rows or cols, a truth (0 or 1). `node` computes it. `operands`: for a table entry
  /// table[.., x], the one index x (last) when all others depend on neither i nor j.
  OneSided,
};

/// Owned and hash-consed by its FormulaBuilder; lives as long as that. Atoms of any kind but Token,
/// Coordinate and OneSided may depend on neither i nor j: then they are one number of the launch.
struct Atom {
  AtomKind kind = AtomKind::Uniform;
  /// Operands come before users.
  unsigned id = 0;
  Side side = Side::Query;
  unsigned dim = 0;
  const Node *node = nullptr;
  std::vector<LinearForm> operands;
  /// Of a Select: when it holds, and when it does not (both free of negation).
  std::shared_ptr<const Formula> condition, otherwise;
  bool onQuery = false, onKey = false;
  /// Is something inside read from memory for each token, or only to be had token by token?
  bool readsMemory = false;
  /// Of a table entry: entries never fall along the last index (a declared fact).
  bool isSorted = false;
  /// Encloses its value at every legal launch.
  int64_t low = 0, high = 0;
};

enum class FormulaKind { True, False, AtMostZero, EqualsZero, And, Or, Unknown };

/// Unknown: nothing is known, at any pair.
struct Formula {
  FormulaKind kind = FormulaKind::Unknown;
  LinearForm literal;
  std::vector<Formula> parts;
  bool operator==(const Formula &other) const;
};

/// A mask and its negation, each pushed down to the literals on its own, never one from the other.
struct MaskFormula {
  Formula visible, hidden;
};

/// The tokens of a side. `sizes`: the nodes of their grid's (attn.axis .. grid), outermost first; empty: no
/// grid. `axis`: the one they lie on; null: that of all matrices of the kernel.
struct TokenGrid {
  llvm::SmallVector<const Node *, 3> sizes;
  mlir::StringAttr axis = {};
};

/// Makes the formulas of one kernel's masks.
class FormulaBuilder {
public:
  /// With grids, the tokens of that side are written in coordinates (for tiles that are boxes).
  explicit FormulaBuilder(const ExpressionGraph &graph, TokenGrid queries = {},
                          TokenGrid keys = {});
  ~FormulaBuilder();

  /// The conjunction of the domain's predicates. Exact: where nothing is Unknown, `visible` holds at
  /// a pair iff the predicates do, and `hidden` iff they do not.
  MaskFormula build(const Domain &domain);

  /// i or j as a form: one Token, or coordinates with their strides.
  LinearForm token(Side side);
  /// The number of tokens of a side, where the kernel's axes tell it.
  std::optional<LinearForm> length(Side side);
  /// max/min/abs/select that mix i and j become and/or, as far as a budget allows; those on the side
  /// `inverted` alone, too, where a bound of them gives none of their operands: what closed forms
  /// need. Never changes the truth.
  Formula splitCases(const Formula &formula, std::optional<Side> inverted = std::nullopt);
  /// Conjunctions in disjunctive form, at most `limit` of them, with literals that follow from others
  /// added; nothing if there are more. A part that is Unknown stays one.
  std::optional<std::vector<std::vector<Formula>>> clauses(const Formula &formula, size_t limit);

private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation;
};

LinearForm constantForm(int64_t constant);
/// left + factor * right.
LinearForm combine(const LinearForm &left, const LinearForm &right, int64_t factor);
bool dependsOn(const LinearForm &form, Side side);
/// An enclosure for every legal launch; nothing if it, or a sum of some of its terms, may reach
/// 2^62: a product of two scalars or tokens stays below.
std::optional<std::pair<int64_t, int64_t>> staticRange(const LinearForm &form);
/// In infix: `j - i - w <= 0 and i // 64 - j // 64 == 0`, for messages and --explain.
std::string toString(const Formula &formula);
std::string toString(const LinearForm &form);

/// The numbers of one problem that formulas and programs refer to. Nothing: not known.
class Environment {
public:
  virtual ~Environment() = default;
  /// A node that depends on neither i nor j.
  virtual std::optional<int64_t> uniform(const Node *node) const = 0;
  /// A node that depends on one side alone, at a token of that side.
  virtual std::optional<int64_t> at(const Node *node, Side side, int64_t token) const = 0;
  /// Entry `index` of the last dimension of the table that `node` (an attn.load) reads.
  virtual std::optional<int64_t> entry(const Node *node, int64_t index) const = 0;
  /// How many entries that dimension has.
  virtual std::optional<int64_t> entries(const Node *node) const = 0;
};

/// Does the formula hold at a pair? Nothing where it or a number is unknown.
std::optional<bool> holds(const Formula &formula, int64_t query, int64_t key,
                          const Environment &environment);
/// The value of a form at a pair.
std::optional<int64_t> evaluate(const LinearForm &form, int64_t query, int64_t key,
                                const Environment &environment);

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_FORMULA_H
