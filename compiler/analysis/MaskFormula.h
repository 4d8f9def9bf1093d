// SPDX-License-Identifier: Apache-2.0
// Which linear inequalities over (i, j) does a mask consist of? The normal form that bounds are
// derived from: negation-free and/or of `form <= 0`, with everything not understood kept as
// unknown.
#ifndef ATTUNE_COMPILER_ANALYSIS_MASKFORMULA_H
#define ATTUNE_COMPILER_ANALYSIS_MASKFORMULA_H

#include "compiler/analysis/Expression.h"
#include <memory>
#include <utility>
#include <vector>

namespace attune {

struct MaskAtom;

/// constant + sum of coefficient * atom; atoms are distinct and ordered, coefficients are not 0.
struct LinearForm {
  int64_t constant = 0;
  llvm::SmallVector<std::pair<const MaskAtom *, int64_t>, 3> terms;
  bool operator==(const LinearForm &other) const = default;
};

enum class AtomKind {
  Query,    // i
  Key,      // j
  Uniform,  // `node`, a number of the block (scalar, length, table entry of b and h)
  FloorDiv, // floor(first / divisor), divisor > 0
  Modulo,   // first - divisor * floor(first / divisor), divisor > 0
  Max,      // max(first, second)
  Min,      // min(first, second)
};

/// Owned and hash-consed by its MaskFormulas. `low` and `high` enclose its value for every legal
/// launch.
struct MaskAtom {
  AtomKind kind;
  unsigned id = 0;
  const Node *node = nullptr;
  LinearForm first = {}, second = {};
  int64_t divisor = 0;
  bool onQuery = false, onKey = false;
  int64_t low = 0, high = 0;
};

enum class FormulaKind { True, False, AtMostZero, And, Or, Unknown };

/// What is known about a predicate: `literal <= 0`, and/or of parts, or nothing.
struct Formula {
  FormulaKind kind = FormulaKind::Unknown;
  LinearForm literal;
  std::vector<Formula> parts;
};

/// The formulas of one kernel's masks, with their atoms.
class MaskFormulas {
public:
  /// The conjunction of the domain's predicates.
  Formula build(const Domain &domain);

private:
  using Parsed = std::optional<LinearForm>;

  Formula predicate(const Node *node, bool negated);
  Formula comparison(const Node *node, bool negated);
  Formula join(FormulaKind kind, std::vector<Formula> parts);
  void addImplied(std::vector<Formula> &parts);
  Formula atMostZero(LinearForm form);
  Formula atMost(const LinearForm &left, const LinearForm &right, int64_t slack);

  Parsed parse(const Node *node);
  Parsed parseOperation(const Node *node);
  Parsed parseUniform(const Node *node);
  Parsed parseAffine(mlir::AffineExpr expression, llvm::ArrayRef<const Node *> operands,
                     unsigned dimensions);
  Parsed parseProduct(const Parsed &left, const Parsed &right);
  Parsed floorDivide(const Parsed &form, int64_t divisor);
  Parsed modulo(const Parsed &form, int64_t divisor);
  Parsed extremum(AtomKind kind, const Parsed &left, const Parsed &right);
  Parsed fitting(Parsed form, mlir::Type type);

  LinearForm ofAtom(MaskAtom atom);

  std::vector<std::unique_ptr<MaskAtom>> atoms;
};

/// left + factor * right.
LinearForm combine(const LinearForm &left, const LinearForm &right, int64_t factor);
/// An enclosure of the form's value for every legal launch; nothing if it may leave 62 bits.
std::optional<std::pair<int64_t, int64_t>> staticRange(const LinearForm &form);
/// Does the form's value depend on the key?
bool dependsOnKey(const LinearForm &form);

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_MASKFORMULA_H
