// SPDX-License-Identifier: Apache-2.0
// Where are the numbers that find tiles while nobody works with them? In shared memory: the warp that
// copies has few registers, and a mask's schedule may know a hundred numbers and count through pieces of
// pieces.
//
//   %a = ..                                  %a = ..; write %a to its word
//   while {                                  while {
//     %b = ..                                  %b = ..; write %b to this lane's word
//     for { use %a, %b }              ->       for { read both; use them }
//   }                                        }
// Writes and reads are volatile, so that nobody keeps in a register what was put away. What lanes agree
// on has one word, which all of them write; what is made in a loop, as for a lane's own tile, has a word a lane.
#include "compiler/target/nvptx/hopper/WarpgroupEmitter.h"

#include "compiler/target/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

/// Numbers that a warp has registers for while it finds tiles, four bytes each.
static constexpr int64_t fewBytes = 4 * 24;

/// A number is put away for that many ops, and read again after so many.
static constexpr int64_t farOps = 48, closeOps = 16;

//===--- what is put away ---------------------------------------------------------------------===//

static int64_t bytesOf(Value value) {
  return value.getType().isInteger(1) || value.getType().isInteger(32) ? 4 : 8;
}

/// Only a longer way to write its operand: made again where it is needed.
static bool isCast(Operation *op) {
  return isa_and_nonnull<arith::IndexCastOp, arith::ExtSIOp, arith::ExtUIOp>(op) &&
         bytesOf(op->getOperand(0)) <= bytesOf(op->getResult(0));
}

/// Parameters and constants are in memory already.
static bool isAtHand(Value value) {
  if (isa<BlockArgument>(value))
    return isa<LLVM::LLVMFuncOp>(value.getParentBlock()->getParentOp());
  return value.getDefiningOp()->hasTrait<OpTrait::ConstantLike>();
}

static bool isLoop(Operation *op) { return isa<scf::ForOp, scf::WhileOp>(op); }

static int64_t bytesOf(const llvm::SetVector<Value> &values) {
  int64_t bytes = 0;
  for (Value value : values)
    bytes += bytesOf(value);
  return bytes;
}

namespace {

/// The users of a number in a block, which read it together.
struct Reader {
  Value value;
  SmallVector<OpOperand *> uses;
};

/// A word of shared memory, or two: `offset` is null or the lane's.
struct Word {
  Value offset;
  int64_t constant = 0;
};

} // namespace

struct WarpgroupEmitter::Parking {
  /// What is needed late in `role`, but not what is `kept`, which is made of nothing but the thread's
  /// number. What `scans` copy is not looked at.
  Parking(Block &role, ArrayRef<scf::WhileOp> scans, ArrayRef<Value> kept);
  bool isLoopBetween(Operation *before, Operation *op) const;
  bool isNeededLate(Value value, Operation *user) const;
  bool areClose(Operation *before, Operation *op) const;
  void note(Value value);
  void noteUse(OpOperand &use);

  ArrayRef<scf::WhileOp> scans;
  llvm::SmallPtrSet<Operation *, 16> withLoops;
  llvm::DenseMap<std::pair<Value, Block *>, size_t> latest;
  SmallVector<Reader> readers;
  /// What is made once, and the same in all lanes, and what is made in loops.
  llvm::SetVector<Value> common, own;
  llvm::MapVector<Value, Word> places;
};

/// Does a loop run in the block of both after `before` (from its start, if null) and before `op`?
bool WarpgroupEmitter::Parking::isLoopBetween(Operation *before, Operation *op) const {
  for (op = op->getPrevNode(); op != before; op = op->getPrevNode())
    if (withLoops.contains(op))
      return true;
  return false;
}

/// Does a loop run, or begin another turn, or stand much else between where `value` is made and `user`?
bool WarpgroupEmitter::Parking::isNeededLate(Value value, Operation *user) const {
  for (Operation *op = user;; op = op->getBlock()->getParentOp()) {
    bool isHome = op->getBlock() == value.getParentBlock();
    Operation *made = isHome ? value.getDefiningOp() : nullptr;
    if (isLoopBetween(made, op))
      return true;
    if (isHome)
      return made && std::distance(made->getIterator(), op->getIterator()) > farOps;
    if (isLoop(op->getBlock()->getParentOp()))
      return true;
  }
}

void WarpgroupEmitter::Parking::note(Value value) {
  while (isCast(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  if (isAtHand(value))
    return;
  // In a loop one lane may be a turn ahead of another.
  bool isRepeated = false;
  for (Operation *op = value.getParentBlock()->getParentOp(); op; op = op->getParentOp())
    isRepeated |= isLoop(op);
  (isRepeated ? own : common).insert(value);
}

/// Are they ops of a block with few others between, and no loop?
bool WarpgroupEmitter::Parking::areClose(Operation *before, Operation *op) const {
  for (int64_t distance = 0; distance < closeOps; ++distance, op = op->getPrevNode())
    if (op == before || (distance && withLoops.contains(op)))
      return op == before;
  return false;
}

/// Users of a block read together what they use close by.
void WarpgroupEmitter::Parking::noteUse(OpOperand &use) {
  Value value = use.get();
  Operation *user = use.getOwner();
  note(value);
  auto [place, isFirst] = latest.try_emplace({value, user->getBlock()}, readers.size());
  if (!isFirst && !areClose(readers[place->second].uses.front()->getOwner(), user)) {
    place->second = readers.size();
    isFirst = true;
  }
  if (isFirst)
    readers.push_back({value, {}});
  readers[place->second].uses.push_back(&use);
}

WarpgroupEmitter::Parking::Parking(Block &role, ArrayRef<scf::WhileOp> scans, ArrayRef<Value> kept)
    : scans(scans) {
  role.walk([&](Operation *loop) {
    if (isLoop(loop))
      for (Operation *op = loop; op != role.getParentOp() && withLoops.insert(op).second;)
        op = op->getParentOp();
  });
  role.walk<WalkOrder::PreOrder>([&](Operation *user) {
    // Copies take what they need from uniform registers.
    bool isOfCopies = llvm::any_of(scans, [&](scf::WhileOp scan) {
      return scan.getAfter().isAncestor(user->getParentRegion()) ||
             (user->getBlock() == scan->getBlock() && scan->isBeforeInBlock(user));
    });
    if (isOfCopies)
      return;
    for (OpOperand &use : user->getOpOperands())
      if (use.get().getType().isIntOrIndex() && !isAtHand(use.get()) &&
          !llvm::is_contained(kept, use.get()) && isNeededLate(use.get(), user))
        noteUse(use);
  });
}

//===--- words --------------------------------------------------------------------------------===//

/// What is put away after it is computed, or, where all warps have computed it, when `role` begins.
void WarpgroupEmitter::putAway(Value value, Value offset, int64_t constant, Block &role) {
  if (role.getParentOp()->isProperAncestor(value.getParentBlock()->getParentOp()) ||
      value.getParentBlock() == &role)
    builder.setInsertionPointAfterValue(value);
  else
    builder.setInsertionPointToStart(&role);
  Value held = value;
  if (value.getType().isIndex())
    held = arith::IndexCastOp::create(builder, builder.getI64Type(), value);
  else if (value.getType().isInteger(1))
    held = arith::ExtUIOp::create(builder, builder.getI32Type(), value);
  LLVM::StoreOp::create(builder, held, sharedPointer(offset, constant), 0, true);
}

/// The number as it was put away, or what it is cast from.
Value WarpgroupEmitter::bringBack(Value value, const Parking &parking) {
  if (isCast(value.getDefiningOp())) {
    Operation *cast = value.getDefiningOp();
    IRMapping mapping;
    mapping.map(cast->getOperand(0), bringBack(cast->getOperand(0), parking));
    return builder.clone(*cast, mapping)->getResult(0);
  }
  auto found = parking.places.find(value);
  if (found == parking.places.end())
    return value;
  Type type = value.getType();
  Type held = bytesOf(value) == 4 ? builder.getI32Type() : builder.getI64Type();
  Value word = LLVM::LoadOp::create(
      builder, held, sharedPointer(found->second.offset, found->second.constant), 0, true);
  if (type.isIndex())
    return arith::IndexCastOp::create(builder, type, word);
  return type.isInteger(1) ? Value(arith::TruncIOp::create(builder, type, word)) : word;
}

/// Places for as many numbers as there is room for, those of outer loops first.
void WarpgroupEmitter::placeNumbers(Parking &parking, Block &role) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&role);
  Value words = arith::MulIOp::create(builder, lane, i32(4));
  Value pairs = arith::MulIOp::create(builder, lane, i32(8));
  int64_t room = Target::find("sm_90a")->blockSharedBytes - sharedTop, used = 0;
  for (bool isOwn : {false, true})
    for (Value value : isOwn ? parking.own : parking.common) {
      int64_t bytes = bytesOf(value), size = isOwn ? 32 * bytes : bytes;
      int64_t place = llvm::alignTo(used, bytes);
      if (place + size > room)
        continue;
      Value offset = !isOwn ? Value() : bytes == 8 ? pairs : words;
      parking.places[value] = {offset, sharedTop + place};
      used = place + size;
    }
  allocateShared(used);
}

/// Loops over a few pieces count on 32 bits: what counts stays in a register.
static void countNarrowly(ImplicitLocOpBuilder &builder, scf::ForOp loop) {
  SmallVector<Value> bounds;
  builder.setInsertionPoint(loop);
  for (Value bound : {loop.getLowerBound(), loop.getUpperBound(), loop.getStep()}) {
    std::optional<int64_t> number = getConstantIntValue(bound);
    if (!number || *number < 0 || *number > std::numeric_limits<int32_t>::max() / 2)
      return;
    bounds.push_back(arith::ConstantOp::create(builder, builder.getI32IntegerAttr(*number)));
  }
  Value counter = loop.getInductionVar();
  if (!counter.getType().isIndex())
    return;
  loop.setLowerBound(bounds[0]);
  loop.setUpperBound(bounds[1]);
  loop.setStep(bounds[2]);
  counter.setType(builder.getI32Type());
  builder.setInsertionPointToStart(loop.getBody());
  auto wide = arith::IndexCastOp::create(builder, builder.getIndexType(), counter);
  counter.replaceAllUsesExcept(wide, wide);
}

void WarpgroupEmitter::parkNumbers(Block &role) {
  OpBuilder::InsertionGuard guard(builder);
  role.walk([&](scf::ForOp loop) { countNarrowly(builder, loop); });
  Parking parking(role, scans, {lane, warp, thread, sharedStart});
  if (bytesOf(parking.common) + bytesOf(parking.own) <= fewBytes)
    return;
  placeNumbers(parking, role);
  for (Reader &reader : parking.readers) {
    builder.setInsertionPoint(reader.uses.front()->getOwner());
    Value again = bringBack(reader.value, parking);
    for (OpOperand *use : reader.uses)
      use->set(again);
  }
  for (auto &[value, place] : parking.places)
    putAway(value, place.offset, place.constant, role);
}
