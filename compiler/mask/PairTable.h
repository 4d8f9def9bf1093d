// SPDX-License-Identifier: Apache-2.0
// Does a formula hold at many pairs of one problem? What depends on one side alone is evaluated once a
// token, so that a pair costs a few additions.
#ifndef ATTUNE_COMPILER_MASK_PAIRTABLE_H
#define ATTUNE_COMPILER_MASK_PAIRTABLE_H

#include "compiler/mask/Formula.h"

namespace attune::mask {

/// The formula and the environment have to live as long.
class PairTable {
public:
  PairTable(const Formula &formula, const Environment &environment);

  /// The same as holds(formula, query, key, environment).
  std::optional<bool> holds(int64_t query, int64_t key) { return holds(root, query, key); }

private:
  /// The values of a form of one side, as far as they were asked for.
  struct Column {
    LinearForm form;
    std::vector<std::optional<int64_t>> values;
    std::vector<bool> isKnown;
  };
  struct Part {
    FormulaKind kind = FormulaKind::Unknown;
    std::vector<Part> parts;
    /// Of a literal, which is their sum. Mixed: what depends on both.
    Column onQuery, onKey;
    LinearForm mixed;
  };

  static Part makePart(const Formula &formula);
  std::optional<bool> holds(Part &part, int64_t query, int64_t key);
  std::optional<bool> joint(Part &part, int64_t query, int64_t key);
  const std::optional<int64_t> &value(Column &column, Side side, int64_t token);

  Part root;
  const Environment &environment;
};

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_PAIRTABLE_H
