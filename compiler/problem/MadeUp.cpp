// SPDX-License-Identifier: Apache-2.0
#include "compiler/problem/MadeUp.h"

#include "compiler/ElementTypes.h"
#include "compiler/reference/Problem.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/MapVector.h"
#include <algorithm>
#include <map>
#include <random>

using namespace mlir;

namespace attune {

//===--- Uses ---------------------------------------------------------------------------------===//

namespace {

/// Finds out what predicates do with what they read from memory.
class UseFinder {
public:
  void visit(const Node *node);

  std::map<unsigned, TableUse> uses;

private:
  /// What a value is computed of, up to what is read from memory.
  struct Sources {
    llvm::SmallVector<unsigned> operands;
    bool hasPosition = false;
  };
  static void gather(const Node *node, Sources &sources);
  static Sources sourcesOf(llvm::ArrayRef<const Node *> nodes);
  void note(llvm::ArrayRef<unsigned> operands, TableUse use);

  llvm::DenseMap<const Node *, bool> seen;
};

unsigned numberOf(Value operand) { return cast<BlockArgument>(operand).getArgNumber(); }

} // namespace

void UseFinder::gather(const Node *node, Sources &sources) {
  if (node->kind == NodeKind::Element)
    sources.operands.push_back(numberOf(node->source));
  if (node->kind == NodeKind::Opaque && isa<attn::LoadOp>(node->operation)) {
    sources.operands.push_back(numberOf(node->operands[0]->source));
    return;
  }
  sources.hasPosition |= node->kind == NodeKind::IndexI || node->kind == NodeKind::IndexJ ||
                         node->kind == NodeKind::Size;
  for (const Node *operand : node->operands)
    gather(operand, sources);
}

UseFinder::Sources UseFinder::sourcesOf(llvm::ArrayRef<const Node *> nodes) {
  Sources sources;
  for (const Node *node : nodes)
    gather(node, sources);
  return sources;
}

/// A use that says more stays: the order of TableUse.
void UseFinder::note(llvm::ArrayRef<unsigned> operands, TableUse use) {
  for (unsigned operand : operands) {
    auto [known, isNew] = uses.try_emplace(operand, use);
    known->second = std::max(known->second, use);
  }
}

void UseFinder::visit(const Node *node) {
  if (!seen.try_emplace(node, true).second)
    return;
  for (const Node *operand : node->operands)
    visit(operand);
  if (node->kind == NodeKind::Element)
    return note(numberOf(node->source), TableUse::Identity);
  if (node->kind != NodeKind::Opaque)
    return;
  if (isa<attn::LoadOp>(node->operation)) {
    note(numberOf(node->operands[0]->source), TableUse::Identity);
    return note(sourcesOf(llvm::ArrayRef(node->operands).drop_front()).operands, TableUse::Index);
  }
  if (isa<arith::ShRUIOp, arith::ShRSIOp>(node->operation))
    return note(sourcesOf(node->operands[0]).operands, TableUse::Bits);
  if (isa<arith::CmpIOp, attn::HoldsOp>(node->operation)) {
    Sources sources = sourcesOf(node->operands);
    if (sources.hasPosition)
      note(sources.operands, TableUse::Position);
  }
}

llvm::SmallVector<std::pair<unsigned, TableUse>> findTables(attn::KernelOp kernel,
                                                            llvm::ArrayRef<Domain> domains) {
  UseFinder finder;
  for (const Domain &domain : domains)
    for (const Node *predicate : domain)
      finder.visit(predicate);
  return llvm::SmallVector<std::pair<unsigned, TableUse>>(finder.uses.begin(), finder.uses.end());
}

//===--- Numbers ------------------------------------------------------------------------------===//

namespace {

/// Makes up the numbers of one operand.
class Maker {
public:
  Maker(attn::KernelOp kernel, unsigned index, TableUse use, int64_t tokens, int64_t entries,
        uint64_t seed);

  /// One run along the last dimension.
  std::vector<int64_t> run(int64_t length, unsigned bits);
  double real() { return double(random() >> 11) * 0x1p-53; }

private:
  int64_t below(int64_t end) { return int64_t(random() % uint64_t(std::max<int64_t>(1, end))); }
  int64_t number(unsigned bits);
  std::vector<int64_t> inRuns(int64_t length, unsigned bits);
  void fit(std::vector<int64_t> &numbers, unsigned bits) const;

  std::mt19937_64 random;
  TableUse use;
  int64_t tokens;
  bool sorted, contiguous;
  std::optional<std::pair<int64_t, int64_t>> range;
  /// Numbers lie below it.
  int64_t scale;
  /// Runs of equal numbers in one run along the last dimension, about; 0: no runs.
  int64_t runs;
};

/// A hash that is the same everywhere.
uint64_t mixName(uint64_t seed, StringRef name) {
  for (char letter : name)
    seed = (seed ^ uint8_t(letter)) * 0x100000001b3u;
  return seed;
}

} // namespace

Maker::Maker(attn::KernelOp kernel, unsigned index, TableUse use, int64_t tokens, int64_t entries,
             uint64_t seed)
    : random(mixName(seed + 0xcbf29ce484222325u, kernel.getOperandName(index))), use(use),
      tokens(tokens), sorted(kernel.getArgAttr(index, "attn.sorted")),
      contiguous(kernel.getArgAttr(index, "attn.contiguous")),
      range(reference::rangeOf(kernel.getArgAttr(index, "attn.range"))) {
  // Tables that are compared with one another have one scale, so it depends on the seed alone.
  const int64_t scales[] = {8, 3, 64, tokens}, runCounts[] = {16, 0, 5, 40};
  scale = use == TableUse::Identity ? scales[seed % 4] : tokens + 1;
  if (use == TableUse::Position && seed % 4 == 2)
    scale = tokens / 8 + 2;
  if (use == TableUse::Index)
    scale = entries;
  runs = runCounts[seed % 4];
}

int64_t Maker::number(unsigned bits) {
  if (bits == 1)
    return below(2);
  if (use != TableUse::Bits)
    return below(scale);
  // Words of bits are empty, full, or mixed.
  int64_t kind = below(3);
  return kind == 0 ? 0 : reference::wrap(bits, kind == 1 ? -1 : int64_t(random()));
}

std::vector<int64_t> Maker::inRuns(int64_t length, unsigned bits) {
  std::vector<int64_t> numbers(static_cast<size_t>(length));
  bool positions = use == TableUse::Position || use == TableUse::Index;
  bool single = runs == 0 || positions || length < 2 * runs;
  int64_t current = number(bits);
  for (int64_t &value : numbers) {
    if (single || below(length) < runs)
      current = number(bits);
    value = current;
  }
  return numbers;
}

/// Into the declared range and the type, keeping order where that is a fact.
void Maker::fit(std::vector<int64_t> &numbers, unsigned bits) const {
  int64_t low = bits == 1 ? 0 : bits >= 64 ? INT64_MIN : -(int64_t(1) << (bits - 1));
  int64_t high = bits == 1 ? 1 : -(low + 1);
  if (range) {
    low = std::max(low, range->first);
    high = std::min(high, range->second);
  }
  int64_t shift = range ? std::max<int64_t>(low, 0) : 0;
  for (int64_t &value : numbers)
    value = std::clamp(value + shift, low, high);
}

std::vector<int64_t> Maker::run(int64_t length, unsigned bits) {
  std::vector<int64_t> numbers = inRuns(length, bits);
  if (range && !sorted && !contiguous && range->second - range->first < tokens)
    for (int64_t &value : numbers)
      value %= range->second - range->first + 1;
  if (sorted || contiguous)
    std::sort(numbers.begin(), numbers.end());
  // Adjacent, and not sorted.
  if (contiguous && !sorted && !range)
    std::rotate(numbers.begin(),
                std::upper_bound(numbers.begin(), numbers.end(), numbers[size_t(below(length))]),
                numbers.end());
  fit(numbers, bits);
  return numbers;
}

reference::Tensor makeUp(attn::KernelOp kernel, unsigned index, std::vector<int64_t> shape,
                         TableUse use, int64_t tokens, int64_t entries, uint64_t seed) {
  Type type = kernel.getArgumentTypes()[index];
  Type element = attn::isVirtual(type) ? attn::getPlaceElementType(type)
                                       : cast<RankedTensorType>(type).getElementType();
  auto tensor = reference::Tensor::zeros(*elementTypeOf(element), std::move(shape));
  Maker maker(kernel, index, use, tokens, entries, seed);
  int64_t count = tensor.numElements();
  if (!reference::isInteger(element)) {
    for (int64_t i = 0; i < count; ++i)
      tensor.set(i, maker.real());
    return tensor;
  }
  // The tokens of rows and cols are their third dimension, even where an element has several numbers.
  int64_t width = attn::isVirtual(type) ? reference::widthOf(element) : 1;
  size_t last = attn::isVirtual(type) ? 2 : tensor.shape.size() - 1;
  int64_t length = tensor.shape.empty() ? 1 : tensor.shape[last];
  for (int64_t plane = 0; length > 0 && plane < count / (length * width); ++plane)
    for (int64_t lane = 0; lane < width; ++lane) {
      std::vector<int64_t> run = maker.run(length, reference::bitsOf(element));
      for (int64_t token = 0; token < length; ++token)
        tensor.set((plane * length + token) * width + lane, run[size_t(token)]);
    }
  return tensor;
}

} // namespace attune
