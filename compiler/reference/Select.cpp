// SPDX-License-Identifier: Apache-2.0
// The best keys of a row: what are `select` and `list`, and the ops that lists are made of?
#include "compiler/reference/Evaluator.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir;

namespace attune::reference {
namespace {

/// The places of the `count` greatest values of a row, the greatest first: of equals the earlier
/// one, NaN below all.
std::vector<int64_t> findGreatest(const Lanes &values, int64_t numPlaces, int64_t count) {
  std::vector<int64_t> order(static_cast<size_t>(numPlaces));
  std::iota(order.begin(), order.end(), 0);
  auto precedes = [&](int64_t a, int64_t b) {
    size_t x = size_t(a * values.stride()), y = size_t(b * values.stride());
    if (values.integer)
      return values.integers[x] != values.integers[y] ? values.integers[x] > values.integers[y]
                                                      : a < b;
    double first = values.reals[x], second = values.reals[y];
    if (std::isnan(first) != std::isnan(second))
      return std::isnan(second);
    return std::isnan(first) || first == second ? a < b : first > second;
  };
  auto last = order.begin() + std::clamp<int64_t>(count, 0, numPlaces);
  std::partial_sort(order.begin(), last, order.end(), precedes);
  order.erase(last, order.end());
  return order;
}

} // namespace

/// Visible everywhere, whatever the matrix is that is searched.
MatrixRow RowEvaluator::select(attn::SelectOp op, int64_t head) {
  const MatrixRow &from = matrix(op.getInput(), headOf(op.getInput(), op.getResult(), head));
  int64_t count = evaluation.problem->environment.scalars.find(op.getCount())->second.integers[0];
  MatrixRow row;
  row.keys = evaluation.allKeys.find(attn::getAxes(op.getType()).back().getValue())->second;
  row.values.integer = true;
  row.values.integers.assign(row.keys->size(), 0);
  for (int64_t place : findGreatest(from.values, from.numKeys(), count))
    row.values.integers[size_t((*from.keys)[size_t(place)])] = 1;
  return row;
}

/// The values of the best keys, or with `keys` these, each padded behind the last.
Lanes RowEvaluator::list(attn::ListOp op, int64_t head, bool keys) {
  const MatrixRow &from = matrix(op.getInput(), headOf(op.getInput(), op.getValues(), head));
  int64_t count = int64_t(op.getCount());
  Type element = attn::getPlaceElementType(op.getInput().getType());
  Lanes result;
  result.width = count;
  result.integer = keys || isInteger(element);
  if (!result.integer)
    result.reals.assign(size_t(count), -std::numeric_limits<double>::infinity());
  else
    result.integers.assign(size_t(count),
                           keys ? -1 : int64_t(uint64_t(-1) << (bitsOf(element) - 1)));
  std::vector<int64_t> best = findGreatest(from.values, from.numKeys(), count);
  for (size_t position = 0; position < best.size(); ++position) {
    size_t place = size_t(best[position]);
    if (keys)
      result.integers[position] = (*from.keys)[place];
    else if (result.integer)
      result.integers[position] = from.values.integers[place * size_t(from.values.stride())];
    else
      result.reals[position] = from.values.reals[place * size_t(from.values.stride())];
  }
  return result;
}

/// The keys that are listed, or the elements there; visible are the entries that there are.
MatrixRow RowEvaluator::visibleKeys(attn::VisibleKeysOp op, int64_t head, bool keys) {
  const MatrixRow &from = matrix(op.getInput(), headOf(op.getInput(), op.getCount(), head));
  int64_t count = std::min(from.numKeys(), evaluation.problem->length(op.getEntries()));
  MatrixRow row;
  std::vector<int64_t> places(static_cast<size_t>(count));
  std::iota(places.begin(), places.end(), 0);
  row.values.integer = keys || from.values.integer;
  for (int64_t place : places) {
    if (keys)
      row.values.integers.push_back((*from.keys)[size_t(place)]);
    else
      row.values.append(from.values, place);
  }
  row.keys = std::make_shared<const std::vector<int64_t>>(std::move(places));
  return row;
}

/// 0 where nothing is visible.
Lanes RowEvaluator::entries(attn::EntriesOp op, int64_t head) {
  const MatrixRow &from = matrix(op.getInput(), headOf(op.getInput(), op.getResult(), head));
  int64_t count = int64_t(op.getCount());
  Lanes result;
  result.width = count;
  result.integer = from.values.integer;
  result.integer ? result.integers.assign(size_t(count), 0) : result.reals.assign(size_t(count), 0);
  for (int64_t place = 0; place < from.numKeys(); ++place) {
    int64_t entry = (*from.keys)[size_t(place)];
    size_t lane = size_t(place * from.values.stride());
    if (entry >= count)
      continue;
    if (result.integer)
      result.integers[size_t(entry)] = from.values.integers[lane];
    else
      result.reals[size_t(entry)] = from.values.reals[lane];
  }
  return result;
}

} // namespace attune::reference
