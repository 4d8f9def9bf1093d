// SPDX-License-Identifier: Apache-2.0
// Groups maps and reduces over one matrix, so that its elements are loaded once and short-lived
// matrices stay in registers.
//
//   %m = map(%l)             // rows            %m = map(%l)
//   %p = map(%s)             // matrix    ->    %p = map(%s)            \ one loop
//   %a = map(%l)             // rows            %y = reduce sum %p, %a  / over keys
//   %y = reduce sum %p, %a
#include "compiler/target/host/MapGroups.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace attune {

/// The matrix type over which a map or reduce runs; null for other ops.
static tile::MatrixType getMatrix(Operation *op) {
  if (auto map = dyn_cast<tile::MapOp>(op))
    return dyn_cast<tile::MatrixType>(map.getResult().getType());
  if (auto reduce = dyn_cast<tile::ReduceOp>(op))
    return cast<tile::MatrixType>(reduce.getInput().getType());
  return {};
}

static bool haveOneShape(tile::MatrixType left, tile::MatrixType right) {
  return left && right && left.getRows() == right.getRows() && left.getCols() == right.getCols();
}

/// True if `op` or an op of its regions uses a result of one of `ops`.
static bool dependsOn(Operation *op, const llvm::DenseSet<Operation *> &ops) {
  return op
      ->walk([&](Operation *nested) {
        for (Value operand : nested->getOperands())
          if (Operation *definition = operand.getDefiningOp())
            if (ops.contains(definition))
              return WalkResult::interrupt();
        return WalkResult::advance();
      })
      .wasInterrupted();
}

/// Cheap ops that may be moved up to before a group.
static bool isMovable(Operation *op) {
  if (auto load = dyn_cast<tile::LoadOp>(op))
    return tile::getComponents(load.getResult().getType()) == 1;
  return isa<tile::MapOp, tile::SplatOp, tile::CombineOp, tile::ReadOp>(op) ||
         (op->getNumRegions() == 0 && isMemoryEffectFree(op));
}

/// Moves loads of cols that are read in place up to their operands, so that their address is known to
/// whoever can prefetch them.
static void hoistViews(Block &block) {
  for (auto load : llvm::make_early_inc_range(block.getOps<tile::LoadOp>())) {
    Type type = load.getResult().getType();
    if (!isa<tile::ColsType>(type) || !tile::getScalarType(type).isF32() || load.getList())
      continue;
    Operation *after = nullptr;
    for (Value operand : load->getOperands())
      if (Operation *definition = operand.getDefiningOp())
        if (definition->getBlock() == &block && (!after || after->isBeforeInBlock(definition)))
          after = definition;
    if (after)
      load->moveAfter(after);
    else
      load->moveBefore(&block.front());
  }
}

MapGroups::MapGroups(tile::KernelOp kernel) {
  formGroups(kernel.getBody().front());
  kernel.walk([&](Operation *op) {
    if (isa<tile::KernelOp, tile::MapOp>(op))
      return;
    for (Region &region : op->getRegions())
      for (Block &block : region)
        formGroups(block);
  });
}

void MapGroups::formGroups(Block &block) {
  hoistViews(block);
  for (Operation *op = &block.front(); op; op = op->getNextNode()) {
    if (!getMatrix(op) || find(op))
      continue;
    storage.push_back(std::make_unique<MapGroup>());
    storage.back()->ops.push_back(op);
    groups[op] = storage.back().get();
    grow(*storage.back());
  }
}

void MapGroups::grow(MapGroup &group) {
  Operation *first = group.ops.front();
  tile::MatrixType matrix = getMatrix(first);
  // Ops whose results exist only after the group's loop.
  llvm::DenseSet<Operation *> later, members;
  auto enlist = [&](Operation *op) {
    members.insert(op);
    if (isa<tile::ReduceOp>(op))
      later.insert(op);
  };
  enlist(first);
  for (Operation *op = first->getNextNode(), *next; op; op = next) {
    next = op->getNextNode();
    if (op->hasTrait<OpTrait::IsTerminator>() || isa<tile::StoreOp, tile::WriteOp>(op) ||
        (op->getNumRegions() && !isa<tile::MapOp>(op)))
      return;
    bool blocked = dependsOn(op, later);
    if (!blocked && haveOneShape(getMatrix(op), matrix)) {
      op->moveAfter(group.ops.back());
      group.ops.push_back(op);
      groups[op] = &group;
      enlist(op);
    } else if (!blocked && isMovable(op) && !getMatrix(op) && !dependsOn(op, members)) {
      op->moveBefore(first);
    } else {
      later.insert(op);
    }
  }
}

bool MapGroups::isInternal(Value matrix) const {
  MapGroup *group = matrix.getDefiningOp() ? find(matrix.getDefiningOp()) : nullptr;
  return group &&
         llvm::all_of(matrix.getUsers(), [&](Operation *user) { return find(user) == group; });
}

Type MapGroups::getStoredRounding(Value matrix) const {
  MapGroup *group = matrix.getDefiningOp() ? find(matrix.getDefiningOp()) : nullptr;
  Type rounding;
  if (!group)
    return rounding;
  for (Operation *user : matrix.getUsers()) {
    if (find(user) == group)
      continue;
    auto contract = dyn_cast<tile::ContractOp>(user);
    Type type = contract ? tile::getScalarType(contract.getValues().getType()) : Type();
    if (!type || !(type.isBF16() || type.isF16()) || (rounding && rounding != type))
      return {};
    rounding = type;
  }
  return rounding;
}

} // namespace attune
