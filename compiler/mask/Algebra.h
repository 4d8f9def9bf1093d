// SPDX-License-Identifier: Apache-2.0
// How are linear forms and formulas made canonical? Every operation on integers that masks use, each an
// identity over the integers with floored // and %, with sound ranges; nothing where a number may leave
// 63 bits.
#ifndef ATTUNE_COMPILER_MASK_ALGEBRA_H
#define ATTUNE_COMPILER_MASK_ALGEBRA_H

#include "compiler/mask/Formula.h"
#include "llvm/ADT/DenseMap.h"

namespace attune::mask {

/// Lengths and |scalar of type index| are below this: checked at launch.
inline constexpr int64_t lengthLimit = int64_t(1) << 31;
/// No number leaves [-valueLimit, valueLimit], so that sums of two of them do not wrap.
inline constexpr int64_t valueLimit = (int64_t(1) << 62) - 1;

/// Longer expressions, written out, are not read: whoever walks them takes that long.
inline constexpr unsigned maxWeight = 4096;

/// An enclosure, both ends included.
struct NumberRange {
  int64_t low = 0, high = 0;
  bool operator==(const NumberRange &) const = default;
};

using Parsed = std::optional<LinearForm>;

class Algebra {
public:
  // Atoms as forms.
  LinearForm token(Side side, std::optional<LinearForm> length);
  LinearForm coordinate(Side side, unsigned dim, LinearForm extent, LinearForm stride);
  LinearForm uniform(const Node *node, NumberRange range);
  LinearForm oneSided(const Node *node, Side side, NumberRange range, Parsed index = std::nullopt,
                      bool isSorted = false);

  /// `product`, where a launch checks that it stays in `range`.
  void bound(llvm::ArrayRef<LinearForm> product, NumberRange range);

  // Arithmetic. Divisors depend on neither i nor j and are at least 1.
  Parsed add(const LinearForm &left, const LinearForm &right, int64_t factor = 1);
  Parsed multiply(const LinearForm &left, const LinearForm &right);
  Parsed floorDivide(const LinearForm &dividend, const LinearForm &divisor);
  Parsed modulo(const LinearForm &dividend, const LinearForm &divisor);
  /// Of kind Maximum or Minimum.
  Parsed extremum(AtomKind kind, const LinearForm &left, const LinearForm &right);
  Parsed absolute(const LinearForm &form);
  Parsed select(const Formula &condition, const Formula &otherwise, const LinearForm &left,
                const LinearForm &right);
  /// Of kind BitAnd, BitOr or BitXor.
  Parsed bitwise(AtomKind kind, const LinearForm &left, const LinearForm &right);

  /// Is the form at least 0, at each pair of every legal launch? False where that is not seen.
  bool isNeverNegative(const LinearForm &form, unsigned depth = 8);

  /// How many atoms it has, written out; at most maxWeight + 1.
  unsigned weightOf(const LinearForm &form) const;
  unsigned weightOf(const Formula &formula) const;

  // Formulas.
  Formula atMostZero(LinearForm form);
  Formula equalsZero(LinearForm form);
  Formula differsFromZero(const LinearForm &form);
  Formula join(FormulaKind kind, std::vector<Formula> parts);

private:
  /// coefficient * product of factors, each an atom or a sum that depends on neither i nor j.
  struct Monomial {
    int64_t coefficient = 1;
    std::vector<LinearForm> factors;
  };

  LinearForm ofAtom(Atom atom);
  static std::vector<LinearForm> factorsOf(const Atom *atom);
  Parsed ofMonomial(Monomial monomial);
  Parsed expand(const LinearForm &left, const LinearForm &right);
  Parsed product(const LinearForm &left, const LinearForm &right);
  std::optional<NumberRange> rangeOfProduct(llvm::ArrayRef<LinearForm> factors) const;
  Parsed scale(const LinearForm &form, int64_t factor) const;
  Parsed tidy(LinearForm form);
  Parsed joinRemainder(const LinearForm &form, std::pair<const Atom *, int64_t> term);
  Parsed makeRemainder(const LinearForm &form, std::pair<const Atom *, int64_t> term);

  Formula reduceEquality(LinearForm form);
  Parsed boundOfDividend(const LinearForm &form);
  Parsed congruence(const LinearForm &remainder);

  static Monomial monomialOf(const LinearForm &form);
  /// `term` = multiple * divisor.
  std::optional<LinearForm> divideTerm(std::pair<const Atom *, int64_t> term,
                                       const Monomial &divisor);
  /// form = divisor * multiple + rest, as far as terms show it.
  struct Split {
    LinearForm multiple, rest;
  };
  std::optional<Split> split(const LinearForm &form, const LinearForm &divisor);
  /// divisor = first * second, several ways.
  std::vector<std::pair<LinearForm, LinearForm>> factorings(const LinearForm &divisor,
                                                            const LinearForm &dividend);
  bool isWithin(const LinearForm &form, const LinearForm &divisor);
  Parsed quotientOfRest(const LinearForm &rest, const LinearForm &divisor);
  Parsed dropRemainders(const LinearForm &form, const LinearForm &divisor);

  std::vector<std::unique_ptr<Atom>> atoms;
  llvm::DenseMap<uint64_t, llvm::SmallVector<const Atom *, 1>> known;
  std::vector<std::pair<std::vector<LinearForm>, NumberRange>> bounds;
  /// By ids of atoms.
  std::vector<unsigned> weights;
  unsigned tidying = 0;
};

/// A total order that depends on the program alone.
bool isBefore(const LinearForm &left, const LinearForm &right);
bool isBefore(const Formula &left, const Formula &right);
bool isUniform(const LinearForm &form);
inline bool isConstant(const LinearForm &form) { return form.terms.empty(); }
LinearForm ofAtom(const Atom *atom, int64_t coefficient = 1);
std::optional<NumberRange> rangeOf(const LinearForm &form);

Formula truth(bool value);
Formula unknownFormula();
bool hasUnknown(const Formula &formula);
size_t countLiterals(const Formula &formula);

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_ALGEBRA_H
