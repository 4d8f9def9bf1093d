// SPDX-License-Identifier: Apache-2.0
#include "test/e2e/Masks.h"

#include <algorithm>
#include <limits>

namespace attune::test {

int64_t MaskCase::number(const std::string &name) const {
  return std::get<int64_t>(values.at(name));
}

int64_t MaskCase::entry(const std::string &name, std::vector<int64_t> indices) const {
  const Tensor &table = std::get<Tensor>(values.at(name));
  return table.integer(table.offset(indices));
}

std::vector<Mask> masks() {
  std::vector<Mask> all = sequenceMasks();
  for (const std::vector<Mask> &more : {tableMasks(), gridMasks()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

namespace {

/// The program with other results. `returned` takes the place of what the kernel returns, with
/// `lines` before it.
std::string withResults(std::string text, const std::string &types, const std::string &lines,
                        const std::string &returned) {
  size_t kernel = text.find("attn.kernel"), arrow = text.find(") -> ", kernel);
  size_t brace = text.find(" {\n", arrow), end = text.rfind("  return ");
  EXPECT_TRUE(kernel < arrow && arrow < brace && brace < end && end < text.size()) << text;
  text.replace(end, std::string::npos, lines + "  return " + returned + "\n}\n");
  return text.replace(arrow + 5, brace - arrow - 5, types);
}

} // namespace

std::string withRowSums(const std::string &text) {
  if (text.find("logsumexp") != std::string::npos)
    return text;
  return withResults(text, "(!q, !attn.rows<f32> {attn.name = \"lse\"})",
                     "  %l = logsumexp %m : !s\n", "%o, %l : !q, !attn.rows<f32>");
}

std::string withWeights(const std::string &text) { return withResults(text, "!s", "", "%p : !s"); }

int64_t draw(std::mt19937_64 &generator, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(generator);
}

Tensor drawTable(std::mt19937_64 &generator, ElementType type, std::vector<int64_t> shape,
                 int64_t low, int64_t high) {
  Tensor table = Tensor::zeros(type, std::move(shape));
  for (int64_t i = 0; i < table.numElements(); ++i)
    table.set(i, draw(generator, low, high));
  return table;
}

Shape sequenceOf(int64_t tokens, int64_t moreKeys) {
  return {.batch = 2, .heads = 4, .kvHeads = 2, .queries = tokens, .keys = tokens + moreKeys};
}

int64_t expectEmptyRows(const Mask &mask, const MaskCase &launch,
                        const std::vector<Tensor> &results) {
  const Shape &shape = launch.shape;
  int64_t size = results[0].shape[3], count = 0;
  for (int64_t b = 0; b < shape.batch; ++b)
    for (int64_t h = 0; h < shape.heads; ++h)
      for (int64_t i = 0; i < shape.queries; ++i) {
        bool isEmpty = true;
        for (int64_t j = 0; isEmpty && j < shape.keys; ++j)
          isEmpty = !mask.sees(launch, b, h, i, j);
        if (!isEmpty)
          continue;
        ++count;
        EXPECT_EQ(at(results[1], {b, h, i}), -std::numeric_limits<double>::infinity())
            << "row " << i << " of head " << h << " of sequence " << b;
        for (int64_t lane = 0; lane < size; ++lane)
          EXPECT_EQ(at(results[0], {b, h, i, lane}), 0)
              << "row " << i << " of head " << h << " of sequence " << b;
      }
  return count;
}

std::string nameOf(const Mask &mask) {
  std::string name = mask.name.substr(mask.name.find('/') + 1);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

} // namespace attune::test
