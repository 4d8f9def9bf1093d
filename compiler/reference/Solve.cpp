// SPDX-License-Identifier: Apache-2.0
// The thresholds of rows: what are `solve` and `entmax`?
//
// The sum decreases with the threshold, so that halving the numbers between both ends, by their
// order, finds the least that is small enough, exactly, in as many steps as a number has bits.
#include "compiler/reference/Evaluator.h"
#include "compiler/reference/Failure.h"

#include <bit>
#include <cmath>
#include <numeric>

using namespace mlir;

namespace attune::reference {
namespace {

/// What the keys of a row add to the sum at a threshold; false after an error.
using Weigh = llvm::function_ref<bool(double threshold, std::vector<double> &weights)>;

/// Numbers as integers in the same order; both zeros are one.
template <typename Real, typename Integer> Integer toOrder(Real value) {
  auto bits = std::bit_cast<Integer>(value);
  return bits >= 0 ? bits : std::numeric_limits<Integer>::min() - bits;
}
template <typename Real, typename Integer> Real fromOrder(Integer order) {
  return std::bit_cast<Real>(order >= 0 ? order : std::numeric_limits<Integer>::min() - order);
}

class ThresholdSearch {
public:
  ThresholdSearch(Weigh weigh, double total, bool eager)
      : weigh(weigh), total(total), eager(eager) {}

  /// The least threshold from `low` to `high` whose sum is `total` at most; `high` if there is none
  /// or the search failed.
  double run(double low, double high);
  /// The place of a weight that increases, and how; none while all is well.
  std::optional<int64_t> increasing;
  double lower, upper, atLower, atUpper;

private:
  template <typename Real, typename Integer> double bisect(double low, double high);
  bool isSmallEnough(const std::vector<double> &weights) const;
  bool decreases(double from, const std::vector<double> &first, double to,
                 const std::vector<double> &second);

  Weigh weigh;
  double total;
  bool eager;
  std::vector<double> weightsAtLow, weightsAtHigh, slack;
};

bool ThresholdSearch::isSmallEnough(const std::vector<double> &weights) const {
  double sum = 0;
  for (double weight : weights)
    sum = eager ? double(float(sum + weight)) : sum + weight;
  return sum <= total;
}

/// Does no weight increase, but for what rounding explains?
bool ThresholdSearch::decreases(double from, const std::vector<double> &first, double to,
                                const std::vector<double> &second) {
  for (size_t place = 0; place < first.size(); ++place)
    if (second[place] > first[place] + slack[place]) {
      increasing = int64_t(place);
      lower = from, upper = to, atLower = first[place], atUpper = second[place];
      return false;
    }
  return true;
}

template <typename Real, typename Integer> double ThresholdSearch::bisect(double low, double high) {
  auto above = toOrder<Real, Integer>(Real(low)), below = toOrder<Real, Integer>(Real(high));
  std::vector<double> weights;
  while (above + 1 < below) {
    Integer middle = std::midpoint(above, below);
    double threshold = double(fromOrder<Real>(middle));
    if (!weigh(threshold, weights) || !decreases(low, weightsAtLow, threshold, weights) ||
        !decreases(threshold, weights, high, weightsAtHigh))
      return high;
    bool reached = isSmallEnough(weights);
    (reached ? below : above) = middle;
    (reached ? high : low) = threshold;
    std::swap(reached ? weightsAtHigh : weightsAtLow, weights);
  }
  return high;
}

double ThresholdSearch::run(double low, double high) {
  if (!(low <= high) || !weigh(low, weightsAtLow) || !weigh(high, weightsAtHigh))
    return high;
  for (auto [first, second] : llvm::zip(weightsAtLow, weightsAtHigh))
    slack.push_back((eager ? 1e-3 : 1e-9) * std::max(std::abs(first), std::abs(second)));
  if (!decreases(low, weightsAtLow, high, weightsAtHigh))
    return high;
  if (isSmallEnough(weightsAtLow))
    return low;
  if (!isSmallEnough(weightsAtHigh))
    return high;
  return eager ? bisect<float, int32_t>(low, high) : bisect<double, int64_t>(low, high);
}

} // namespace

Lanes RowEvaluator::solve(attn::SolveOp op, int64_t head) {
  Keys keys = commonKeys(op, head);
  std::vector<Lanes> bound(1);
  bindPlaces(bound, op, head, *keys);
  const Program &program = evaluation.programs.find(op)->second;
  Frame &frame = frameOf(op);
  auto weigh = [&](double threshold, std::vector<double> &weights) {
    weights.resize(keys->size());
    if (keys->empty())
      return true;
    std::vector<Lanes> arguments = bound;
    arguments.front() = Lanes::ofReal(threshold);
    if (!program.run(frame, int64_t(keys->size()), arguments)) {
      error = frame.error;
      return false;
    }
    const Lanes &yielded = frame.registers[program.results.front()];
    for (size_t place = 0; place < keys->size(); ++place)
      weights[place] = yielded.reals[place * size_t(yielded.stride())];
    return true;
  };
  auto end = [&](Value rowsValue) {
    return rows(rowsValue, headOf(rowsValue, op.getResult(), head)).reals[0];
  };
  double total = evaluation.problem->environment.scalars.find(op.getTotal())->second.reals[0];
  ThresholdSearch search(weigh, total, evaluation.eager());
  Lanes result;
  result.reals = {search.run(end(op.getLow()), end(op.getHigh()))};
  if (search.increasing)
    error =
        llvm::formatv("'attn.solve': expected a region that does not increase with the "
                      "threshold, but at query {0}, key {1} it yields {2} at {3} and {4} at {5}",
                      token, (*keys)[size_t(*search.increasing)], search.atLower, search.lower,
                      search.atUpper, search.upper);
  return result;
}

MatrixRow RowEvaluator::entmax(attn::EntmaxOp op, int64_t head) {
  const MatrixRow &scores = matrix(op.getScores(), headOf(op.getScores(), op.getResult(), head));
  double alpha = rows(op.getAlpha(), headOf(op.getAlpha(), op.getResult(), head)).reals[0];
  constexpr double infinity = std::numeric_limits<double>::infinity();
  MatrixRow row;
  row.keys = scores.keys;
  if (!(alpha > 1))
    error = llvm::formatv("'attn.entmax': expected an alpha above 1, but at query {0} it is {1}",
                          token, alpha);
  double factor = roundF32(alpha - 1), power = roundF32(1 / factor), maximum = -infinity;
  std::vector<double> z;
  for (double score : scores.values.reals) {
    z.push_back(roundF32(score * factor));
    maximum =
        std::isnan(score) || std::isnan(maximum) ? score + maximum : std::max(maximum, z.back());
  }
  auto weigh = [&](double threshold, std::vector<double> &weights) {
    weights.resize(z.size());
    for (auto [weight, score] : llvm::zip(weights, z)) {
      double above = roundF32(score - threshold);
      weight = above <= 0 ? 0 : roundF32(std::pow(above, power));
    }
    return true;
  };
  // An empty row, by rows or by scores.
  row.values.reals.assign(z.size(), 0);
  if (maximum == -infinity || !error.empty())
    return row;
  ThresholdSearch search(weigh, 1, evaluation.eager());
  weigh(search.run(roundF32(maximum - 1), maximum), row.values.reals);
  return row;
}

} // namespace attune::reference
