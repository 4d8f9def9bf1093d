// SPDX-License-Identifier: Apache-2.0
// What must hold of a kernel as a whole: its operands, its facts, its axes and what its body says
// about them? The checks carry the labels C1..Cn of AttnOps.td.
#include "dialects/attn/AttnOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attune::attn;

//===--- Operands, results and facts ---===//

static bool isScalar(Type type) { return isPlaceElement(type) && !isa<VectorType>(type); }

/// The scalar that an operand is made of: of rows and cols, of a table, or itself.
static Type getScalar(Type type) {
  Type element = getPlaceElementType(type);
  return getElementTypeOrSelf(element ? element : type);
}

static LogicalResult verifyOperandTypes(KernelOp kernel) {
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    auto table = dyn_cast<RankedTensorType>(type);
    bool isTable = table && isScalar(table.getElementType()) && !table.getEncoding();
    // What an earlier kernel of a program stored may be a matrix.
    bool isStored = isa<MatrixType>(type) && kernel->hasAttr("attn.stage");
    if (!isa<RowsType, ColsType>(type) && !isTable && !isScalar(type) && !isStored)
      return kernel.emitOpError("expected operand '%")
             << kernel.getOperandName(index)
             << "' to be rows, cols, a tensor of scalars or a scalar, but got " << type;
    for (StringAttr axis : getAxes(type))
      if (axis.getValue().contains('+'))
        return kernel.emitOpError("expected operand '%")
               << kernel.getOperandName(index) << "' to lie on one axis, but got " << type
               << "; give its segments and join them by concat";
  }
  for (auto [index, type] : llvm::enumerate(kernel.getResultTypes()))
    if (!isVirtual(type))
      return kernel.emitOpError("expected result #")
             << index << " to be rows, cols or a matrix, but got " << type;
  return success();
}

static bool isPositiveInteger(Attribute value) {
  auto number = dyn_cast<IntegerAttr>(value);
  return number && number.getValue().isStrictlyPositive();
}

static bool isRange(Attribute value) {
  auto ends = dyn_cast<ArrayAttr>(value);
  if (!ends || ends.size() != 2)
    return false;
  auto low = dyn_cast<IntegerAttr>(ends[0]), high = dyn_cast<IntegerAttr>(ends[1]);
  return low && high && low.getType() == high.getType() && low.getValue().sle(high.getValue());
}

/// One attribute of operand `index` stands where it applies and has a value of its kind.
static LogicalResult verifyFact(KernelOp kernel, unsigned index, NamedAttribute fact) {
  Type type = kernel.getArgumentTypes()[index];
  StringRef name = fact.getName();
  auto error = [&]() {
    return kernel.emitOpError("expected fact '")
           << name << "' of operand '%" << kernel.getOperandName(index) << "' to ";
  };
  if (name == KernelOp::getNameAttrName() || !name.starts_with("attn."))
    return success();
  if (name == "attn.heads" || name == "attn.batch") {
    if (!isa<RowsType, ColsType>(type))
      return error() << "stand on rows or cols, but the operand is " << type;
    if (!isPositiveInteger(fact.getValue()))
      return error() << "be a positive integer, but got " << fact.getValue();
    return success();
  }
  bool isOrder = name == "attn.sorted" || name == "attn.contiguous";
  if (!isOrder && name != "attn.range")
    return error() << "be one of attn.sorted, attn.contiguous, attn.range, attn.heads and "
                      "attn.batch";
  if (isScalar(type) || !isa<IntegerType, IndexType>(getScalar(type)))
    return error() << "stand on a table, rows or cols of integers, but the operand is " << type;
  if (isOrder && !isa<UnitAttr>(fact.getValue()))
    return error() << "have no value, but got " << fact.getValue();
  if (!isOrder && !isRange(fact.getValue()))
    return error() << "be [lowest, greatest], two integers in this order, but got "
                   << fact.getValue();
  return success();
}

static ArrayRef<NamedAttribute> listAttributes(DictionaryAttr attributes) {
  return attributes ? attributes.getValue() : ArrayRef<NamedAttribute>();
}

static LogicalResult verifyFacts(KernelOp kernel) {
  for (unsigned index = 0; index < kernel.getNumArguments(); ++index)
    for (NamedAttribute fact : listAttributes(kernel.getArgAttrDict(index)))
      if (failed(verifyFact(kernel, index, fact)))
        return failure();
  for (unsigned index = 0; index < kernel.getNumResults(); ++index)
    for (NamedAttribute fact : listAttributes(kernel.getResultAttrDict(index)))
      if (fact.getName().getValue().starts_with("attn.") &&
          fact.getName() != KernelOp::getNameAttrName())
        return kernel.emitOpError("expected result #")
               << index << " to have no fact but attn.name, and got '" << fact.getName().getValue()
               << "'";
  return success();
}

/// Operands and results have names, all different.
static LogicalResult verifyNames(KernelOp kernel) {
  llvm::StringSet<> names;
  for (unsigned index = 0; index < kernel.getNumArguments(); ++index) {
    StringRef name = kernel.getOperandName(index);
    if (name.empty())
      return kernel.emitOpError("expected operand #")
             << index << " to have a name in the attribute '" << KernelOp::getNameAttrName() << "'";
    if (!names.insert(name).second)
      return kernel.emitOpError("expected operands to have different names, but two are '")
             << name << "'";
  }
  for (unsigned index = 0; index < kernel.getNumResults(); ++index) {
    std::string name = kernel.getResultName(index);
    if (name.empty() || !names.insert(name).second)
      return kernel.emitOpError("expected result #")
             << index << " to have a name of its own, but an operand or another result is '" << name
             << "' too; name it by {attn.name = \"...\"}";
  }
  return success();
}

/// Known head counts divide the largest; known batch counts are 1 or one number.
static LogicalResult verifyCounts(KernelOp kernel) {
  int64_t heads = 1, batch = 1;
  auto get = [&](unsigned index, StringRef name) -> int64_t {
    auto count = kernel.getArgAttrOfType<IntegerAttr>(index, name);
    return count ? count.getInt() : 1;
  };
  for (unsigned index = 0; index < kernel.getNumArguments(); ++index)
    heads = std::max(heads, get(index, "attn.heads"));
  for (unsigned index = 0; index < kernel.getNumArguments(); ++index) {
    int64_t own = get(index, "attn.heads"), ownBatch = get(index, "attn.batch");
    if (heads % own != 0)
      return kernel.emitOpError("expected the ")
             << own << " heads of operand '%" << kernel.getOperandName(index)
             << "' to divide the largest count, " << heads;
    if (ownBatch != 1 && batch != 1 && ownBatch != batch)
      return kernel.emitOpError("expected operand '%")
             << kernel.getOperandName(index) << "' to have a batch of 1 or " << batch
             << ", but got " << ownBatch;
    batch = std::max(batch, ownBatch);
  }
  return success();
}

LogicalResult KernelOp::verify() {
  // C1, C2; the names of C6 come first because the other messages use them.
  if (failed(verifyNames(*this)) || failed(verifyOperandTypes(*this)))
    return failure();
  // C4, C7
  return failure(failed(verifyFacts(*this)) || failed(verifyCounts(*this)));
}

//===--- Axes ---===//

namespace {

/// The axes of one kernel that have a length.
class BoundAxes {
public:
  explicit BoundAxes(KernelOp kernel) : kernel(kernel) {}
  /// Finds them; fails when an `axis` op says something that cannot hold.
  LogicalResult collect();
  /// Do the axes of a value of type `type` have a length?
  LogicalResult check(Operation *op, Type type) const;
  bool contains(StringRef axis) const { return bound.contains(axis); }

private:
  LogicalResult bindLikes();
  LogicalResult bindEntries();
  KernelOp kernel;
  llvm::StringSet<> bound;
  llvm::StringMap<AxisOp> declared;
};

} // namespace

LogicalResult BoundAxes::collect() {
  for (Type type : kernel.getArgumentTypes())
    for (StringAttr axis : getAxes(type))
      if (isPlainAxis(axis))
        bound.insert(axis);
  for (AxisOp op : kernel.getBody().getOps<AxisOp>()) {
    auto [position, isNew] = declared.try_emplace(op.getAxis(), op);
    if (!isNew) {
      InFlightDiagnostic error = op.emitOpError("expected one declaration of axis '")
                                 << op.getAxis() << "', but it has two; join their clauses";
      error.attachNote(position->second.getLoc()) << "the other stands here";
      return error;
    }
    if (op.getSize())
      bound.insert(op.getAxis());
  }
  return failure(failed(bindLikes()) || failed(bindEntries()));
}

LogicalResult BoundAxes::bindEntries() {
  // C2 of visible_keys
  for (auto op : kernel.getBody().getOps<VisibleKeysOp>())
    if (declared.contains(op.getEntries()) || !bound.insert(op.getEntries()).second)
      return op.emitOpError("expected an axis of its own for its entries, but '")
             << op.getEntries() << "' has a length already";
  return success();
}

LogicalResult BoundAxes::bindLikes() {
  // As many rounds as there are axes resolve any chain, in whatever order it is written.
  for (size_t round = 0; round < declared.size(); ++round)
    for (auto &entry : declared)
      if (std::optional<StringRef> like = entry.second.getLike(); like && contains(*like))
        bound.insert(entry.first());
  for (auto op : kernel.getBody().getOps<AxisOp>())
    if (std::optional<StringRef> like = op.getLike(); like && !contains(*like))
      return op.emitOpError("expected axis '")
             << *like << "' to have a length, but no operand and no axis op gives it one";
  return success();
}

LogicalResult BoundAxes::check(Operation *op, Type type) const {
  for (StringAttr axis : getAxes(type)) {
    SmallVector<StringRef> segments;
    axis.getValue().split(segments, '+');
    for (StringRef segment : segments)
      if (!contains(getAxisRoot(segment)))
        return op->emitOpError("expected axis '")
               << getAxisRoot(segment) << "' of " << type
               << " to have a length, but no operand and no axis op gives it one";
  }
  return success();
}

LogicalResult AxisOp::verify() {
  // C2 is a fact of the kernel: BoundAxes::collect.
  // C1
  if (!isPlainAxis(getAxis()) || !isPlainAxis(getLike().value_or("q")))
    return emitOpError("expected the axis to be a plain name, but got '")
           << (isPlainAxis(getAxis()) ? *getLike() : getAxis()) << "'";
  // C3
  if (!getSize() && !getLike() && !getMultiple() && getGrid().empty())
    return emitOpError("expected one of the clauses size, like, multiple and grid for axis '")
           << getAxis() << "'";
  // C4
  if (getMultiple() && static_cast<int64_t>(*getMultiple()) <= 0)
    return emitOpError("expected the multiple of axis '")
           << getAxis() << "' to be positive, but got " << static_cast<int64_t>(*getMultiple());
  return success();
}

//===--- The body ---===//

/// An op at the level of a kernel is an attn op, or computes a scalar.
static LogicalResult verifyBodyOp(Operation &op) {
  if (isa<LoadOp, SizeOp>(op))
    return op.emitOpError("expected to stand in a region or a helper function, where its place is "
                          "known, but it stands in the body of a kernel");
  if (isa<AttnDialect>(op.getDialect()) || isAllowedInRegion(&op))
    return success();
  return op.emitOpError("expected the body of a kernel to hold attn ops and scalar computations "
                        "without effects; this op ")
         << describeRefusal(&op);
}

LogicalResult KernelOp::verifyRegions() {
  // C3
  BoundAxes axes(*this);
  if (failed(axes.collect()))
    return failure();
  for (Type type : getArgumentTypes())
    if (failed(axes.check(*this, type)))
      return failure();
  for (Operation &op : getBody().front()) {
    if (!op.getDialect())
      return op.emitOpError("is not registered");
    // C5
    if (failed(verifyBodyOp(op)))
      return failure();
    for (Type type : op.getResultTypes())
      if (failed(axes.check(&op, type)))
        return failure();
  }
  WalkResult sizes = walk([&](SizeOp size) {
    if (axes.contains(size.getAxis()))
      return WalkResult::advance();
    size.emitOpError("expected axis '")
        << size.getAxis() << "' to have a length, but no operand and no axis op gives it one";
    return WalkResult::interrupt();
  });
  return failure(sizes.wasInterrupted());
}

LogicalResult ReturnOp::verify() {
  auto kernel = cast<KernelOp>((*this)->getParentOp());
  // C1
  if (TypeRange(kernel.getResultTypes()) == getValues().getTypes())
    return success();
  return emitOpError("expected the types of the kernel's results, (")
         << kernel.getResultTypes() << "), but got (" << getValues().getTypes() << ")";
}

LogicalResult AssumeOp::verify() {
  llvm::SetVector<Value> slice;
  slice.insert(getCondition());
  for (size_t next = 0; next < slice.size(); ++next) {
    Value value = slice[next];
    // C1
    if (!isPlaceElement(value.getType()))
      return emitOpError("expected a condition computed from scalar operands alone, but it depends "
                         "on a value of type ")
             << value.getType();
    if (Operation *op = value.getDefiningOp())
      slice.insert_range(op->getOperands());
  }
  return success();
}

LogicalResult SizeOp::verify() {
  // C1 is a fact of the kernel: KernelOp::verifyRegions. A helper function knows no axes.
  if (isPlainAxis(getAxis()))
    return success();
  return emitOpError("axis '") << getAxis()
                               << "': block and concatenated axes are not supported yet";
}
