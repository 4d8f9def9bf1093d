// SPDX-License-Identifier: Apache-2.0
#include "test/compiler/reference/Scores.h"

#include <cmath>
#include <gtest/gtest.h>

namespace attune::test {

Scores::Scores(int64_t batch, int64_t heads, int64_t queries, int64_t keys)
    : batch(batch), heads(heads), queries(queries), keys(keys) {
  std::mt19937_64 generator(11);
  z = normal(generator, ElementType::F32, {batch, heads, queries, keys});
}

std::vector<Argument> Scores::arguments(const std::vector<Argument> &extra) const {
  std::vector<Argument> all = {Tensor::zeros(ElementType::F32, {batch, heads, queries}),
                               Tensor::zeros(ElementType::F32, {1, 1, keys}), z};
  all.insert(all.end(), extra.begin(), extra.end());
  return all;
}

std::string kernelOfScores(const std::string &extra, const std::string &results,
                           const std::string &body) {
  return "attn.kernel @k(%q: !r, %k: !c, %z: tensor<?x?x?x?xf32>" + extra + ") -> (" + results +
         ") {\n  %s = map (%s0 = %q, %s1 = %k) at (%b, %h, %i, %j) : (!r, !c) -> !s {\n"
         "    %s2 = load %z[%b, %h, %i, %j] : tensor<?x?x?x?xf32>   yield %s2 : f32 }\n"
         "  %m = where (%s0 = %s) at (%b, %h, %i, %j) : (!s) {\n"
         "    %s1 = holds affine_set<(h, i, j) : (i + h - 1 - j >= 0)>(%h, %i, %j)\n"
         "    %s2 = holds affine_set<(i, j) : ((i + j) mod 5 - 3 == 0)>(%i, %j)\n"
         "    %s3 = arith.constant true   %s4 = arith.xori %s2, %s3 : i1\n"
         "    %s5 = arith.andi %s1, %s4 : i1   yield %s5 : i1 }\n" +
         body + "}\n";
}

void Joined::join(std::optional<double> x) {
  if (!x)
    return;
  bool first = count++ == 0;
  if (kind == "max")
    value = first ? *x : std::max(value, *x);
  else if (kind == "min")
    value = first ? *x : std::min(value, *x);
  else
    value += *x;
}

double Joined::over() const {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (count == 0)
    return kind == "max" ? -infinity : kind == "min" ? infinity : 0;
  return kind == "mean" ? value / double(count) : value;
}

void expectNear(double found, double expected, const std::string &where) {
  if (std::isinf(expected))
    EXPECT_EQ(found, expected) << where;
  else
    EXPECT_NEAR(found, expected, 1e-12) << where;
}

void expectMatrix(const Tensor &found, const std::vector<int64_t> &shape,
                  const MatrixFormula &expected) {
  ASSERT_EQ(found.shape, shape);
  for (int64_t b = 0; b < shape[0]; ++b)
    for (int64_t h = 0; h < shape[1]; ++h)
      for (int64_t i = 0; i < shape[2]; ++i)
        for (int64_t j = 0; j < shape[3]; ++j)
          expectNear(at(found, {b, h, i, j}), expected(b, h, i, j).value_or(0),
                     testing::PrintToString(std::vector<int64_t>{b, h, i, j}));
}

void expectTokens(const Tensor &found, const std::vector<int64_t> &shape,
                  const TokensFormula &expected) {
  ASSERT_EQ(found.shape, shape);
  for (int64_t b = 0; b < shape[0]; ++b)
    for (int64_t h = 0; h < shape[1]; ++h)
      for (int64_t n = 0; n < shape[2]; ++n)
        expectNear(at(found, {b, h, n}), expected(b, h, n),
                   testing::PrintToString(std::vector<int64_t>{b, h, n}));
}

} // namespace attune::test
