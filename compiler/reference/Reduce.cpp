// SPDX-License-Identifier: Apache-2.0
#include "compiler/reference/Evaluator.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace attune::reference {
namespace {

/// Sum and mean start from 0; max and min from the ends of the type.
double startReal(attn::ReduceKind kind) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (kind == attn::ReduceKind::Max)
    return -infinity;
  return kind == attn::ReduceKind::Min ? infinity : 0;
}

int64_t startInteger(attn::ReduceKind kind, unsigned bits) {
  // The ends of an i1 are kept as false and true, which are 0 and -1 as signed numbers.
  int64_t least = bits == 1 ? 1 : int64_t(uint64_t(-1) << (bits - 1));
  int64_t greatest = bits == 1 ? 0 : int64_t(~uint64_t(least));
  if (kind == attn::ReduceKind::Max)
    return least;
  return kind == attn::ReduceKind::Min ? greatest : 0;
}

double joinReal(attn::ReduceKind kind, double x, double y) {
  switch (kind) {
  case attn::ReduceKind::Max: return std::isnan(x) || std::isnan(y) ? x + y : std::max(x, y);
  case attn::ReduceKind::Min: return std::isnan(x) || std::isnan(y) ? x + y : std::min(x, y);
  default: return x + y;
  }
}

int64_t joinInteger(attn::ReduceKind kind, unsigned bits, int64_t x, int64_t y) {
  bool less = bits == 1 ? -x < -y : x < y;
  switch (kind) {
  case attn::ReduceKind::Max: return less ? y : x;
  case attn::ReduceKind::Min: return less ? x : y;
  default: return wrap(bits, int64_t(uint64_t(x) + uint64_t(y)));
  }
}

} // namespace

Reduction::Reduction(attn::ReduceKind kind, Type element, bool eager)
    : kind(kind), element(element), eager(eager) {
  state.uniform = true;
  state.integer = isInteger(element);
  state.width = widthOf(element);
  if (state.integer)
    state.integers.assign(size_t(state.width), startInteger(kind, bitsOf(element)));
  else
    state.reals.assign(size_t(state.width), startReal(kind));
}

void Reduction::join(const Lanes &lanes, int64_t place) {
  ++count;
  size_t first = size_t(place * lanes.stride());
  bool f32 = eager && floatTypeOf(element) != ElementType::F64;
  for (size_t lane = 0; lane < size_t(state.width); ++lane) {
    if (state.integer) {
      int64_t &sum = state.integers[lane];
      sum = joinInteger(kind, bitsOf(element), sum, lanes.integers[first + lane]);
      continue;
    }
    double &sum = state.reals[lane];
    sum = joinReal(kind, sum, lanes.reals[first + lane]);
    if (f32)
      sum = double(float(sum));
  }
}

Lanes Reduction::finish() {
  if (kind == attn::ReduceKind::Mean && count > 0)
    for (double &value : state.reals)
      value /= double(count);
  if (eager)
    roundTo(floatTypeOf(element), state.reals);
  return std::move(state);
}

MatrixRow Groups::finish() {
  std::vector<int64_t> keys;
  MatrixRow row;
  row.values = nothing.finish();
  row.values.uniform = false;
  row.values.reals.clear();
  row.values.integers.clear();
  for (auto &[key, reduction] : atKey) {
    keys.push_back(key);
    row.values.append(reduction.finish(), 0);
  }
  row.keys = std::make_shared<const std::vector<int64_t>>(std::move(keys));
  return row;
}

} // namespace attune::reference
