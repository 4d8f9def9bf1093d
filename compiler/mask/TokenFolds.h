// SPDX-License-Identifier: Apache-2.0
// What do the tokens of a tile fold to? Interpreted, an instruction for many tokens at a time.
#ifndef ATTUNE_COMPILER_MASK_TOKENFOLDS_H
#define ATTUNE_COMPILER_MASK_TOKENFOLDS_H

#include "compiler/mask/TileAxis.h"
#include "llvm/ADT/BitVector.h"

namespace attune::mask {

/// What an instruction reads from outside of the program, other than inputs and folds: a uniform, an
/// element of token `token` of its side, a table at or bounded by `operand`. Nothing: not known.
std::optional<int64_t> readLeaf(const Environment &environment, const Instruction &leaf,
                                int64_t operand, int64_t token);

/// Folds of functions of RowToken or of ColumnToken, for any problem.
class TokenFolds {
public:
  TokenFolds() = default;
  /// `varies`: by instruction, whether it does within a problem. The program has to live as long.
  TokenFolds(const Program &program, llvm::ArrayRef<TileFold> folds, const llvm::BitVector &varies);

  bool empty() const { return folds.empty(); }
  /// Instructions for each token.
  size_t size() const { return steps.size(); }
  /// Instructions that do not vary within a problem.
  llvm::ArrayRef<std::pair<int, int>> fixed() const { return fixedRows; }

  static constexpr size_t Width = 32;
  using Lanes = std::array<int64_t, Width>;
  /// The numbers of one problem, of which those that do not vary stand.
  struct Numbers {
    std::unique_ptr<Lanes[]> lanes;
    /// Tokens that are looked at, as numbers and by coordinates.
    Lanes tokens;
    std::array<Lanes, 3> coordinates;
    size_t count = 0;
    bool isUnknown = false;
  };
  /// `values`: by instruction.
  Numbers numbers(llvm::ArrayRef<int64_t> values) const;
  /// Of the tokens of a tile; empty where something is not known.
  llvm::SmallVector<int64_t> over(Numbers &numbers, const TileAxis &axis, int64_t tile,
                                  const Environment &environment) const;

private:
  /// Numbers of rows of lanes.
  struct Step {
    const Instruction *instruction;
    int result;
    std::array<int, 3> operands;
  };
  static void run(const Step &step, Numbers &numbers, const Environment &environment);
  static void read(const Step &step, Numbers &numbers, const Environment &environment);
  void join(const Numbers &numbers, llvm::MutableArrayRef<int64_t> results) const;

  llvm::ArrayRef<TileFold> folds;
  llvm::SmallVector<Step, 0> steps;
  /// Instructions with their rows.
  llvm::SmallVector<std::pair<int, int>> fixedRows;
  /// Of folds: the rows of `value` and of `when`.
  llvm::SmallVector<std::pair<int, int>> roots;
  size_t rowCount = 0;
};

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_TOKENFOLDS_H
