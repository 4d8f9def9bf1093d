// SPDX-License-Identifier: Apache-2.0
// May a tile of queries hold rows of several heads? A tile walks the keys that its mask leaves, so all
// its heads have to see the same ones.
#include "compiler/plan/PackedHeads.h"

#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace attune;

/// Does the value differ between heads that read the same keys?
static bool dependsOnHead(const Node *node, llvm::SmallPtrSetImpl<const Node *> &seen) {
  if (!seen.insert(node).second)
    return false;
  if (node->kind == NodeKind::IndexH || (node->kind == NodeKind::Element && node->onQuery))
    return true;
  return llvm::any_of(node->operands,
                      [&](const Node *operand) { return dependsOnHead(operand, seen); });
}

std::string attune::findPackingObstacle(const SweepPlan &plan) {
  llvm::SmallPtrSet<const Node *, 16> seen;
  auto dependsDomain = [&](const Domain &domain) {
    return llvm::any_of(domain, [&](const Node *node) { return dependsOnHead(node, seen); });
  };
  if (llvm::any_of(plan.frames, [&](const Frame &frame) { return dependsDomain(frame.domain); }) ||
      llvm::any_of(plan.accumulators,
                   [&](const Accumulator &sum) { return dependsDomain(sum.domain); }))
    return "expected masks that are the same for all heads, but one depends on the head or on a "
           "number of each query";
  if (llvm::any_of(plan.accumulators,
                   [](const Accumulator &carried) { return bool(carried.listed); }))
    return "expected no list of keys, whose rows are of one head";
  attn::KernelOp kernel = plan.graph->kernel();
  for (auto axis : kernel.getBody().getOps<attn::AxisOp>())
    if (!axis.getGrid().empty())
      return "expected axes without a grid, whose tiles are better boxes of it, but '" +
             axis.getAxis().str() + "' has one";
  if (llvm::none_of(kernel.getBody().getArgumentTypes(), llvm::IsaPred<attn::ColsType>))
    return "expected an operand of keys, whose heads groups of query heads share, but there is "
           "none";
  return "";
}

std::string attune::checkPackedHeads(tile::ConfigAttr config, const KernelShape &shape) {
  int64_t heads = config.getPackedHeads(), queries = config.getQueries();
  if (heads == 0)
    return "";
  if (heads < 0 || queries % heads != 0)
    return "expected packed_heads to divide the " + std::to_string(queries) +
           " queries of a tile, but got " + std::to_string(heads);
  if (config.getQueryBox())
    return "expected no query_box where heads are packed, but got one; leave packed_heads out";
  // Each head's queries are one copy, and the permutation in shared memory repeats every 8 tokens.
  if (config.getWarpgroups() > 0 && queries / heads % 8 != 0)
    return "expected a multiple of 8 queries of each packed head where warpgroups multiply, but "
           "got " +
           std::to_string(queries / heads) + "; use fewer packed_heads or warpgroups=0";
  return shape.packingObstacle.empty()
             ? ""
             : shape.packingObstacle + "; leave packed_heads out, a tile then has one head";
}
