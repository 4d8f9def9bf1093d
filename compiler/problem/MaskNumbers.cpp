// SPDX-License-Identifier: Apache-2.0
// The numbers of one sequence and head.
#include "compiler/problem/Problem.h"

using namespace mlir;
using attune::reference::Lanes;

namespace attune {

std::optional<int64_t> MaskNumbers::at(const Node *node, mask::Side side, int64_t token) const {
  const Lanes *values = nodes.tokens(node);
  if (!values || !values->integer || values->width != 1)
    return std::nullopt;
  int64_t tokens = side == mask::Side::Query ? nodes.place().queries : nodes.place().keys;
  if (token < 0 || token >= tokens)
    return std::nullopt;
  return values->integers[size_t(token * values->stride())];
}

/// What an operand on an axis holds for this sequence and head: an entry a token.
static std::optional<std::vector<int64_t>> readTokens(const Lanes *values) {
  if (!values || !values->integer || values->width != 1)
    return std::nullopt;
  return values->integers;
}

std::optional<std::vector<int64_t>> MaskNumbers::readLastDimension(const Node *node) const {
  if (node->kind == NodeKind::Element)
    return readTokens(nodes.tokens(node));
  if (node->kind != NodeKind::Opaque || !isa<attn::LoadOp>(node->operation))
    return std::nullopt;
  const reference::Table *table = problem.environment.tables.lookup(node->operands[0]->source);
  if (!table || table->tensor.rank() + 1 != int64_t(node->operands.size()) ||
      table->tensor.rank() == 0 || !reference::isInteger(node->type))
    return std::nullopt;
  const reference::Tensor &tensor = table->tensor;
  std::vector<int64_t> at;
  bool inside = true;
  for (const Node *index : llvm::ArrayRef(node->operands).drop_front().drop_back()) {
    std::optional<int64_t> number = nodes.uniform(index);
    if (!number)
      return std::nullopt;
    inside &= *number >= 0 && *number < tensor.shape[at.size()];
    at.push_back(*number);
  }
  std::vector<int64_t> entries(size_t(tensor.shape.back()), 0);
  for (size_t entry = 0; inside && entry < entries.size(); ++entry) {
    at.resize(size_t(tensor.rank()));
    at.back() = int64_t(entry);
    entries[entry] = tensor.integer(tensor.offset(at));
  }
  return entries;
}

const std::vector<int64_t> *MaskNumbers::lastDimension(const Node *node) const {
  if (auto found = dimensions.find(node); found != dimensions.end())
    return found->second.get();
  std::optional<std::vector<int64_t>> entries = readLastDimension(node);
  return (dimensions[node] =
              entries ? std::make_unique<std::vector<int64_t>>(std::move(*entries)) : nullptr)
      .get();
}

std::optional<int64_t> MaskNumbers::entry(const Node *node, int64_t index) const {
  const std::vector<int64_t> *entries = lastDimension(node);
  if (!entries)
    return std::nullopt;
  return index >= 0 && size_t(index) < entries->size() ? (*entries)[size_t(index)] : 0;
}

std::optional<int64_t> MaskNumbers::entries(const Node *node) const {
  const std::vector<int64_t> *entries = lastDimension(node);
  return entries ? std::optional(int64_t(entries->size())) : std::nullopt;
}

std::vector<bool> MaskNumbers::visible(const Domain &domain, int64_t query, bool unknown) const {
  std::vector<bool> result(size_t(nodes.place().keys), true);
  for (const Node *predicate : domain) {
    const Lanes *values = nodes.row(predicate, query);
    for (size_t key = 0; key < result.size(); ++key)
      result[key] =
          result[key] && (values ? values->integers[key * size_t(values->stride())] != 0 : unknown);
  }
  return result;
}

} // namespace attune
