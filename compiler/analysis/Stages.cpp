// SPDX-License-Identifier: Apache-2.0
// Which values must be stored, and in how many kernels are they computed?
//
// A stage computes rows of one axis; its keys are on the other side. What is reduced over queries is made
// by a stage whose rows are the keys (the program with both sides exchanged: `flip`), and read from memory
// by those whose rows are the queries. Everything else that is not stored is computed again where it is used.
#include "compiler/analysis/Stages.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace attune {
namespace {

class StageFinder {
public:
  explicit StageFinder(attn::KernelOp kernel) : kernel(kernel) {}
  StagePlan run();

private:
  void store(Value value, bool read);
  void demand(Value value, bool flip);
  void demandTokens(Value value);
  void storeInputs(Value matrix);
  void storeList(attn::VisibleKeysOp op);
  void storeInput(Value tokens);
  void descend(Value value, bool flip);
  bool reducesInStage(Value value, bool flip);
  unsigned levelOf(Value value);
  unsigned levelOfUses(Value value, bool flip, bool ofTokens,
                       llvm::DenseSet<std::pair<Value, unsigned>> &seen);

  attn::KernelOp kernel;
  StagePlan plan;
  llvm::DenseSet<std::pair<Value, unsigned>> demanded;
  llvm::DenseMap<Value, unsigned> levels;
};

} // namespace

static bool isVectors(Type type) {
  return attn::isVirtual(type) && isa<VectorType>(attn::getPlaceElementType(type));
}

/// What a stage whose rows are the queries (`flip`: the keys) cannot reduce in its sweeps.
static bool isOfOtherSide(Operation *op, bool flip) {
  if (auto reduce = dyn_cast<attn::ReduceOp>(op))
    return isa<attn::MatrixType>(reduce.getInput().getType()) &&
           !isa<attn::MatrixType>(reduce.getType()) &&
           reduce.getOver() == (flip ? attn::ReduceOver::Keys : attn::ReduceOver::Queries);
  return flip && isa<attn::ContractOp, attn::FoldOp>(op);
}

/// Does each component depend on the same component of the vectors alone?
static bool isElementwise(attn::MapOp map) {
  auto isVector = llvm::IsaPred<VectorType>;
  return llvm::all_of(map.getBody().front().without_terminator(), [&](Operation &op) {
    bool hasVector =
        llvm::any_of(op.getResultTypes(), isVector) || llvm::any_of(op.getOperandTypes(), isVector);
    return !hasVector || isa<vector::BroadcastOp, arith::ConstantOp>(op) ||
           OpTrait::hasElementwiseMappableTraits(&op);
  });
}

/// Only sums of vectors times numbers of the row can have several contractions in them.
static bool isLinear(attn::MapOp map) {
  return llvm::all_of(map.getBody().front().without_terminator(), [](Operation &op) {
    return !llvm::any_of(op.getResultTypes(), llvm::IsaPred<VectorType>) ||
           isa<vector::BroadcastOp, arith::ConstantOp, arith::ExtFOp, arith::TruncFOp,
               arith::NegFOp, arith::MulFOp, arith::DivFOp, arith::AddFOp, arith::SubFOp>(op);
  });
}

/// What others read from memory is not made a second time where it is made.
static bool isReadElsewhere(Value vectors) {
  return llvm::any_of(vectors.getUsers(), [](Operation *user) {
    auto map = dyn_cast<attn::MapOp>(user);
    return !isa<attn::ReturnOp>(user) && !(map && isVectors(map.getType()) && isElementwise(map));
  });
}

/// Does the map read a value by blocks of tokens?
static bool readsBlocks(attn::MapOp map) {
  StringAttr axis = attn::getAxes(map.getType()).front();
  return llvm::any_of(map.getInputs(),
                      [&](Value input) { return attn::getAxes(input.getType()).front() != axis; });
}

bool isEpilogue(attn::MapOp map) {
  if (!isa<attn::RowsType>(map.getType()) || !isVectors(map.getType()) || !isElementwise(map) ||
      readsBlocks(map))
    return false;
  unsigned vectors = 0;
  bool readsOperands = false;
  for (Value input : map.getInputs()) {
    if (!isVectors(input.getType()))
      continue;
    if (isa<BlockArgument>(input)) {
      readsOperands = true;
      continue;
    }
    ++vectors;
    auto inner = input.getDefiningOp<attn::MapOp>();
    bool isMade = input.getDefiningOp<attn::ContractOp>() || (inner && isEpilogue(inner));
    if (!isMade || isReadElsewhere(input))
      return false;
  }
  return vectors == 1 || (vectors > 1 && !readsOperands && isLinear(map));
}

/// Is the value made for each token by itself, of vectors or of blocks?
static bool isOfTokens(Value value) {
  if (isa_and_nonnull<attn::ReduceOp, attn::StencilOp>(value.getDefiningOp()))
    return !isa<attn::MatrixType>(value.getDefiningOp()->getOperand(0).getType());
  auto map = value.getDefiningOp<attn::MapOp>();
  if (!map || isa<attn::MatrixType>(map.getType()) || isEpilogue(map))
    return false;
  return isVectors(map.getType()) || readsBlocks(map) ||
         llvm::any_of(map.getInputs(), [](Value input) { return isVectors(input.getType()); });
}

/// The side of the operands of `op` in a stage that has `op` on the side `flip`.
static bool flipOfOperands(Operation *op, bool flip) { return flip != isa<attn::TransposeOp>(op); }

bool isReadFromMemory(Operation *user, Value value, bool flip) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return true;
  if (isa<attn::ConcatOp, attn::TransposeOp>(op) && isVectors(value.getType()))
    return false; // its operands are
  bool isMultiplied = isa<attn::DotOp>(user) ||
                      (isa<attn::ConcatOp, attn::TransposeOp>(user) && isVectors(value.getType()));
  if (auto take = dyn_cast<attn::TakeOp>(user))
    isMultiplied = take.getSource() == value;
  if (auto contract = dyn_cast<attn::ContractOp>(user))
    isMultiplied = contract.getValues() == value;
  if (isa<attn::EntriesOp>(op))
    return false; // what it reads is
  isMultiplied |= isa<attn::EntriesOp>(user) || isa<attn::VisibleKeysOp>(op);
  return isMultiplied || isOfTokens(value) || op->hasAttr("attn.store") ||
         isOfOtherSide(op, flip) || (user->getNumResults() == 1 && isOfTokens(user->getResult(0)));
}

static bool isFlipped(Type type) { return isa<attn::ColsType>(type); }

/// One kernel writes all of a list that is read, its counts first: their rows are what it has blocks of.
void StageFinder::storeList(attn::VisibleKeysOp op) {
  if (plan.stored.contains(op.getCount()))
    return;
  for (Value part : {op.getCount(), op.getKeys(), op.getElements()}) {
    if (part == op.getElements() && part.use_empty())
      continue;
    StoredValue &stored = plan.stored[part];
    stored.isRead = true;
    stored.axis = attn::getAxes(part.getType()).front();
  }
  descend(op.getCount(), /*flip=*/false);
}

void StageFinder::store(Value value, bool read) {
  if (auto list = value.getDefiningOp<attn::VisibleKeysOp>())
    return storeList(list);
  auto [place, isNew] = plan.stored.try_emplace(value);
  place->second.isRead |= read;
  if (!isNew)
    return;
  bool flip = isFlipped(value.getType());
  bool isMatrix = isa<attn::MatrixType>(value.getType());
  bool isTokens = isMatrix || isOfTokens(value) ||
                  (value.getDefiningOp<attn::MapOp>() && !reducesInStage(value, flip));
  place->second.isTokens = isTokens;
  place->second.axis = attn::getAxes(value.getType()).front();
  if (isMatrix)
    return storeInputs(value);
  if (!isTokens)
    return descend(value, flip);
  for (Value input : value.getDefiningOp()->getOperands())
    if (attn::isVirtual(input.getType()))
      storeInput(input);
}

/// Tokens are read from memory. Values of neighbours, vectors of many, are read where they are used.
void StageFinder::storeInput(Value tokens) {
  if (isa<BlockArgument>(tokens))
    return;
  if (auto stencil = tokens.getDefiningOp<attn::StencilOp>())
    return storeInput(stencil.getInput());
  if (tokens.getDefiningOp<attn::EntriesOp>())
    return demandTokens(tokens);
  store(tokens, true);
}

/// The pairs of a matrix that is stored are computed one by one, from what is in memory.
void StageFinder::storeInputs(Value matrix) {
  auto take = matrix.getDefiningOp<attn::TakeOp>();
  for (Value operand : matrix.getDefiningOp()->getOperands()) {
    if (operand.getDefiningOp<attn::StencilOp>() && !isa<attn::MatrixType>(operand.getType()))
      storeInput(operand);
    else if (isa<attn::MatrixType>(operand.getType()) && !(take && take.getSource() == operand))
      storeInputs(operand);
    else if (attn::isVirtual(operand.getType()))
      demandTokens(operand);
  }
}

/// `value` is read in a stage whose rows are the queries (`flip`: the keys).
void StageFinder::demand(Value value, bool flip) {
  Operation *op = value.getDefiningOp();
  if (!op || !attn::isVirtual(value.getType()) || !demanded.insert({value, flip}).second)
    return;
  if (isOfOtherSide(op, flip) || isOfTokens(value) || op->hasAttr("attn.store") ||
      isa<attn::VisibleKeysOp>(op))
    return store(value, true);
  descend(value, flip);
}

/// `value` is multiplied: it has to be stored.
void StageFinder::demandTokens(Value value) {
  if (isa<BlockArgument>(value))
    return;
  if (auto concat = value.getDefiningOp<attn::ConcatOp>()) {
    for (Value segment : concat.getSegments())
      demandTokens(segment);
    return;
  }
  if (auto transpose = value.getDefiningOp<attn::TransposeOp>())
    return demandTokens(transpose.getInput());
  if (auto entries = value.getDefiningOp<attn::EntriesOp>())
    return demandTokens(entries.getInput());
  store(value, true);
}

void StageFinder::descend(Value value, bool flip) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return;
  if (auto dot = dyn_cast<attn::DotOp>(op)) {
    demandTokens(dot.getRows());
    demandTokens(dot.getCols());
  } else if (auto contract = dyn_cast<attn::ContractOp>(op)) {
    demand(contract.getWeights(), flip);
    demandTokens(contract.getValues());
  } else if (isa<attn::ConcatOp>(op) && isVectors(op->getOperand(0).getType())) {
    demandTokens(value);
  } else if (auto take = dyn_cast<attn::TakeOp>(op)) {
    demandTokens(take.getSource());
    for (Value operand : take.getInputs())
      demand(operand, flip);
  } else {
    for (Value operand : op->getOperands())
      demand(operand, flipOfOperands(op, flip));
  }
}

/// Does a stage that computes the value sweep over keys?
bool StageFinder::reducesInStage(Value value, bool flip) {
  Operation *op = value.getDefiningOp();
  if (!op || !attn::isVirtual(value.getType()) || isOfTokens(value) || isOfOtherSide(op, flip))
    return false;
  if (isa<attn::ReduceOp, attn::ContractOp, attn::FoldOp>(op))
    return true;
  return llvm::any_of(op->getOperands(), [&](Value operand) {
    bool side = flipOfOperands(op, flip);
    return !isReadFromMemory(op, operand, side) && reducesInStage(operand, side);
  });
}

/// 1 more than the highest level of what is read to compute `value`.
unsigned StageFinder::levelOfUses(Value value, bool flip, bool ofTokens,
                                  llvm::DenseSet<std::pair<Value, unsigned>> &seen) {
  unsigned level = 0;
  Operation *op = value.getDefiningOp();
  if (!op || !seen.insert({value, flip}).second)
    return level;
  for (Value operand : op->getOperands()) {
    if (!attn::isVirtual(operand.getType()))
      continue;
    bool side = flipOfOperands(op, flip);
    bool isRead = plan.isRead(operand) && (ofTokens || isReadFromMemory(op, operand, side));
    level =
        std::max(level, isRead ? levelOf(operand) + 1 : levelOfUses(operand, side, ofTokens, seen));
  }
  return level;
}

unsigned StageFinder::levelOf(Value value) {
  if (auto known = levels.find(value); known != levels.end())
    return known->second;
  llvm::DenseSet<std::pair<Value, unsigned>> seen;
  unsigned level =
      levelOfUses(value, isFlipped(value.getType()), plan.stored[value].isTokens, seen);
  return levels[value] = level;
}

/// Each value is a sum or more beside the scores: some in a kernel; a part of a wide result, and what makes a
/// list, by itself.
static SmallVector<SmallVector<Value, 2>> inKernels(ArrayRef<Value> values) {
  constexpr size_t mostValues = 12;
  SmallVector<SmallVector<Value, 2>> kernels;
  SmallVector<Value, 2> together;
  llvm::MapVector<Operation *, SmallVector<Value, 2>> lists;
  for (Value value : values) {
    if (auto list = value.getDefiningOp<attn::VisibleKeysOp>()) {
      lists[list].push_back(value);
      continue;
    }
    auto contract = value.getDefiningOp<attn::ContractOp>();
    if (contract && contract->hasAttr("attn.store")) {
      kernels.push_back({value});
      continue;
    }
    together.push_back(value);
    if (together.size() == mostValues)
      kernels.push_back(std::exchange(together, {}));
  }
  if (!together.empty())
    kernels.push_back(std::move(together));
  for (auto &[list, parts] : lists)
    kernels.push_back(std::move(parts));
  return kernels;
}

StagePlan StageFinder::run() {
  plan.transposes = !kernel.getBody().getOps<attn::TransposeOp>().empty();
  auto results = cast<attn::ReturnOp>(kernel.getBody().front().getTerminator()).getValues();
  for (auto [index, value] : llvm::enumerate(results))
    if (!isa<BlockArgument>(value)) {
      store(value, false);
      plan.stored[value].results.push_back(index);
    }
  unsigned last = 0;
  for (auto &[value, stored] : plan.stored)
    last = std::max(last, stored.level = levelOf(value));
  for (unsigned level = 0; level <= last; ++level) {
    llvm::MapVector<StringAttr, ProgramStage> sweeps;
    for (auto &[value, stored] : plan.stored) {
      if (stored.level != level)
        continue;
      if (stored.isTokens)
        plan.stages.push_back({{value}, true});
      else
        sweeps[stored.axis].values.push_back(value);
    }
    for (auto &[axis, stage] : sweeps)
      for (SmallVector<Value, 2> &values : inKernels(stage.values))
        plan.stages.push_back({std::move(values), false});
  }
  return std::move(plan);
}

StagePlan planStages(attn::KernelOp kernel) { return StageFinder(kernel).run(); }

attn::KernelOp findSweepingStage(ModuleOp stages) {
  attn::KernelOp last;
  for (auto kernel : stages.getOps<attn::KernelOp>())
    if (!kernel->hasAttr("attn.tokens"))
      last = kernel;
  return last;
}

bool StagePlan::isSplit() const {
  if (stages.size() != 1)
    return stages.size() > 1;
  return transposes || stages.front().isTokens ||
         llvm::any_of(stages.front().values, [](Value value) {
           return isFlipped(value.getType()) || value.getDefiningOp<attn::VisibleKeysOp>();
         });
}

} // namespace attune
