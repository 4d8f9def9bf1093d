// SPDX-License-Identifier: Apache-2.0
// Where is a range of tokens cut so that quotients and remainders are boxes on each piece?
#include "compiler/mask/TileTest.h"

using namespace attune;
using namespace attune::mask;

namespace {

constexpr size_t MaximumCuts = 2;

/// A cut with what orders cuts: remainders inside of it, then the larger divisor.
struct Candidate {
  Cut cut;
  unsigned depth = 0, found = 0;
};

class CutFinder {
public:
  CutFinder(Emitter &emitter, Side side) : emitter(emitter), side(side) {}

  std::vector<Cut> find(const MaskFormula &mask);

private:
  /// Where form // divisor steps.
  std::optional<Candidate> stepsOf(const LinearForm &form, Value divisor);
  std::optional<Candidate> stepsOfRemainder(const Atom &atom, Value shift, Value divisor);
  void visit(const Atom &atom);

  Emitter &emitter;
  Side side;
  llvm::SmallVector<Candidate> candidates;
};

std::optional<Candidate> CutFinder::stepsOf(const LinearForm &form, Value divisor) {
  Program &program = emitter.program;
  LinearForm uniform = constantForm(form.constant);
  const Atom *atom = nullptr;
  int64_t coefficient = 0;
  for (auto term : form.terms) {
    if (!term.first->onQuery && !term.first->onKey) {
      uniform.terms.push_back(term);
      continue;
    }
    if (atom)
      return std::nullopt;
    std::tie(atom, coefficient) = term;
  }
  Value shift = emitter.value(uniform);
  if (!atom || !shift || std::abs(coefficient) != 1)
    return std::nullopt;
  if (atom->kind == AtomKind::Token && coefficient == 1)
    return Candidate{{divisor, shift}};
  if (atom->kind == AtomKind::Token)
    // (shift - t) steps behind its multiples.
    return Candidate{{divisor, program.subtract(emitter.negate(shift), program.constant(1))}};
  if (coefficient != 1)
    return std::nullopt;
  if (atom->kind == AtomKind::Remainder)
    return stepsOfRemainder(*atom, shift, divisor);
  if (atom->kind != AtomKind::Quotient)
    return std::nullopt;
  // (y // a + shift) // n = (y + a shift) // (a n).
  Value inner = emitter.value(atom->operands[1]);
  std::optional<Candidate> found =
      stepsOf(atom->operands[0], program.make(Opcode::Multiply, inner, divisor));
  if (found)
    found->cut.offset =
        program.add(found->cut.offset, program.make(Opcode::Multiply, inner, shift));
  return found;
}

/// ((t + c) % m + shift) // n: in the row of m where the range begins.
std::optional<Candidate> CutFinder::stepsOfRemainder(const Atom &atom, Value shift, Value divisor) {
  Program &program = emitter.program;
  Value row = emitter.value(atom.operands[1]);
  std::optional<Candidate> found = stepsOf(atom.operands[0], divisor);
  if (!found || !row)
    return std::nullopt;
  ++found->depth;
  std::optional<int64_t> m = program.constantOf(row), n = program.constantOf(divisor);
  found->cut.offset = program.add(found->cut.offset, shift);
  if (m && n && *m % *n == 0)
    return found;
  const LinearForm &inner = atom.operands[0];
  if (inner.terms.empty() || found->cut.divisor != divisor)
    return std::nullopt;
  const Atom &token = *emitter.tokens(side).front();
  Value first = emitter.input(emitter.isRow(side) ? Input::RowFirst : Input::ColumnFirst, token);
  Value at = emitter.value(
      inner, [&](const Atom &atom) { return atom.kind == AtomKind::Token ? first : Value(); });
  if (!at)
    return std::nullopt;
  Value base = program.make(Opcode::Multiply, row, program.make(Opcode::FloorDivide, at, row));
  found->cut.offset = program.subtract(found->cut.offset, base);
  return found;
}

void CutFinder::visit(const Atom &atom) {
  bool isHere = side == Side::Query ? atom.onQuery && !atom.onKey : atom.onKey && !atom.onQuery;
  if (!isHere || (atom.kind != AtomKind::Quotient && atom.kind != AtomKind::Remainder))
    return;
  Value divisor = emitter.value(atom.operands[1]);
  if (!divisor)
    return;
  if (emitter.program[divisor].low < 1) // a length, 0 where there are no tokens
    divisor = emitter.program.make(Opcode::Maximum, divisor, emitter.program.constant(1));
  std::optional<Candidate> found = stepsOf(atom.operands[0], divisor);
  if (found && llvm::none_of(candidates, [&](const Candidate &other) {
        return other.cut.divisor == found->cut.divisor && other.cut.offset == found->cut.offset;
      }))
    found->found = candidates.size(), candidates.push_back(*found);
}

std::vector<Cut> CutFinder::find(const MaskFormula &mask) {
  if (emitter.tokens(side).size() != 1 || emitter.tokens(side)[0]->kind != AtomKind::Token)
    return {};
  for (const Formula *formula : {&mask.visible, &mask.hidden})
    forEachAtom(*formula, [&](const Atom &atom) { visit(atom); });
  auto rank = [&](const Candidate &candidate) {
    return std::tuple(candidate.depth, -emitter.program[candidate.cut.divisor].high,
                      candidate.found);
  };
  llvm::sort(candidates, [&](auto &a, auto &b) { return rank(a) < rank(b); });
  std::vector<Cut> cuts;
  for (const Candidate &candidate : candidates)
    if (cuts.size() < MaximumCuts)
      cuts.push_back(candidate.cut);
  return cuts;
}

} // namespace

std::vector<Cut> attune::mask::findCuts(Emitter &emitter, const MaskFormula &mask, Side side) {
  return CutFinder(emitter, side).find(mask);
}

std::array<Piece, 3> attune::mask::cutRange(Piece range, int64_t divisor, int64_t offset) {
  int64_t behind = range.last + 1;
  int64_t begin = std::min(range.first + floorModulo(-(range.first + offset), divisor), behind);
  int64_t end = std::max(behind - floorModulo(behind + offset, divisor), begin);
  return {Piece{range.first, begin - 1}, Piece{begin, end - 1}, Piece{end, range.last}};
}

llvm::SmallVector<Piece, 9> attune::mask::pieces(
    Piece range, unsigned cuts,
    llvm::function_ref<std::pair<int64_t, int64_t>(unsigned cut, int64_t first)> values) {
  llvm::SmallVector<Piece, 9> found = {range};
  for (unsigned cut = 0; cut < cuts; ++cut) {
    llvm::SmallVector<Piece, 9> next;
    for (Piece whole : found) {
      auto [divisor, offset] = values(cut, whole.first);
      for (Piece piece : cutRange(whole, divisor, offset))
        if (piece.first <= piece.last)
          next.push_back(piece);
    }
    found = std::move(next);
  }
  return found;
}
