// SPDX-License-Identifier: Apache-2.0
// Which problems does a mask meet? Made-up lengths, scalars and tables that respect what is declared.
#ifndef ATTUNE_COMPILER_MASK_BATTERY_H
#define ATTUNE_COMPILER_MASK_BATTERY_H

#include "compiler/mask/Schedule.h"

namespace attune::mask {

/// How many problems there are.
constexpr unsigned MadeUpTrials = 12;

/// Numbers that are made up when they are asked for, always the same for one trial.
class MadeUpProblem final : public Environment {
public:
  /// `tileTokens`: what sizes are measured in.
  MadeUpProblem(FormulaBuilder &formulas, const MaskFormula &mask, int64_t tileTokens,
                unsigned trial);

  RowTile::Sizes sizes(Direction direction) const;

  std::optional<int64_t> uniform(const Node *node) const override;
  std::optional<int64_t> at(const Node *node, Side side, int64_t token) const override;
  std::optional<int64_t> entry(const Node *node, int64_t index) const override;
  std::optional<int64_t> entries(const Node *node) const override;

private:
  /// What is read for each token; `table` numbers tables in the order in which they are met.
  struct Reading {
    int64_t low = 0, high = 0;
    bool isSorted = false;
    unsigned table = 0;
  };
  void setLengths(int64_t tileTokens);
  void setScalars(const MaskFormula &mask);
  void setUniform(const Node *node, int64_t low, int64_t high, int64_t wish);
  void setUniforms(const LinearForm &form, int64_t wish);
  void noteReading(const Atom &atom);
  int64_t valueOf(const LinearForm &form) const;
  int64_t madeUp(const Reading &reading, int64_t index) const;

  FormulaBuilder &formulas;
  unsigned trial;
  llvm::DenseMap<const Node *, int64_t> uniforms;
  llvm::DenseMap<const Node *, Reading> readings;
  llvm::DenseMap<const void *, unsigned> tables;
  int64_t lengths[2] = {0, 0};
  llvm::SmallVector<int64_t, 3> grids[2];
};

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_BATTERY_H
