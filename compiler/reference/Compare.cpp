// SPDX-License-Identifier: Apache-2.0
#include "compiler/reference/Compare.h"

#include <cmath>
#include <functional>
#include <limits>

namespace attune::reference {
namespace {

/// Calls `visit` with the indices of every element, in row-major order.
void forEachIndex(const Tensor &tensor,
                  const std::function<void(std::span<const int64_t>)> &visit) {
  std::vector<int64_t> indices(tensor.shape.size(), 0);
  for (int64_t count = tensor.numElements(); count > 0; --count) {
    visit(indices);
    for (size_t dim = indices.size(); dim-- > 0;) {
      if (++indices[dim] < tensor.shape[dim])
        break;
      indices[dim] = 0;
    }
  }
}

bool agree(double found, double rounded) {
  return std::isnan(found) ? std::isnan(rounded) : found == rounded;
}

} // namespace

Figures compare(const Tensor &found, const Tensor &exact, ElementType type) {
  Figures figures;
  double squares = 0, largest = 0;
  int64_t count = 0;
  forEachIndex(exact, [&](std::span<const int64_t> at) {
    double number = found.real(found.offset(at)), wanted = exact.real(exact.offset(at));
    double rounded = roundTo(type, wanted);
    if (!std::isfinite(number) || !std::isfinite(rounded)) {
      figures.disagreements += !agree(number, rounded);
      return;
    }
    double error = std::abs(number - wanted);
    figures.maxAbsolute = std::max(figures.maxAbsolute, error);
    largest = std::max(largest, std::abs(wanted));
    squares += error * error;
    ++count;
  });
  figures.maxRelative = largest ? figures.maxAbsolute / largest : 0;
  figures.rootMeanSquare = count ? std::sqrt(squares / double(count)) : 0;
  return figures;
}

Verdict judge(const Tensor &found, const Tensor &exact, const Tensor &eager, ElementType type) {
  Verdict verdict;
  verdict.found = compare(found, exact, type);
  verdict.eager = compare(eager, exact, type);
  double twice = isFloat(type) ? 2 * verdict.eager.maxAbsolute : 0;
  forEachIndex(exact, [&](std::span<const int64_t> at) {
    double number = found.real(found.offset(at)), wanted = exact.real(exact.offset(at));
    double error = std::abs(number - wanted), allowed = twice + roundingError(type, wanted);
    if (agree(number, roundTo(type, wanted)))
      error = std::isfinite(error) ? error : 0;
    double share = error == 0 ? 0 : error / allowed;
    if (std::isnan(share))
      share = std::numeric_limits<double>::infinity();
    if (share < verdict.share || (share == 0 && !verdict.worst.empty()))
      return;
    verdict.share = share;
    verdict.worst.assign(at.begin(), at.end());
    verdict.worstFound = number;
    verdict.worstExact = wanted;
    verdict.allowed = allowed;
  });
  return verdict;
}

} // namespace attune::reference
