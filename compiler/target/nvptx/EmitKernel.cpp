// SPDX-License-Identifier: Apache-2.0
// The function of a kernel, its arguments, and everything of its program that is uniform in a
// block.
#include "compiler/target/nvptx/KernelEmitter.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

static constexpr const char *sharedSymbol = "attune_shared";
static constexpr unsigned globalSpace = 1, sharedSpace = 3;

KernelEmitter::KernelEmitter(tile::KernelOp kernel)
    : kernel(kernel), builder(kernel.getLoc(), kernel.getContext()),
      threads(kernel.getConfig().getThreads()), warps(threads / 32) {}

//===--- small helpers ------------------------------------------------------------------------===//

Value KernelEmitter::i32(int64_t value) {
  Value &constant = constants32[value];
  if (!constant) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(entry);
    constant = arith::ConstantIntOp::create(builder, builder.getI32Type(), value);
  }
  return constant;
}

Value KernelEmitter::i64(int64_t value) {
  return arith::ConstantIntOp::create(builder, builder.getI64Type(), value);
}

Value KernelEmitter::toI64(Value value) {
  if (value.getType().isIndex())
    return arith::IndexCastOp::create(builder, builder.getI64Type(), value);
  return value;
}

Value KernelEmitter::toIndex(Value value) {
  if (value.getType().isIndex())
    return value;
  if (value.getType().isInteger(32)) // places and block ids are never negative
    value = arith::ExtUIOp::create(builder, builder.getI64Type(), value);
  return arith::IndexCastOp::create(builder, builder.getIndexType(), value);
}

Value KernelEmitter::zero(Type type) {
  return arith::ConstantOp::create(builder, type, builder.getZeroAttr(type));
}

Value KernelEmitter::lessThan(Value a, Value b) {
  return arith::CmpIOp::create(builder, arith::CmpIPredicate::slt, a, b);
}

Value KernelEmitter::sharedPointer(Value offset, int64_t constant) {
  Type pointer = sharedBase.getType(), byte = builder.getI8Type();
  auto flags = LLVM::GEPNoWrapFlags::inbounds | LLVM::GEPNoWrapFlags::nuw;
  Value result = sharedBase;
  if (offset) {
    Value wide = arith::ExtUIOp::create(builder, builder.getI64Type(), offset);
    result =
        LLVM::GEPOp::create(builder, pointer, byte, result, ArrayRef<LLVM::GEPArg>{wide}, flags);
  }
  if (constant)
    result = LLVM::GEPOp::create(builder, pointer, byte, result,
                                 ArrayRef<LLVM::GEPArg>{int32_t(constant)}, flags);
  return result;
}

Value KernelEmitter::globalPointer(Value base, Value elements, Type scalar) {
  Type stored = scalar.isInteger(1) ? builder.getI8Type() : scalar;
  return LLVM::GEPOp::create(builder, base.getType(), stored, base,
                             ArrayRef<LLVM::GEPArg>{toI64(elements)});
}

int64_t KernelEmitter::allocateShared(int64_t bytes) {
  int64_t offset = sharedTop;
  sharedTop += llvm::alignTo(bytes, 1024);
  sharedBytes = std::max(sharedBytes, sharedTop);
  return offset;
}

FailureOr<const TileValue *> KernelEmitter::lookupTile(Operation *user, Value value) {
  auto found = tiles.find(value);
  if (found == tiles.end())
    return user->emitOpError("uses a tile that the nvptx target did not compute");
  return &found->second;
}

//===--- the function -------------------------------------------------------------------------===//

LogicalResult KernelEmitter::checkConfig() {
  int64_t queries = kernel.getConfig().getQueries();
  if (threads < 32 || threads > 1024 || threads % 32)
    return kernel.emitOpError()
           << "expected threads to be a multiple of 32 up to 1024 for the nvptx "
              "target, but got "
           << threads;
  if (kernel.getConfig().getStages() < 1)
    return kernel.emitOpError() << "expected at least one stage, but got "
                                << kernel.getConfig().getStages();
  if (!hasRows(kernel))
    return success();
  if (queries <= 0 || queries % (16 * warps))
    return kernel.emitOpError() << "expected queries to be a multiple of " << 16 * warps
                                << " (16 for each of the " << warps << " warps), but got "
                                << queries;
  rowBlocks = queries / (16 * warps);
  return success();
}

/// Says what every launch keeps to: memory that nobody else writes, numbers that the runtime checked.
void KernelEmitter::annotateParameters(LLVM::LLVMFuncOp function,
                                       ArrayRef<LaunchParameter> parameters) {
  constexpr int64_t limit = int64_t(1) << 31;
  llvm::SmallPtrSet<Value, 4> written;
  kernel.walk([&](tile::WriteOp write) { written.insert(write.getMemory()); });
  kernel.walk([&](tile::ElementsOp elements) { written.insert(elements.getTarget()); });
  unsigned firstResult = kernel.getArgumentTypes().size() - kernel.getResultCount();
  auto setRange = [&](unsigned index, int64_t low) {
    function.setArgAttr(index, LLVM::LLVMDialect::getRangeAttrName(),
                        LLVM::ConstantRangeAttr::get(builder.getContext(), 64, low, limit));
  };
  for (auto [index, parameter] : llvm::enumerate(parameters)) {
    Value argument = kernel.getBody().getArgument(parameter.argument);
    if (parameter.kind == ParameterKind::Pointer) {
      function.setArgAttr(index, "llvm.noalias", builder.getUnitAttr());
      if (parameter.argument < firstResult && !written.contains(argument))
        function.setArgAttr(index, "llvm.readonly", builder.getUnitAttr());
    } else if (parameter.kind == ParameterKind::Size) {
      setRange(index, 0);
    } else if (parameter.kind == ParameterKind::TensorMap) {
      // 128 bytes by value, which stay where the launch put them.
      auto bytes = LLVM::LLVMArrayType::get(builder.getI8Type(), 128);
      function.setArgAttr(index, LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(bytes));
      function.setArgAttr(index, LLVM::LLVMDialect::getAlignAttrName(),
                          builder.getI64IntegerAttr(64));
      function.setArgAttr(index, NVVM::NVVMDialect::getGridConstantAttrName(),
                          builder.getUnitAttr());
    } else if (parameter.kind == ParameterKind::Scalar && argument.getType().isIndex()) {
      setRange(index, 1 - limit);
    }
  }
}

LLVM::LLVMFuncOp KernelEmitter::createFunction(ModuleOp module) {
  builder.setInsertionPointToStart(module.getBody());
  auto bytes = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
  LLVM::GlobalOp::create(builder, bytes, /*isConstant=*/false, LLVM::Linkage::External,
                         sharedSymbol, Attribute(), /*alignment=*/1024, sharedSpace);
  SmallVector<Type> types;
  auto parameters = getLaunchParameters(kernel);
  for (const LaunchParameter &parameter : parameters)
    types.push_back(parameter.kind == ParameterKind::Pointer
                        ? LLVM::LLVMPointerType::get(builder.getContext(), globalSpace)
                    : parameter.kind == ParameterKind::TensorMap
                        ? LLVM::LLVMPointerType::get(builder.getContext())
                        : parameter.type);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()), types);
  auto function = LLVM::LLVMFuncOp::create(builder, kernel.getSymName(), type);
  function->setAttr("nvvm.kernel", builder.getUnitAttr());
  function->setAttr("nvvm.reqntid", builder.getDenseI32ArrayAttr({int32_t(threads)}));
  // Else ptxas may spill much so that two blocks fit where tiles were chosen for one.
  if (hasRows(kernel))
    function->setAttr("nvvm.minctasm", builder.getI32IntegerAttr(1));
  annotateParameters(function, parameters);
  return function;
}

/// Gives every argument of the kernel its scalars of the function.
void KernelEmitter::bindArguments(LLVM::LLVMFuncOp function) {
  auto parameters = getLaunchParameters(kernel);
  for (auto [index, parameter] : llvm::enumerate(parameters)) {
    Value value = function.getArgument(index);
    Value argument = kernel.getBody().getArgument(parameter.argument);
    auto memref = dyn_cast<MemRefType>(argument.getType());
    if (!memref) {
      if (argument.getType().isIndex())
        value = toIndex(value);
      else if (argument.getType().isInteger(1))
        value = arith::TruncIOp::create(builder, builder.getI1Type(), value);
      scalars.map(argument, value);
      continue;
    }
    MemRefValue &memory = memories[argument];
    if (parameter.kind == ParameterKind::TensorMap) {
      tensorMaps.push_back({parameter, value});
    } else if (parameter.kind == ParameterKind::Pointer) {
      SmallVector<int64_t> strides;
      int64_t offset;
      (void)memref.getStridesAndOffset(strides, offset);
      memory.pointer = value;
      for (int64_t dim = 0; dim < memref.getRank(); ++dim) {
        memory.sizes.push_back(memref.isDynamicDim(dim) ? Value() : i64(memref.getDimSize(dim)));
        memory.strides.push_back(ShapedType::isDynamic(strides[dim]) ? Value() : i64(strides[dim]));
      }
    } else if (parameter.kind == ParameterKind::Size) {
      memory.sizes[parameter.dim] = value;
    } else {
      memory.strides[parameter.dim] = value;
    }
  }
}

void KernelEmitter::bindLanes() {
  Type type = builder.getI32Type();
  thread = NVVM::ThreadIdXOp::create(builder, type);
  lane = arith::AndIOp::create(builder, thread, i32(31));
  warp = arith::ShRUIOp::create(builder, thread, i32(5));
  // Uniform for ptxas too, so that what depends on it alone needs one register a warp.
  warp = NVVM::ShflOp::create(builder, type, i32(-1), warp, i32(0), i32(31), NVVM::ShflKind::idx,
                              UnitAttr());
  laneColumn = arith::AndIOp::create(builder, lane, i32(3));
  laneColumn = arith::ShLIOp::create(builder, laneColumn, i32(1));
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace);
  sharedBase = LLVM::AddressOfOp::create(builder, pointer, sharedSymbol);
}

void KernelEmitter::bindRows() {
  warpRow = arith::MulIOp::create(builder, warp, i32(16 * rowBlocks));
  Value row = arith::ShRUIOp::create(builder, lane, i32(2));
  row = arith::AddIOp::create(builder, row, warpRow);
  for (int64_t slot = 0; slot < 2 * rowBlocks; ++slot)
    rowPlaces.push_back(arith::AddIOp::create(builder, row, i32(8 * slot)));
}

LogicalResult KernelEmitter::emitProgram() {
  bindRows();
  return emitBlock(kernel.getBody().front());
}

LogicalResult KernelEmitter::emit(ModuleOp module) {
  if (failed(checkConfig()))
    return failure();
  LLVM::LLVMFuncOp function = createFunction(module);
  entry = function.addEntryBlock(builder);
  builder.setInsertionPointToStart(entry);
  bindLanes();
  bindArguments(function);
  if (failed(emitProgram()))
    return failure();
  LLVM::ReturnOp::create(builder, ValueRange());
  function->setAttr("tile.shared_bytes", builder.getI64IntegerAttr(sharedBytes));
  return success();
}

LogicalResult KernelEmitter::emitBlock(Block &block) {
  for (Operation &op : block.without_terminator()) {
    builder.setLoc(op.getLoc());
    if (failed(emitOp(op)))
      return failure();
  }
  return success();
}

bool KernelEmitter::isScalar(Operation *op) {
  return !op->walk([](Operation *inner) {
              bool pure = isa<tile::ReadOp, memref::DimOp>(inner) ||
                          (!isa_and_nonnull<tile::TileDialect>(inner->getDialect()) &&
                           (isMemoryEffectFree(inner) ||
                            isa_and_nonnull<scf::SCFDialect>(inner->getDialect())));
              bool scalar = llvm::all_of(inner->getResultTypes(),
                                         [](Type type) { return type.isIntOrIndexOrFloat(); });
              return WalkResult(success(pure && scalar));
            }).wasInterrupted();
}

LogicalResult KernelEmitter::emitOp(Operation &op) {
  return TypeSwitch<Operation *, LogicalResult>(&op)
      .Case([&](tile::LoadOp load) { return emitLoad(load); })
      .Case([&](tile::StoreOp store) { return emitStore(store); })
      .Case([&](tile::DotOp dot) { return emitDot(dot); })
      .Case([&](tile::ContractOp contract) { return emitContract(contract); })
      .Case([&](tile::MapOp map) { return emitMap(map); })
      .Case([&](tile::SplatOp splat) { return emitSplat(splat); })
      .Case([&](tile::ReduceOp reduce) { return emitReduce(reduce); })
      .Case([&](tile::ScanOp scan) { return emitScan(scan); })
      .Case([&](tile::CombineOp combine) { return emitCombine(combine); })
      .Case([&](tile::SweepOp sweep) { return emitSweep(sweep); })
      .Case([&](tile::FoldOp fold) { return emitFold(fold); })
      .Case([&](tile::ElementsOp elements) { return emitElements(elements); })
      .Case([&](tile::AppendOp append) { return emitAppend(append); })
      .Case([&](tile::WriteOp write) { return emitWrite(write); })
      .Case([](tile::BoxOp) { return success(); }) // whoever uses a box asks for what it is made of
      .Case([&](tile::CoordinatesOp coordinates) {
        emitCoordinates(coordinates);
        return success();
      })
      .Case([&](scf::ForOp loop) -> LogicalResult {
        return isScalar(loop) ? emitScalar(op, scalars)
                              : loop.emitOpError("works on tiles; on the nvptx target only "
                                                 "tile.sweep does, write it as one");
      })
      .Case([&](scf::IfOp branch) {
        return isScalar(branch) ? emitScalar(op, scalars) : emitIf(branch);
      })
      .Default([&](Operation *other) { return emitScalar(*other, scalars); });
}

LogicalResult KernelEmitter::emitDim(memref::DimOp dim, IRMapping &mapping) {
  auto memory = memories.find(dim.getSource());
  std::optional<int64_t> index = dim.getConstantIndex();
  if (memory == memories.end() || !index || *index >= int64_t(memory->second.sizes.size()))
    return dim.emitOpError("expected a constant dim of one of the kernel's arguments");
  mapping.map(dim.getResult(), toIndex(memory->second.sizes[*index]));
  return success();
}

/// Blocks with the last rows start first: under a causal mask they take longest.
void KernelEmitter::emitCoordinates(tile::CoordinatesOp op) {
  Type type = builder.getI32Type();
  Value tiles = NVVM::GridDimXOp::create(builder, type);
  Value last = arith::SubIOp::create(builder, tiles, i32(1));
  Value tile = arith::SubIOp::create(builder, last, NVVM::BlockIdXOp::create(builder, type));
  Value first = arith::MulIOp::create(builder, tile, i32(kernel.getConfig().getQueries()));
  scalars.map(op.getFirstQuery(), toIndex(first));
  scalars.map(op.getHead(), toIndex(NVVM::BlockIdYOp::create(builder, type)));
  scalars.map(op.getBatch(), toIndex(NVVM::BlockIdZOp::create(builder, type)));
}

/// An op of scalars, for the operands that `mapping` gives. Ops of upstream dialects stay as they
/// are; their lowering comes later, for all at once.
LogicalResult KernelEmitter::emitScalar(Operation &op, IRMapping &mapping) {
  if (auto read = dyn_cast<tile::ReadOp>(op)) {
    SmallVector<Value> indices = llvm::map_to_vector(
        read.getIndices(), [&](Value index) { return mapping.lookupOrDefault(index); });
    mapping.map(read.getResult(), emitRead(read, indices));
    return success();
  }
  if (auto dim = dyn_cast<memref::DimOp>(op))
    return emitDim(dim, mapping);
  if (!isScalar(&op))
    return op.emitOpError("is not supported by the nvptx target where scalars are computed");
  return lowerNested(*builder.clone(op, mapping));
}

/// Lowers what stands in the regions of a cloned op, which no one else would see.
LogicalResult KernelEmitter::lowerNested(Operation &clone) {
  SmallVector<Operation *> nested;
  clone.walk([&](Operation *inner) {
    if (isa<tile::ReadOp, memref::DimOp>(inner))
      nested.push_back(inner);
  });
  OpBuilder::InsertionGuard guard(builder);
  for (Operation *inner : nested) {
    builder.setInsertionPoint(inner);
    IRMapping lowered;
    if (failed(emitScalar(*inner, lowered)))
      return failure();
    inner->getResult(0).replaceAllUsesWith(lowered.lookup(inner->getResult(0)));
    inner->erase();
  }
  return success();
}

FailureOr<SmallVector<Value>> KernelEmitter::evaluate(Region &region, ValueRange arguments) {
  IRMapping mapping = scalars;
  mapping.map(region.getArguments(), arguments);
  for (Operation &op : region.front().without_terminator()) {
    builder.setLoc(op.getLoc());
    if (failed(emitScalar(op, mapping)))
      return failure();
  }
  return llvm::map_to_vector(region.front().getTerminator()->getOperands(),
                             [&](Value value) { return mapping.lookupOrDefault(value); });
}

Value KernelEmitter::emitRead(tile::ReadOp op, ValueRange indices) {
  SmallVector<ReadTerm> terms;
  for (auto [dim, index] : llvm::enumerate(indices))
    terms.push_back(readTerm(op, dim, index));
  return emitRead(op, terms);
}

KernelEmitter::ReadTerm KernelEmitter::readTerm(tile::ReadOp op, unsigned dim, Value index) {
  const MemRefValue &memory = memories.find(op.getTable())->second;
  Value wide = toI64(index);
  // Unsigned: negative indices are out of range too.
  Value inside = arith::CmpIOp::create(builder, arith::CmpIPredicate::ult, wide, memory.sizes[dim]);
  return {inside, arith::MulIOp::create(builder, wide, memory.strides[dim])};
}

Value KernelEmitter::emitRead(tile::ReadOp op, ArrayRef<ReadTerm> terms) {
  Type scalar = op.getResult().getType();
  Value inside, pointer = memories.find(op.getTable())->second.pointer;
  for (const ReadTerm &term : terms) {
    inside = inside ? Value(arith::AndIOp::create(builder, inside, term.inside)) : term.inside;
    pointer = globalPointer(pointer, term.distance, scalar);
  }
  if (!inside)
    inside = arith::ConstantIntOp::create(builder, builder.getI1Type(), 1);
  return guardedLoad(inside, pointer, scalar);
}
