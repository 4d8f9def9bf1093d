// SPDX-License-Identifier: Apache-2.0
// attn-gather-keys: does a kernel attend to few keys that a selection names? Then it walks a list of them.
//
//   attn.kernel @f(%q, %k, %v, %t: !attn.rows<i32>) -> !q { %m = where (%x = %s, ..) { chosen }   .. }
// becomes
//   attn.kernel @f_keys(%q, %k, %t, %n) -> (!attn.matrix<i32, q, k_near>, !attn.rows<i32>) {
//     .. the mask alone   %list, %x, %count = visible_keys %m most %n on k_near }
//   attn.kernel @f(%q, %k, %v, %list, %count) -> !q attributes {attn.gathered = {..}} { .. without the mask }
// All that is visible is in the list, so nothing is masked, and time grows with n instead of the number of keys.
#include "compiler/Passes.h"
#include "compiler/analysis/GatheredKeys.h"
#include "compiler/analysis/Stages.h"
#include "compiler/passes/PlaceRegions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

namespace attune {
#define GEN_PASS_DEF_GATHERKEYSPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;

namespace {

class GatherKeys : public attune::impl::GatherKeysPassBase<GatherKeys> {
public:
  void runOnOperation() override;
};

using Mask = llvm::SmallSetVector<Operation *, 4>;

/// What the rows of a kernel see: the pairs that all of `mask` keep, at most so many a row.
struct Selection {
  Mask mask;
  /// One of those that are reduced.
  Value matrix;
  /// An integer, or the name of an operand of the program.
  Attribute most;
};

} // namespace

//===--- what a kernel attends to --------------------------------------------------------------===//

/// Adds the ops that hide pairs of a matrix.
static void addMask(Value matrix, Mask &mask, llvm::SmallPtrSetImpl<Operation *> &seen) {
  Operation *op = matrix.getDefiningOp();
  if (!op || !isa<attn::MatrixType>(matrix.getType()) || !seen.insert(op).second)
    return;
  if (isa<attn::WhereOp>(op))
    mask.insert(op);
  for (Value operand : op->getOperands())
    addMask(operand, mask, seen);
}

static Mask getMask(Value matrix) {
  Mask mask;
  llvm::SmallPtrSet<Operation *, 16> seen;
  addMask(matrix, mask, seen);
  return mask;
}

/// How many pairs of a row the truth, of the region of `where`, leaves at most; null: any number.
static Attribute findMost(attn::WhereOp where, Value truth) {
  if (auto both = truth.getDefiningOp<arith::AndIOp>()) {
    Attribute left = findMost(where, both.getLhs());
    return left ? left : findMost(where, both.getRhs());
  }
  auto element = dyn_cast<BlockArgument>(truth);
  if (!element || element.getOwner() != &where.getBody().front() ||
      element.getArgNumber() >= where.getInputs().size())
    return {};
  Operation *chosen = where.getInputs()[element.getArgNumber()].getDefiningOp();
  return chosen ? chosen->getAttr("attn.most") : Attribute();
}

static Attribute findMost(const Mask &mask) {
  for (Operation *op : mask) {
    auto where = cast<attn::WhereOp>(op);
    if (Attribute most = findMost(where, where.getBody().front().getTerminator()->getOperand(0)))
      return most;
  }
  return {};
}

/// The matrix that an op reduces over keys; null if it is none of these. `fits`: it is no other reduction.
static Value getReduced(Operation &op, bool &fits) {
  if (auto contract = dyn_cast<attn::ContractOp>(op)) {
    fits &= isa<attn::RowsType>(contract.getType());
    return contract.getWeights();
  }
  if (auto reduce = dyn_cast<attn::ReduceOp>(op)) {
    fits &= reduce.getOver() == attn::ReduceOver::Keys && isa<attn::RowsType>(reduce.getType()) &&
            isa<attn::MatrixType>(reduce.getInput().getType());
    return reduce.getInput();
  }
  fits &= isa<attn::DotOp, attn::MapOp, attn::WhereOp, attn::TakeOp, attn::ReturnOp>(op) ||
          !llvm::any_of(op.getResultTypes(), attn::isVirtual);
  return {};
}

/// Do all matrices have the kernel's rows and one axis of plain keys, which operands lie on?
static bool hasPlainAxes(attn::KernelOp kernel, StringAttr keys) {
  bool plain = attn::isPlainAxis(keys.getValue());
  for (auto axis : kernel.getBody().getOps<attn::AxisOp>())
    plain &= axis.getGrid().empty();
  for (Operation &op : kernel.getBody().front())
    for (Type type : op.getResultTypes())
      if (auto matrix = dyn_cast<attn::MatrixType>(type))
        plain &= matrix.getColAxis() == keys;
  return plain && llvm::any_of(kernel.getArgumentTypes(), [&](Type type) {
           auto cols = dyn_cast<attn::ColsType>(type);
           return cols && cols.getAxis() == keys;
         });
}

static std::optional<Selection> findSelection(attn::KernelOp kernel) {
  Selection selection;
  bool fits = llvm::all_of(kernel.getResultTypes(), llvm::IsaPred<attn::RowsType>);
  for (Operation &op : kernel.getBody().front()) {
    Value matrix = getReduced(op, fits);
    if (!matrix)
      continue;
    Mask mask = getMask(matrix);
    fits &= !selection.matrix || mask == selection.mask;
    selection.mask = mask;
    selection.matrix = matrix;
  }
  if (!fits || !selection.matrix)
    return std::nullopt;
  selection.most = findMost(selection.mask);
  auto keys = cast<attn::MatrixType>(selection.matrix.getType()).getColAxis();
  if (!selection.most || !hasPlainAxes(kernel, keys))
    return std::nullopt;
  return selection;
}

//===--- the two kernels -----------------------------------------------------------------------===//

/// Erases what nobody uses, and operands that nothing needs: neither an op nor an axis as its length.
static void removeUnused(attn::KernelOp kernel) {
  Block &block = kernel.getBody().front();
  eraseDeadOps(block);
  llvm::BitVector unused(block.getNumArguments());
  llvm::SmallPtrSet<Attribute, 4> bound;
  for (bool isUsed : {true, false})
    for (BlockArgument argument : block.getArguments()) {
      if (argument.use_empty() == isUsed)
        continue;
      bool binds = isUsed;
      for (StringAttr axis : attn::getAxes(argument.getType()))
        binds |= bound.insert(axis).second;
      if (!binds)
        unused.set(argument.getArgNumber());
    }
  (void)kernel.eraseArguments(unused);
}

static BlockArgument addOperand(attn::KernelOp kernel, Type type, const Twine &name) {
  unsigned index = kernel.getNumArguments();
  Builder builder(kernel.getContext());
  NamedAttribute attribute =
      builder.getNamedAttr(attn::KernelOp::getNameAttrName(), builder.getStringAttr(name));
  (void)kernel.insertArgument(index, type, builder.getDictionaryAttr(attribute), kernel.getLoc());
  return kernel.getBody().getArgument(index);
}

static Value createMost(OpBuilder &builder, attn::KernelOp kernel, Attribute most) {
  if (auto number = dyn_cast<IntegerAttr>(most))
    return arith::ConstantIndexOp::create(builder, kernel.getLoc(), number.getInt());
  StringRef name = cast<StringAttr>(most).getValue();
  if (BlockArgument argument = findOperand(kernel, name))
    return argument;
  return addOperand(kernel, builder.getIndexType(), name);
}

namespace {
struct Names {
  std::string keys, count;
};
} // namespace

/// The pairs that `where` keeps of `matrix`, a matrix of numbers that stand for nothing.
static Value restrict(OpBuilder &builder, Value matrix, attn::WhereOp where) {
  SmallVector<Value> inputs = {matrix};
  bool readsOwn = !where.getBody().front().getArgument(0).use_empty();
  llvm::append_range(inputs, where.getInputs().drop_front(readsOwn ? 0 : 1));
  auto copy = attn::WhereOp::create(builder, where.getLoc(), matrix.getType(), inputs);
  IRMapping mapping;
  where.getBody().cloneInto(&copy.getBody(), mapping);
  Block &block = copy.getBody().front();
  if (!readsOwn)
    block.eraseArgument(0);
  block.insertArgument(0u, attn::getPlaceElementType(matrix.getType()), where.getLoc());
  return copy.getResult();
}

/// In the body of a copy of the kernel, the mask alone: a matrix that all of it hides.
static Value createMasked(OpBuilder &builder, const Selection &selection, IRMapping &mapping) {
  auto type = cast<attn::MatrixType>(selection.matrix.getType());
  Location loc = selection.matrix.getLoc();
  Type blank = attn::MatrixType::get(builder.getContext(), builder.getF32Type(), type.getRowAxis(),
                                     type.getColAxis());
  Value matrix = createMap(builder, loc, blank, {}, [&](OpBuilder &inner, ValueRange) -> Value {
    return arith::ConstantOp::create(inner, loc, inner.getF32FloatAttr(1));
  });
  for (Operation *where : selection.mask)
    matrix = restrict(builder, matrix,
                      mapping.lookup(where->getResult(0)).getDefiningOp<attn::WhereOp>());
  return matrix;
}

/// In front of `kernel`, one that lists what its rows see; the types of the list and of its counts.
static SmallVector<Type> createList(attn::KernelOp kernel, const Selection &selection,
                                    const Names &names) {
  OpBuilder builder(kernel);
  IRMapping mapping;
  auto lists = cast<attn::KernelOp>(builder.clone(*kernel, mapping));
  lists.setSymName((kernel.getSymName() + "_keys").str());
  Operation *end = lists.getBody().front().getTerminator();
  builder.setInsertionPoint(end);
  auto axis = cast<attn::MatrixType>(selection.matrix.getType()).getColAxis();
  Value matrix = createMasked(builder, selection, mapping);
  Value most = createMost(builder, lists, selection.most);
  auto list = attn::VisibleKeysOp::create(builder, kernel.getLoc(), matrix, most,
                                          builder.getStringAttr(axis.getValue() + "_near"));
  end->setOperands({list.getKeys(), list.getCount()});
  SmallVector<Type> results = {list.getKeys().getType(), list.getCount().getType()};
  lists.setFunctionType(builder.getFunctionType(lists.getFunctionType().getInputs(), results));
  SmallVector<Attribute> attributes;
  for (const std::string &name : {names.keys, names.count})
    attributes.push_back(builder.getDictionaryAttr(
        builder.getNamedAttr(attn::KernelOp::getNameAttrName(), builder.getStringAttr(name))));
  lists.setResAttrsAttr(builder.getArrayAttr(attributes));
  removeUnused(lists);
  return results;
}

/// Makes `kernel` walk the list: all of its keys are visible.
static void readList(attn::KernelOp kernel, const Selection &selection, const Names &names,
                     ArrayRef<Type> types) {
  auto axis = cast<attn::MatrixType>(selection.matrix.getType()).getColAxis();
  for (Operation *where : selection.mask)
    where->getResult(0).replaceAllUsesWith(where->getOperand(0));
  for (Operation *where : selection.mask)
    where->erase();
  removeUnused(kernel);
  GatheredKeys gathered{axis, addOperand(kernel, types[0], names.keys),
                        addOperand(kernel, types[1], names.count)};
  gathered.attachTo(kernel);
}

void GatherKeys::runOnOperation() {
  attn::KernelOp kernel = findSweepingStage(getOperation());
  std::optional<Selection> selection;
  if (kernel)
    selection = findSelection(kernel);
  if (!selection)
    return;
  Names names{(kernel.getSymName() + ".keys").str(), (kernel.getSymName() + ".count").str()};
  SmallVector<Type> types = createList(kernel, *selection, names);
  readList(kernel, *selection, names, types);
}
