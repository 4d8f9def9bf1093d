// SPDX-License-Identifier: Apache-2.0
// Which problems does a mask meet? Nothing depends on addresses: the same mask gets the same ones.
#include "compiler/mask/Battery.h"
#include "compiler/mask/Emission.h"

using namespace attune;
using namespace attune::mask;

namespace {

/// Lengths of the sides, in 16ths of a tile: aligned, ragged, short, rows unlike columns.
constexpr std::array<std::pair<int64_t, int64_t>, 5> Lengths = {
    {{80, 80}, {59, 83}, {90, 37}, {11, 70}, {103, 103}}};
/// Sides of a grid.
constexpr std::array<std::array<int64_t, 3>, 5> Grids = {
    {{24, 32, 2}, {20, 45, 3}, {50, 13, 2}, {7, 19, 6}, {16, 64, 2}}};
constexpr std::array<int64_t, 11> Scalars = {64, 3, 100, 1, 256, 8, 17, 300, 32, 150, 40};

uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t x = a * 0x9E3779B97F4A7C15 + b * 0xD1B54A32D192ED03;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

} // namespace

MadeUpProblem::MadeUpProblem(FormulaBuilder &formulas, const MaskFormula &mask, int64_t tileTokens,
                             unsigned trial)
    : formulas(formulas), trial(trial) {
  setLengths(tileTokens);
  setScalars(mask);
}

void MadeUpProblem::setUniform(const Node *node, int64_t low, int64_t high, int64_t wish) {
  uniforms.try_emplace(node, std::clamp(wish, low, high));
}

void MadeUpProblem::setUniforms(const LinearForm &form, int64_t wish) {
  forEachAtom(form, [&](const Atom &atom) {
    if (atom.kind == AtomKind::Uniform)
      setUniform(atom.node, atom.low, atom.high, wish);
  });
}

int64_t MadeUpProblem::valueOf(const LinearForm &form) const {
  Program program;
  Emitter emitter(program, formulas, Side::Query);
  Value value = emitter.value(form);
  if (!value)
    return 0;
  return Evaluator(program)
      .evaluate(value, [&](const Instruction &leaf,
                           llvm::ArrayRef<int64_t>) { return uniforms.lookup(leaf.node); })
      .front();
}

void MadeUpProblem::setLengths(int64_t tileTokens) {
  for (Side side : {Side::Query, Side::Key}) {
    auto [queries, keys] = Lengths[trial % Lengths.size()];
    int64_t &length = lengths[unsigned(side)];
    length = std::max<int64_t>((side == Side::Query ? queries : keys) * tileTokens / 16, 1);
    unsigned dim = 0;
    forEachAtom(formulas.token(side), [&](const Atom &atom) {
      if (atom.kind != AtomKind::Coordinate)
        return;
      setUniforms(atom.operands[0], Grids[trial % Grids.size()][dim++ % 3]);
      grids[unsigned(side)].resize(std::max<size_t>(grids[unsigned(side)].size(), atom.dim + 1));
      grids[unsigned(side)][atom.dim] = valueOf(atom.operands[0]);
    });
    if (std::optional<LinearForm> form = formulas.length(side)) {
      setUniforms(*form, length);
      length = valueOf(*form);
    }
  }
}

void MadeUpProblem::noteReading(const Atom &atom) {
  // The same table read at i and at j is one table.
  const void *table = atom.node;
  if (atom.node->source)
    table = atom.node->source.getAsOpaquePointer();
  else if (!atom.operands.empty() && !atom.node->operands.empty())
    table = atom.node->operands.front();
  unsigned number = tables.try_emplace(table, tables.size()).first->second;
  readings.try_emplace(atom.node, Reading{atom.low, atom.high, atom.isSorted, number});
}

void MadeUpProblem::setScalars(const MaskFormula &mask) {
  unsigned next = 3 * trial;
  for (const Formula *formula : {&mask.visible, &mask.hidden})
    forEachAtom(*formula, [&](const Atom &atom) {
      if (atom.kind == AtomKind::OneSided)
        noteReading(atom);
      if (atom.kind == AtomKind::Uniform && !uniforms.contains(atom.node))
        setUniform(atom.node, atom.low, atom.high, Scalars[next++ % Scalars.size()]);
    });
}

/// Numbers of tokens as masks have them: ids of stretches, in order or not, neighbours, noise.
static int64_t madeUpNumber(unsigned pattern, int64_t index, int64_t longest, uint64_t noise) {
  switch (pattern % 9) {
  case 0: return index / 50;
  case 1: return index / 128 * 5 % 7;
  case 2: return index - index % 60;
  case 3: return index + int64_t(noise % 40);
  case 4: return index / 70 % 3;
  case 5: return int64_t(noise % uint64_t(longest));
  case 6: return 20 + index % 5 * 10;
  case 7: return index % 2 ? 100 : longest;
  default: return index / 64 % 3 ? index + 10 : longest;
  }
}

static bool madeUpTruth(unsigned pattern, int64_t index, int64_t longest, uint64_t noise) {
  switch (pattern % 5) {
  case 0: return index < longest / 2;
  case 1: return index % 300 == 5;
  case 2: return index / 150 % 2;
  case 3: return noise % 2;
  default: return index % 300 != 5;
  }
}

int64_t MadeUpProblem::madeUp(const Reading &reading, int64_t index) const {
  int64_t longest = std::max<int64_t>({lengths[0], lengths[1], 1});
  uint64_t noise = mix(reading.table + 1, uint64_t(index));
  unsigned pattern = trial + 2 * reading.table;
  // What is sorted stays so when it is clipped.
  int64_t value = reading.isSorted ? (trial % 3 == 1 ? index : index / (trial % 3 ? 150 : 41))
                  : reading.low == 0 && reading.high == 1
                      ? int64_t(madeUpTruth(pattern, index, longest, noise))
                      : madeUpNumber(pattern, index, longest, noise);
  return std::clamp(value, reading.low, reading.high);
}

RowTile::Sizes MadeUpProblem::sizes(Direction direction) const {
  unsigned rows = direction == Direction::Forward ? 0 : 1;
  return {lengths[rows], lengths[1 - rows], grids[rows], grids[1 - rows]};
}

std::optional<int64_t> MadeUpProblem::uniform(const Node *node) const {
  auto found = uniforms.find(node);
  return found == uniforms.end() ? std::nullopt : std::optional(found->second);
}

std::optional<int64_t> MadeUpProblem::at(const Node *node, Side, int64_t token) const {
  return entry(node, token);
}

std::optional<int64_t> MadeUpProblem::entry(const Node *node, int64_t index) const {
  auto found = readings.find(node);
  return found == readings.end() ? std::nullopt : std::optional(madeUp(found->second, index));
}

std::optional<int64_t> MadeUpProblem::entries(const Node *) const {
  return std::max(lengths[0], lengths[1]);
}
