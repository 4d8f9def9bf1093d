// SPDX-License-Identifier: Apache-2.0
// Which selections of a region are worth a branch?
//
//   %a = tile.read ..; %b = math.sin ..        %y = scf.if %c { %a = tile.read ..; scf.yield %a }
//   %y = arith.select %c, %a, %b         ->             else { %b = math.sin ..; scf.yield %b }
//
// where only the selection needs what costs much. Halves of a token are computed in different ways, and
// neighbouring threads are mostly of one half; else it costs what it cost before.
#include "compiler/target/nvptx/BranchArms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/ControlFlowSinkUtils.h"

using namespace mlir;
using namespace attune;

/// Does `op` take more than a few instructions?
static bool isCostly(Operation *op) {
  return isa<tile::ReadOp, scf::IfOp, arith::DivSIOp, arith::DivUIOp, arith::RemSIOp,
             arith::RemUIOp, arith::FloorDivSIOp, arith::CeilDivSIOp, arith::CeilDivUIOp>(op) ||
         (isa<math::MathDialect>(op->getDialect()) && !isa<math::AbsFOp, math::FmaOp>(op));
}

/// What reads nothing but memory that does not change may wait.
static bool mayWait(Operation *op) {
  return isa<tile::ReadOp, scf::IfOp>(op) || (isMemoryEffectFree(op) && op->getNumRegions() == 0);
}

static scf::IfOp toBranch(arith::SelectOp select) {
  ImplicitLocOpBuilder builder(select.getLoc(), select);
  auto branch = scf::IfOp::create(builder, TypeRange{select.getType()}, select.getCondition(),
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  for (auto [block, value] : {std::pair(branch.thenBlock(), select.getTrueValue()),
                              std::pair(branch.elseBlock(), select.getFalseValue())}) {
    builder.setInsertionPointToEnd(block);
    scf::YieldOp::create(builder, value);
  }
  select.replaceAllUsesWith(branch.getResult(0));
  select.erase();
  return branch;
}

static void toSelection(scf::IfOp branch) {
  ImplicitLocOpBuilder builder(branch.getLoc(), branch);
  Value yes = branch.thenYield().getOperand(0), no = branch.elseYield().getOperand(0);
  for (Block *block : {branch.thenBlock(), branch.elseBlock()})
    for (Operation &op : llvm::make_early_inc_range(block->without_terminator()))
      op.moveBefore(branch);
  Value select = arith::SelectOp::create(builder, branch.getCondition(), yes, no);
  branch.getResult(0).replaceAllUsesWith(select);
  branch.erase();
}

void nvptx::branchOnSelections(tile::ElementsOp elements) {
  // Those that others depend on come first, and move into the arms of these as branches.
  SmallVector<arith::SelectOp> selects;
  elements.getBody().walk([&](arith::SelectOp select) {
    if (select.getCondition().getType().isInteger(1))
      selects.push_back(select);
  });
  for (arith::SelectOp select : selects) {
    scf::IfOp branch = toBranch(select);
    DominanceInfo dominance(elements);
    SmallVector<Region *> arms = {&branch.getThenRegion(), &branch.getElseRegion()};
    controlFlowSink(
        arms, dominance,
        // Not out of what is around a loop, which would do it again and again.
        [&](Operation *op, Region *) {
          return mayWait(op) && op->getBlock() == branch->getBlock();
        },
        [](Operation *op, Region *arm) { op->moveBefore(&arm->front(), arm->front().begin()); });
    bool isWorthIt = llvm::any_of(arms, [](Region *arm) {
      return llvm::any_of(arm->front(), [](Operation &op) { return isCostly(&op); });
    });
    if (!isWorthIt)
      toSelection(branch);
  }
}
