// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: which program does a block run to compute its rows of a kernel?
//
//   attn.kernel @f(%q: !attn.rows<..>, %k: .., %v: ..) -> !attn.rows<..> attributes {attn.plan =
//   #c}
// becomes
//   tile.kernel @f(%q: memref<..>, %k: .., %v: .., %out: memref<..>) attributes {config = #c, ..} {
//     the block's place, its range of keys from the mask, the state's identities
//     scf.for %j0 = .. iter_args(state) { load, dot, scf.if partial { mask }, reduce, map, contract
//     } finish each row, map, store
//   }
// with one loop for each sweep of the plan, and the row values that the next one needs between
// them.
#include "compiler/Passes.h"
#include "compiler/analysis/GatheredKeys.h"
#include "compiler/passes/LowerToTileCheck.h"
#include "compiler/passes/LowerToTileKernel.h"
#include "compiler/passes/LowerToTileSweep.h"
#include "compiler/problem/Problem.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/CSE.h"
#include <deque>

namespace attune {
#define GEN_PASS_DEF_LOWERTOTILEPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;

namespace {

class LowerToTile : public attune::impl::LowerToTilePassBase<LowerToTile> {
public:
  void runOnOperation() override;
};

/// One kernel on its way.
class KernelLowering {
public:
  KernelLowering(attn::KernelOp source, tile::ConfigAttr config, SweepPlan sweepPlan)
      : source(source), config(config), plan(std::move(sweepPlan)), schedules(plan, config) {}
  LogicalResult run();

private:
  tile::KernelOp createKernel(StringRef name, tile::ConfigAttr itsConfig, bool hasResults);
  LogicalResult emitSummaries(tile::KernelOp kernel);
  void emitSweeps(TileScope &scope);
  void emitResult(TileScope &scope, unsigned index);
  void emitCount(TileScope &scope, unsigned index);
  Value emitVectorResult(TileScope &scope, const ResultPlan &result, Type element);
  Value emitEpilogue(TileScope &scope, const EpilogueStep &step, Value vectors);
  Value emitCast(TileScope &scope, Value rows, Type element);

  attn::KernelOp source;
  tile::ConfigAttr config;
  SweepPlan plan;
  MaskSchedules schedules;
  CarriedState carried;
  std::deque<SweepEmitter> sweeps;
};

} // namespace

//===--- the kernel and its arguments ---------------------------------------------------------===//

/// The kernel, or, without results, the one before it: its only result is the workspace.
tile::KernelOp KernelLowering::createKernel(StringRef name, tile::ConfigAttr itsConfig,
                                            bool hasResults) {
  Type workspace =
      schedules.countSummaries() > 0 ? schedules.workspaceType(source.getContext()) : Type();
  return createTileKernel(source, name, itsConfig, workspace, hasResults);
}

/// The kernel that runs before `kernel`: a block a tile of keys.
LogicalResult KernelLowering::emitSummaries(tile::KernelOp kernel) {
  StringAttr axis = schedules.getSummaryAxis();
  constexpr int64_t threads = 128;
  auto itsConfig = tile::ConfigAttr::get(kernel.getContext(), 1, config.getKeys(),
                                         config.getThreads() == 1 ? 1 : threads, 1, {},
                                         config.getKeyBox(), 0, 0);
  auto before = createKernel((kernel.getSymName() + "_summaries").str(), itsConfig, false);
  before->setAttr("tile.summaries", Builder(kernel).getUnitAttr());
  schedules.emitSummaries(plan, before, axis);
  auto workspace = [&](StringRef name, Attribute value) {
    for (tile::KernelOp op : {kernel, before})
      op.setArgAttr(source.getNumArguments(), name, value);
  };
  Builder builder(kernel.getContext());
  SmallVector<NamedAttribute> facts = {
      builder.getNamedAttr("axis", axis),
      builder.getNamedAttr("batch", builder.getBoolAttr(schedules.onBatch())),
      builder.getNamedAttr("head", builder.getBoolAttr(schedules.onHead()))};
  if (config.getKeyBox())
    facts.push_back(builder.getNamedAttr(
        "grid", builder.getDenseI64ArrayAttr(*getGridOperands(source, axis.getValue()))));
  workspace("tile.workspace", builder.getDictionaryAttr(facts));
  kernel->setAttr("tile.before", FlatSymbolRefAttr::get(before.getSymNameAttr()));
  return success();
}

//===--- sweeps and results -------------------------------------------------------------------===//

void KernelLowering::emitSweeps(TileScope &scope) {
  for (auto [index, sweep] : llvm::enumerate(plan.sweeps)) {
    sweeps.emplace_back(scope, plan, sweep, schedules, carried).emit();
    if (scope.hasFailed())
      return;
    for (auto [number, value] : llvm::enumerate(plan.rowValues))
      if (value.sweep == index)
        scope.finish(NodeKind::RowRef, number, scope.oneSided(value.finish));
  }
}

Value KernelLowering::emitCast(TileScope &scope, Value rows, Type element) {
  Type from = tile::getScalarType(rows.getType()), to = getElementTypeOrSelf(element);
  if (from == to)
    return rows;
  if (!isa<FloatType>(from) || !isa<FloatType>(to)) {
    scope.refuse(scope.location())
        << "expected a result of floats, but got " << from << " for " << to;
    return rows;
  }
  MapBuilder map(scope, Places::Rows);
  map.read(rows);
  return map.build(
      scope.top(), scope.rowsType(element), [&](PlaceEmitter &at, ValueRange elements) -> Value {
        if (from.getIntOrFloatBitWidth() > to.getIntOrFloatBitWidth())
          return arith::TruncFOp::create(at.builder, scope.location(), to, elements[0]);
        return arith::ExtFOp::create(at.builder, scope.location(), to, elements[0]);
      });
}

/// The sum of factor * vector over the terms, rounded to the result's type.
Value KernelLowering::emitVectorResult(TileScope &scope, const ResultPlan &result, Type element) {
  auto vector = cast<VectorType>(element);
  Type f32 = Float32Type::get(element.getContext()), to = vector.getElementType();
  Location loc = scope.location();
  MapBuilder map(scope, Places::Rows);
  SmallVector<std::pair<unsigned, int>> terms;
  for (const ResultPlan::Term &term : result.terms) {
    Value carried;
    for (SweepEmitter &sweep : sweeps)
      if (Value found = sweep.getVector(term.accumulator))
        carried = found;
    unsigned place = map.read(carried);
    bool hasTile = term.factor && term.factor->onQuery;
    terms.push_back({place, hasTile ? int(map.read(scope.oneSided(term.factor))) : -1});
    if (term.factor && !hasTile)
      scope.scalar(term.factor);
  }
  return map.build(scope.top(), scope.rowsType(element), [&](PlaceEmitter &at, ValueRange rows) {
    Value sum;
    for (auto [term, places] : llvm::zip(result.terms, terms)) {
      Value product = rows[places.first];
      if (term.factor)
        product = arith::MulFOp::create(at.builder, loc, product,
                                        places.second >= 0 ? rows[places.second]
                                                           : scope.scalar(term.factor),
                                        arith::FastMathFlags::contract);
      sum = sum ? Value(arith::AddFOp::create(at.builder, loc, sum, product,
                                              arith::FastMathFlags::contract))
                : product;
    }
    return to == f32 ? sum : Value(arith::TruncFOp::create(at.builder, loc, to, sum));
  });
}

namespace {

/// Clones a region on vectors as code on their components.
class ComponentCloner {
public:
  ComponentCloner(TileScope &scope, OpBuilder &builder, IRMapping &values)
      : scope(scope), builder(builder), values(values) {}
  /// False, with the reason emitted, where an op is not elementwise.
  bool clone(Operation &op);

private:
  bool cloneElementwise(Operation &op);

  TileScope &scope;
  OpBuilder &builder;
  IRMapping &values;
};

} // namespace

bool ComponentCloner::clone(Operation &op) {
  // Scalars and constants may stand in the kernel's body.
  for (Value operand : op.getOperands())
    if (!values.contains(operand) && operand.getDefiningOp() && !clone(*operand.getDefiningOp()))
      return false;
  if (auto broadcast = dyn_cast<vector::BroadcastOp>(op))
    if (!isa<VectorType>(broadcast.getSource().getType())) {
      values.map(broadcast.getResult(), values.lookup(broadcast.getSource()));
      return true;
    }
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    if (auto splat = dyn_cast<SplatElementsAttr>(constant.getValue())) {
      auto value = cast<TypedAttr>(splat.getSplatValue<Attribute>());
      values.map(constant.getResult(),
                 arith::ConstantOp::create(builder, op.getLoc(), value).getResult());
      return true;
    }
  if (auto load = dyn_cast<attn::LoadOp>(op)) {
    SmallVector<Value> operands;
    for (Value operand : load->getOperands())
      operands.push_back(values.lookup(operand));
    values.map(load.getResult(), scope.emitLoad(builder, load, operands));
    return !scope.hasFailed();
  }
  return cloneElementwise(op);
}

bool ComponentCloner::cloneElementwise(Operation &op) {
  auto isVector = llvm::IsaPred<VectorType>;
  bool hasVector =
      llvm::any_of(op.getResultTypes(), isVector) || llvm::any_of(op.getOperandTypes(), isVector);
  if (op.getNumRegions() != 0 || op.getDialect()->getNamespace() == "attn" ||
      (hasVector && !OpTrait::hasElementwiseMappableTraits(&op))) {
    scope.refuse(op.getLoc()) << "expected an elementwise op on vectors of results, which is what "
                                 "is supported yet, but got '"
                              << op.getName() << "'";
    return false;
  }
  Operation *clone = builder.clone(op, values);
  for (Value result : clone->getResults())
    result.setType(getElementTypeOrSelf(result.getType()));
  return true;
}

/// What the step takes the vectors as; its other inputs are nodes.
static Type getVectorsType(const EpilogueStep &step) {
  attn::MapOp map = step.map;
  unsigned place = llvm::find(step.inputs, nullptr) - step.inputs.begin();
  return map.getBody().front().getArgument(place).getType();
}

Value KernelLowering::emitEpilogue(TileScope &scope, const EpilogueStep &step, Value vectors) {
  attn::MapOp source = step.map;
  Block &block = source.getBody().front();
  Type element = attn::getPlaceElementType(source.getResult().getType());
  auto indices = block.getArguments().drop_front(source.getInputs().size());
  MapBuilder map(scope, Places::Rows);
  SmallVector<int> places;
  for (const Node *input : step.inputs) {
    bool isUniform = input && !input->onQuery;
    places.push_back(isUniform ? -1 : int(map.read(input ? scope.oneSided(input) : vectors)));
    if (isUniform)
      scope.scalar(input);
  }
  if (!indices[2].use_empty())
    map.readIndices();
  return map.build(scope.top(), scope.rowsType(element), [&](PlaceEmitter &at, ValueRange rows) {
    IRMapping values;
    for (auto [index, place] : llvm::enumerate(places))
      values.map(block.getArgument(index),
                 place < 0 ? scope.scalar(step.inputs[index]) : rows[place]);
    values.map(indices[0], scope.batchIndex());
    values.map(indices[1], scope.headIndex());
    if (at.query)
      values.map(indices[2], at.token(at.query));
    scope.mapOperands(values);
    ComponentCloner components(scope, at.builder, values);
    for (Operation &op : block.without_terminator())
      if (!components.clone(op))
        return rows[0];
    Value result = block.getTerminator()->getOperand(0);
    if (!values.contains(result) && !components.clone(*result.getDefiningOp()))
      return rows[0];
    return values.lookup(result);
  });
}

/// Of a list only the counts are left to be written: of the entries that there is memory for.
void KernelLowering::emitCount(TileScope &scope, unsigned index) {
  Value returned = source.getBody().front().getTerminator()->getOperand(index);
  auto op = returned.getDefiningOp<attn::VisibleKeysOp>();
  if (returned != op.getCount())
    return;
  auto results = source.getBody().front().getTerminator()->getOperands();
  Value keys = scope.target(llvm::find(results, op.getKeys()) - results.begin());
  OpBuilder &top = scope.top();
  Location loc = scope.location();
  Value length = memref::DimOp::create(top, loc, keys, 3);
  Value most = arith::IndexCastOp::create(top, loc, top.getI32Type(), length);
  MapBuilder map(scope, Places::Rows);
  map.read(scope.getFinished(NodeKind::AccumulatorRef, *plan.results[index].listing));
  scope.store(map.build(top, scope.rowsType(top.getI32Type()),
                        [&](PlaceEmitter &at, ValueRange elements) -> Value {
                          return arith::MinSIOp::create(at.builder, loc, elements[0], most);
                        }),
              index);
}

void KernelLowering::emitResult(TileScope &scope, unsigned index) {
  const ResultPlan &result = plan.results[index];
  if (result.listing)
    return emitCount(scope, index);
  Type element = attn::getPlaceElementType(source.getResultTypes()[index]);
  Value rows;
  if (!result.scalar) {
    Type first = result.epilogue.empty() ? element : getVectorsType(result.epilogue.front());
    rows = emitVectorResult(scope, result, first);
    for (const EpilogueStep &step : result.epilogue)
      rows = emitEpilogue(scope, step, rows);
  } else if (result.scalar->onQuery) {
    rows = scope.oneSided(result.scalar);
  } else {
    Value value = scope.scalar(result.scalar);
    rows = tile::SplatOp::create(scope.top(), scope.location(), scope.rowsType(value.getType()),
                                 value);
  }
  if (!scope.hasFailed())
    scope.store(emitCast(scope, rows, element), index);
}

//===--- the pass -----------------------------------------------------------------------------===//

LogicalResult KernelLowering::run() {
  tile::KernelOp kernel = createKernel(source.getSymName(), config, true);
  if (auto gathered = GatheredKeys::find(source)) {
    auto mark = UnitAttr::get(kernel.getContext());
    kernel.setArgAttr(gathered->list.getArgNumber(), "tile.list", mark);
    kernel.setArgAttr(gathered->count.getArgNumber(), "tile.count", mark);
  }
  TileScope scope(plan, kernel);
  emitSweeps(scope);
  for (unsigned index = 0; index < plan.results.size() && !scope.hasFailed(); ++index)
    emitResult(scope, index);
  if (scope.hasFailed()) {
    kernel.erase();
    return failure();
  }
  tile::ReturnOp::create(scope.top(), scope.location());
  if (schedules.countSummaries() > 0 && failed(emitSummaries(kernel)))
    return failure();
  if (ArrayAttr masks = schedules.describe(kernel.getContext()); !masks.empty())
    kernel->setAttr("tile.masks", masks);
  source.erase();
  IRRewriter rewriter(kernel.getContext());
  DominanceInfo dominance;
  eliminateCommonSubExpressions(rewriter, dominance, kernel);
  return success();
}

void LowerToTile::runOnOperation() {
  for (auto kernel : llvm::make_early_inc_range(getOperation().getOps<attn::KernelOp>())) {
    auto config = kernel->getAttrOfType<tile::ConfigAttr>("attn.plan");
    if (!config) {
      kernel.emitOpError() << "expected an attribute 'attn.plan' with tile sizes, but there is "
                              "none; run attn-plan first";
      return signalPassFailure();
    }
    if (kernel->hasAttr("attn.tokens")) {
      if (failed(lowerTokens(kernel, config)))
        return signalPassFailure();
      continue;
    }
    FailureOr<SweepPlan> plan = planSweeps(kernel, config.getPackedHeads() > 0);
    if (failed(plan) || failed(checkLowerable(*plan)) ||
        failed(KernelLowering(kernel, config, std::move(*plan)).run()))
      return signalPassFailure();
  }
}
