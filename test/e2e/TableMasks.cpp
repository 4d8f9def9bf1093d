// SPDX-License-Identifier: Apache-2.0
#include "test/e2e/Masks.h"

#include <functional>

namespace attune::test {
namespace {

using Generator = std::mt19937_64;

/// Ids of documents of random lengths, each greater than the one before, for two sequences.
Tensor drawDocuments(Generator &generator, int64_t tokens) {
  Tensor ids = Tensor::zeros(ElementType::I32, {2, tokens});
  for (int64_t b = 0; b < 2; ++b) {
    int64_t id = draw(generator, -5, 5), left = 0;
    for (int64_t n = 0; n < tokens; ++n, --left) {
      if (left == 0) {
        id += draw(generator, 1, 3);
        left = draw(generator, 1, tokens / 3 + 2);
      }
      ids.set(b * tokens + n, id);
    }
  }
  return ids;
}

MaskCase makeDocument(int64_t tokens, Generator &generator) {
  return {sequenceOf(tokens), {{"doc", drawDocuments(generator, tokens)}}};
}
bool seesDocument(const MaskCase &launch, int64_t b, int64_t, int64_t i, int64_t j) {
  return launch.entry("doc", {b, i}) == launch.entry("doc", {b, j});
}

MaskCase makeScattered(int64_t tokens, Generator &generator) {
  return {sequenceOf(tokens),
          {{"group", drawTable(generator, ElementType::I32, {2, tokens}, -2, 3)}}};
}
bool seesScattered(const MaskCase &launch, int64_t b, int64_t, int64_t i, int64_t j) {
  return launch.entry("group", {b, i}) == launch.entry("group", {b, j});
}

MaskCase makeDocumentWindow(int64_t tokens, Generator &generator) {
  return {sequenceOf(tokens),
          {{"doc", drawDocuments(generator, tokens)}, {"w", draw(generator, 0, tokens / 4)}}};
}
bool seesDocumentWindow(const MaskCase &launch, int64_t b, int64_t h, int64_t i, int64_t j) {
  return j <= i && j >= i - launch.number("w") && seesDocument(launch, b, h, i, j);
}

/// The parent of each node of a random tree for each of two sequences; -1 of the first node.
std::vector<std::vector<int64_t>> drawTrees(Generator &generator, int64_t nodes) {
  std::vector<std::vector<int64_t>> trees(2, {-1});
  for (std::vector<int64_t> &parents : trees)
    while (int64_t(parents.size()) < nodes)
      parents.push_back(draw(generator, 0, int64_t(parents.size()) - 1));
  return trees;
}

/// The parents are an entry of the case that no operand asks for.
MaskCase makeTree(const std::vector<std::vector<int64_t>> &trees, Generator &generator) {
  int64_t nodes = int64_t(trees[0].size()), cached = draw(generator, 0, 40);
  Tensor parents = Tensor::zeros(ElementType::I32, {2, nodes});
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t n = 0; n < nodes; ++n)
      parents.set(b * nodes + n, trees[size_t(b)][size_t(n)]);
  return {sequenceOf(nodes, cached), {{"cached", cached}, {"parents", parents}}};
}
bool seesTree(const MaskCase &launch, int64_t b, int64_t, int64_t i, int64_t j) {
  int64_t target = j - launch.number("cached");
  if (target < 0)
    return true;
  for (int64_t node = i; node >= 0; node = launch.entry("parents", {b, node}))
    if (node == target)
      return true;
  return false;
}

MaskCase makeTreeBits(int64_t tokens, Generator &generator) {
  auto trees = drawTrees(generator, tokens);
  MaskCase launch = makeTree(trees, generator);
  Tensor ancestor = Tensor::zeros(ElementType::I1, {2, tokens, tokens});
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t i = 0; i < tokens; ++i)
      for (int64_t node = i; node >= 0; node = trees[size_t(b)][size_t(node)])
        ancestor.set((b * tokens + i) * tokens + node, int64_t(1));
  launch.values["ancestor"] = ancestor;
  return launch;
}

MaskCase makeTreeWalk(int64_t tokens, Generator &generator) {
  auto trees = drawTrees(generator, tokens);
  MaskCase launch = makeTree(trees, generator);
  Tensor enter = Tensor::zeros(ElementType::I32, {2, tokens}), leave = enter;
  leave = Tensor::zeros(ElementType::I32, {2, tokens});
  for (int64_t b = 0; b < 2; ++b) {
    int64_t time = 0;
    std::function<void(int64_t)> walk = [&](int64_t node) {
      enter.set(b * tokens + node, time++);
      for (int64_t child = node + 1; child < tokens; ++child)
        if (trees[size_t(b)][size_t(child)] == node)
          walk(child);
      leave.set(b * tokens + node, time);
    };
    walk(0);
  }
  launch.values["enter"] = enter;
  launch.values["leave"] = leave;
  return launch;
}

/// The first sequence has no token at all.
MaskCase makeJagged(int64_t tokens, Generator &generator) {
  Tensor length = drawTable(generator, ElementType::I32, {2}, 1, tokens);
  length.set(0, int64_t(0));
  return {sequenceOf(tokens, 2), {{"length", length}}};
}
bool seesJagged(const MaskCase &launch, int64_t b, int64_t, int64_t i, int64_t j) {
  return i < launch.entry("length", {b}) && j < launch.entry("length", {b});
}

/// Words of random bits; every third row has none, and whole stretches of keys are full or bare.
MaskCase makeBits(int64_t tokens, Generator &generator) {
  Shape shape = sequenceOf(tokens, 3);
  int64_t width = (shape.keys + 31) / 32;
  Tensor words = Tensor::zeros(ElementType::I32, {2, tokens, width});
  for (int64_t at = 0; at < words.numElements(); ++at) {
    int64_t kinds[] = {0, -1, draw(generator, INT32_MIN, INT32_MAX)};
    if (at / width % 3 != 0)
      words.set(at, kinds[draw(generator, 0, 2)]);
  }
  return {shape, {{"words", words}}};
}
bool seesBits(const MaskCase &launch, int64_t b, int64_t, int64_t i, int64_t j) {
  return uint32_t(launch.entry("words", {b, i, j / 32})) & (uint32_t(1) << (j % 32));
}

} // namespace

std::vector<Mask> tableMasks() {
  return {{"masks/document", makeDocument, seesDocument},
          {"masks/document-scattered", makeScattered, seesScattered},
          {"masks/document-causal-window", makeDocumentWindow, seesDocumentWindow},
          {"masks/tree-bits", makeTreeBits, seesTree},
          {"masks/tree-walk", makeTreeWalk, seesTree},
          {"masks/jagged", makeJagged, seesJagged},
          {"masks/bit-matrix", makeBits, seesBits}};
}

} // namespace attune::test
