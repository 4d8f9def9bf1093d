// SPDX-License-Identifier: Apache-2.0
// What do tests share whose kernels move the values of a matrix: given scores, and sums by definition.
#ifndef ATTUNE_TEST_COMPILER_REFERENCE_SCORES_H
#define ATTUNE_TEST_COMPILER_REFERENCE_SCORES_H

#include "test/compiler/reference/Cases.h"

#include <functional>
#include <optional>

namespace attune::test {

/// A matrix of given scores, z[b][h][i][j], of which some pairs are hidden: all keys of the first
/// row of the first head, and all queries of late keys.
struct Scores {
  int64_t batch, heads, queries, keys;
  Tensor z;

  Scores(int64_t batch, int64_t heads, int64_t queries, int64_t keys);
  /// The operands of `kernel` below, with `extra` behind them.
  std::vector<Argument> arguments(const std::vector<Argument> &extra = {}) const;
  bool sees(int64_t h, int64_t i, int64_t j) const { return j <= i + h - 1 && (i + j) % 5 != 3; }
  std::optional<double> operator()(int64_t b, int64_t h, int64_t i, int64_t j) const {
    return sees(h, i, j) ? std::optional(at(z, {b, h, i, j})) : std::nullopt;
  }
};

/// The kernel @k of operands q, k, z and `extra` whose matrix is %m, which %s is before pairs are
/// hidden.
std::string kernelOfScores(const std::string &extra, const std::string &results,
                           const std::string &body);

/// What a reduction joins, by its definition.
class Joined {
public:
  explicit Joined(std::string kind) : kind(std::move(kind)) {}
  void join(std::optional<double> x);
  /// As an element of a matrix: hidden if nothing was joined.
  std::optional<double> visible() const { return count ? std::optional(over()) : std::nullopt; }
  double over() const;

private:
  std::string kind;
  int64_t count = 0;
  double value = 0;
};
inline const char *const reduceKinds[] = {"sum", "mean", "max", "min"};

using MatrixFormula = std::function<std::optional<double>(int64_t, int64_t, int64_t, int64_t)>;
using TokensFormula = std::function<double(int64_t, int64_t, int64_t)>;

/// Results of this shape are near the formula; a matrix stores 0 at hidden pairs.
void expectNear(double found, double expected, const std::string &where);
void expectMatrix(const Tensor &found, const std::vector<int64_t> &shape,
                  const MatrixFormula &expected);
void expectTokens(const Tensor &found, const std::vector<int64_t> &shape,
                  const TokensFormula &expected);

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_REFERENCE_SCORES_H
