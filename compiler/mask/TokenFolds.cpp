// SPDX-License-Identifier: Apache-2.0
// What do the tokens of a tile fold to? To interpret an instruction takes longer than to compute it: it
// is read once for all tokens.
#include "compiler/mask/TokenFolds.h"
#include "compiler/mask/Arithmetic.h"

using namespace attune;
using namespace attune::mask;

static std::optional<int64_t> readBound(const Environment &environment, const Node *node,
                                        int64_t number, bool strict) {
  std::optional<int64_t> count = environment.entries(node);
  if (!count)
    return std::nullopt;
  int64_t low = 0;
  for (int64_t high = *count; low < high;) {
    int64_t middle = low + (high - low) / 2;
    std::optional<int64_t> found = environment.entry(node, middle);
    if (!found)
      return std::nullopt;
    if (strict ? *found > number : *found >= number)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

static std::optional<int64_t> readEntry(const Environment &environment, const Node *node,
                                        int64_t index) {
  std::optional<int64_t> count = environment.entries(node);
  if (!count)
    return std::nullopt;
  return index < 0 || index >= *count ? 0 : environment.entry(node, index);
}

std::optional<int64_t> attune::mask::readLeaf(const Environment &environment,
                                              const Instruction &leaf, int64_t operand,
                                              int64_t token) {
  switch (leaf.opcode) {
  case Opcode::Uniform: return environment.uniform(leaf.node);
  case Opcode::Entries: return environment.entries(leaf.node);
  case Opcode::AtToken: return environment.at(leaf.node, leaf.side, token);
  case Opcode::Entry: return readEntry(environment, leaf.node, operand);
  case Opcode::LowerBound: return readBound(environment, leaf.node, operand, false);
  case Opcode::UpperBound: return readBound(environment, leaf.node, operand, true);
  default: llvm_unreachable("not a leaf of the environment");
  }
}

TokenFolds::TokenFolds(const Program &program, llvm::ArrayRef<TileFold> folds,
                       const llvm::BitVector &varies)
    : folds(folds) {
  llvm::SmallVector<Value> wanted;
  for (const TileFold &fold : folds)
    wanted.append({fold.value, fold.when});
  llvm::SmallVector<int> order = program.needed(wanted);
  auto rowOf = [&](Value value) { return int(llvm::lower_bound(order, value.id) - order.begin()); };
  rowCount = order.size();
  for (auto [row, id] : llvm::enumerate(order)) {
    if (!varies[id]) {
      fixedRows.push_back({id, int(row)});
      continue;
    }
    const Instruction &instruction = program[Value{id}];
    Step step{&instruction, int(row), {0, 0, 0}};
    for (auto [place, operand] : llvm::zip_equal(step.operands, instruction.operands))
      place = operand ? rowOf(operand) : 0;
    steps.push_back(step);
  }
  for (const TileFold &fold : folds)
    roots.push_back({rowOf(fold.value), rowOf(fold.when)});
}

TokenFolds::Numbers TokenFolds::numbers(llvm::ArrayRef<int64_t> values) const {
  Numbers numbers;
  numbers.lanes.reset(new Lanes[rowCount]);
  for (auto [id, row] : fixedRows)
    numbers.lanes[row].fill(values[id]);
  return numbers;
}

llvm::SmallVector<int64_t> TokenFolds::over(Numbers &numbers, const TileAxis &axis, int64_t tile,
                                            const Environment &environment) const {
  llvm::SmallVector<int64_t> results;
  for (const TileFold &fold : folds)
    results.push_back(fold.kind == FoldKind::Least      ? Neutral
                      : fold.kind == FoldKind::Greatest ? -Neutral
                                                        : 0);
  numbers.isUnknown = false;
  numbers.count = 0;
  auto finish = [&] {
    for (const Step &step : steps)
      run(step, numbers, environment);
    join(numbers, results);
    numbers.count = 0;
  };
  axis.forEachToken(tile, [&](llvm::ArrayRef<int64_t> place) {
    numbers.tokens[numbers.count] = axis.flat(place);
    for (auto [dim, coordinate] : llvm::enumerate(place))
      numbers.coordinates[dim][numbers.count] = coordinate;
    if (++numbers.count == Width)
      finish();
  });
  if (numbers.count > 0)
    finish();
  if (numbers.isUnknown)
    results.clear();
  return results;
}

void TokenFolds::read(const Step &step, Numbers &numbers, const Environment &environment) {
  const Instruction &leaf = *step.instruction;
  Lanes &result = numbers.lanes[step.result];
  if (leaf.opcode == Opcode::Input) {
    result = numbers.coordinates[leaf.dim];
    return;
  }
  const Lanes &operand = numbers.lanes[step.operands[0]];
  for (size_t lane = 0; lane < numbers.count; ++lane) {
    std::optional<int64_t> found = readLeaf(environment, leaf, operand[lane], numbers.tokens[lane]);
    numbers.isUnknown |= !found;
    result[lane] = found.value_or(0);
  }
}

void TokenFolds::run(const Step &step, Numbers &numbers, const Environment &environment) {
  if (isLeaf(step.instruction->opcode))
    return read(step, numbers, environment);
  auto [a, b, c] = step.operands;
  const Lanes &x = numbers.lanes[a], &y = numbers.lanes[b], &z = numbers.lanes[c];
  Lanes &result = numbers.lanes[step.result];
  auto each = [&]<Opcode opcode>() {
    for (size_t lane = 0; lane < numbers.count; ++lane)
      result[lane] = compute(opcode, x[lane], y[lane], z[lane]);
  };
  switch (step.instruction->opcode) {
  case Opcode::Add: return each.operator()<Opcode::Add>();
  case Opcode::Subtract: return each.operator()<Opcode::Subtract>();
  case Opcode::Multiply: return each.operator()<Opcode::Multiply>();
  case Opcode::FloorDivide: return each.operator()<Opcode::FloorDivide>();
  case Opcode::Modulo: return each.operator()<Opcode::Modulo>();
  case Opcode::Minimum: return each.operator()<Opcode::Minimum>();
  case Opcode::Maximum: return each.operator()<Opcode::Maximum>();
  case Opcode::BitAnd: return each.operator()<Opcode::BitAnd>();
  case Opcode::BitOr: return each.operator()<Opcode::BitOr>();
  case Opcode::BitXor: return each.operator()<Opcode::BitXor>();
  case Opcode::LessEqual: return each.operator()<Opcode::LessEqual>();
  case Opcode::Equal: return each.operator()<Opcode::Equal>();
  case Opcode::And: return each.operator()<Opcode::And>();
  case Opcode::Or: return each.operator()<Opcode::Or>();
  case Opcode::Not: return each.operator()<Opcode::Not>();
  case Opcode::Select: return each.operator()<Opcode::Select>();
  default: llvm_unreachable("not an operation");
  }
}

void TokenFolds::join(const Numbers &numbers, llvm::MutableArrayRef<int64_t> results) const {
  for (auto [fold, root, result] : llvm::zip_equal(folds, roots, results)) {
    const Lanes &value = numbers.lanes[root.first], &when = numbers.lanes[root.second];
    for (size_t lane = 0; lane < numbers.count; ++lane) {
      if (!when[lane])
        continue;
      switch (fold.kind) {
      case FoldKind::Least: result = std::min(result, value[lane]); break;
      case FoldKind::Greatest: result = std::max(result, value[lane]); break;
      case FoldKind::Union: result |= int64_t(uint64_t(1) << (value[lane] & 63)); break;
      }
    }
  }
}
