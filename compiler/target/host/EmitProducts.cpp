// SPDX-License-Identifier: Apache-2.0
// The two products as register-blocked loops: a block of scalars (keys of a dot, components of a
// contract), broadcast, times a few vectors of queries, into as many sums as the registers hold.
#include "compiler/target/host/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace attune {

/// The most sums that leave registers for the vectors and one broadcast. At least 8 hide the latency
/// of two multiply-add units.
KernelEmitter::Block2d KernelEmitter::getRegisterBlock(int64_t vectors) {
  if (b.facts.registers == 32) {
    int64_t width = vectors % 4 == 0 ? 4 : vectors % 3 == 0 ? 3 : vectors % 2 == 0 ? 2 : 1;
    static constexpr int64_t scalars[] = {12, 12, 8, 6};
    return {scalars[width - 1], width};
  }
  // Without fused operations each product needs a register of its own.
  int64_t width = vectors % 2 == 0 ? 2 : 1;
  if (width == 2)
    return {b.facts.fused ? 6 : 4, 2};
  return {b.facts.fused ? 10 : 8, 1};
}

/// Calls `body` with the first index and the size of each block of `count`: a loop over whole blocks,
/// then the rest.
void KernelEmitter::eachBlock(int64_t count, int64_t block,
                              llvm::function_ref<void(Value, int64_t)> body) {
  int64_t whole = count / block * block;
  if (whole == block)
    body(b.integer(0), block);
  else if (whole)
    b.loop(b.integer(0), b.integer(whole), block, [&](Value first) { body(first, block); });
  if (whole != count)
    body(b.integer(whole), count - whole);
}

/// Runs `steps` steps of a sum, two an iteration.
KernelEmitter::Lanes KernelEmitter::accumulate(int64_t steps, Lanes initial,
                                               llvm::function_ref<Lanes(Value, ValueRange)> body) {
  constexpr int64_t unroll = 2;
  int64_t whole = steps / unroll * unroll;
  Lanes sums = initial;
  if (whole)
    sums =
        b.loop(b.integer(0), b.integer(whole), unroll, sums, [&](Value step, ValueRange carried) {
          SmallVector<Value> next(carried);
          for (int64_t part = 0; part < unroll; ++part)
            next = body(part ? b.add(step, b.integer(part)) : step, next);
          return next;
        });
  for (int64_t step = whole; step < steps; ++step)
    sums = body(b.integer(step), sums);
  return sums;
}

//===--- prefetching ---------------------------------------------------------------------------===//

// A product's arithmetic hides the transfer of what the next product reads, which hardware does not
// foresee: rows of V are read in narrow columns.

/// True if these cols are mostly read where the user has them.
static bool isReadInPlace(Value cols) {
  auto load = cols.getDefiningOp<tile::LoadOp>();
  return load && load.getFirst().getType().isIndex() && !load.getList() &&
         tile::getScalarType(cols.getType()).isF32();
}

/// Asks for `count` rows of f32.
void KernelEmitter::prefetchRows(const View &rows, Value first, int64_t count, int64_t components) {
  Type f32 = b.getF32Type();
  for (int64_t row = 0; row < count; ++row) {
    Value start =
        b.address(rows.pointer, f32, b.multiply(b.add(first, b.integer(row)), rows.stride));
    for (int64_t component = 0; component < components; component += 16)
      b.prefetch(b.address(start, f32, component));
  }
}

//===--- dot -----------------------------------------------------------------------------------===//

void KernelEmitter::emitDot(tile::DotOp op) {
  Shape shape = getShape(op.getResult().getType());
  Block2d block = getRegisterBlock(shape.vectors);
  int64_t keys = cast<tile::MatrixType>(op.getResult().getType()).getCols();
  // The values of a contract that follows, if they are already known to be read in place.
  SmallVector<tile::ContractOp> next;
  for (auto contract : op->getBlock()->getOps<tile::ContractOp>())
    if (op->isBeforeInBlock(contract) && views.contains(contract.getValues()) &&
        isReadInPlace(contract.getValues()))
      next.push_back(contract);
  eachBlock(keys, block.scalars, [&](Value firstKey, int64_t count) {
    for (tile::ContractOp contract : next)
      prefetchRows(view(contract.getValues()), firstKey, count,
                   tile::getComponents(contract.getValues().getType()));
    eachBlock(shape.vectors, block.vectors, [&](Value firstVector, int64_t vectors) {
      Value firstLane = b.multiply(firstVector, b.integer(shape.lanes));
      emitDotBlock(op, firstKey, count, firstLane, vectors);
    });
  });
}

void KernelEmitter::emitDotBlock(tile::DotOp op, Value firstKey, int64_t keys, Value firstLane,
                                 int64_t vectors) {
  Shape shape = getShape(op.getResult().getType());
  Type f32 = b.getF32Type(), vector = b.vectorOf(f32, shape.lanes);
  int64_t queries = shape.lanes * shape.vectors, alignment = 4 * shape.lanes;
  View cols = view(op.getCols());
  SmallVector<Value> keyRows;
  for (int64_t key = 0; key < keys; ++key) {
    Value row = b.multiply(b.add(firstKey, b.integer(key)), cols.stride);
    keyRows.push_back(LLVM::LaunderInvariantGroupOp::create(b, b.address(cols.pointer, f32, row)));
  }
  Value rows = b.address(buffer(op.getRows()), f32, firstLane);
  Lanes zeros(keys * vectors, b.constantFloat(vector, 0.0));
  Lanes sums = accumulate(
      tile::getComponents(op.getRows().getType()), zeros, [&](Value component, ValueRange carried) {
        Value row = b.address(rows, f32, b.multiply(component, b.integer(queries)));
        Lanes queriesOfRow, next;
        for (int64_t v = 0; v < vectors; ++v)
          queriesOfRow.push_back(b.load(vector, b.address(row, f32, v * shape.lanes), alignment));
        for (int64_t key = 0; key < keys; ++key) {
          Value number = b.load(f32, b.address(keyRows[key], f32, component));
          Value lanes = b.splat(number, shape.lanes);
          for (int64_t v = 0; v < vectors; ++v)
            next.push_back(b.fma(lanes, queriesOfRow[v], carried[key * vectors + v]));
        }
        return next;
      });
  Value target = b.address(buffer(op.getResult()), f32, firstLane);
  for (int64_t key = 0; key < keys; ++key) {
    Value row = b.multiply(b.add(firstKey, b.integer(key)), b.integer(queries));
    Value start = b.address(target, f32, row);
    for (int64_t v = 0; v < vectors; ++v)
      b.store(sums[key * vectors + v], b.address(start, f32, v * shape.lanes), alignment);
  }
}

//===--- contract ------------------------------------------------------------------------------===//

/// The weights, rounded to the type of the values if that is narrow and they are not yet.
Value KernelEmitter::roundWeights(tile::ContractOp op) {
  Type narrow = tile::getScalarType(op.getValues().getType());
  Value weights = buffer(op.getWeights());
  if (!isNarrowFloat(narrow) || groups.getStoredRounding(op.getWeights()) == narrow)
    return weights;
  auto matrix = cast<tile::MatrixType>(op.getWeights().getType());
  Shape shape = getShape(matrix);
  Type f32 = b.getF32Type();
  Value target = b.address(temporary(op), f32, matrix.getRows());
  b.loop(b.integer(0), b.integer(matrix.getRows() * matrix.getCols()), shape.lanes,
         [&](Value index) {
           Value lanes = b.load(b.vectorOf(f32, shape.lanes), b.address(weights, f32, index));
           b.store(b.roundTo(lanes, narrow), b.address(target, f32, index));
         });
  return target;
}

void KernelEmitter::emitContract(tile::ContractOp op) {
  Shape shape = getShape(op.getResult().getType());
  Block2d block = getRegisterBlock(shape.vectors);
  int64_t components = tile::getComponents(op.getResult().getType());
  Value weights = roundWeights(op);
  Type f32 = b.getF32Type(), vector = b.vectorOf(f32, shape.lanes);
  Lanes scale = op.getScale() ? values.lookup(op.getScale()) : Lanes();
  // A loop over vectors can index a scale only in memory.
  bool inMemory = op.getScale() && block.vectors != shape.vectors;
  if (inMemory)
    for (auto [index, lanes] : llvm::enumerate(scale))
      b.store(lanes, b.address(temporary(op), f32, index * shape.lanes));
  // The keys of the next tile.
  tile::DotOp dot;
  for (auto candidate : op->getBlock()->getOps<tile::DotOp>())
    if (candidate->isBeforeInBlock(op) && isReadInPlace(candidate.getCols()))
      dot = candidate;
  int64_t keys = cast<tile::ColsType>(op.getValues().getType()).getTokens();
  int64_t share = llvm::divideCeil(keys * block.scalars, components);
  eachBlock(components, block.scalars, [&](Value first, int64_t count) {
    if (dot) {
      Value done = arith::DivUIOp::create(b, first, b.integer(block.scalars));
      Value next = b.add(b.multiply(done, b.integer(share)), b.integer(keys));
      prefetchRows(view(dot.getCols()), next, share, tile::getComponents(dot.getCols().getType()));
    }
    eachBlock(shape.vectors, block.vectors, [&](Value firstVector, int64_t vectors) {
      Value firstLane = b.multiply(firstVector, b.integer(shape.lanes));
      Lanes part = scale;
      if (inMemory) {
        part.clear();
        Value start = b.address(temporary(op), f32, firstLane);
        for (int64_t v = 0; v < vectors; ++v)
          part.push_back(b.load(vector, b.address(start, f32, v * shape.lanes)));
      }
      emitContractBlock(op, weights, first, count, firstLane, part, vectors);
    });
  });
}

void KernelEmitter::emitContractBlock(tile::ContractOp op, Value weights, Value firstComponent,
                                      int64_t components, Value firstLane, ArrayRef<Value> scale,
                                      int64_t vectors) {
  Shape shape = getShape(op.getResult().getType());
  Type f32 = b.getF32Type(), vector = b.vectorOf(f32, shape.lanes);
  int64_t queries = shape.lanes * shape.vectors, alignment = 4 * shape.lanes;
  View cols = view(op.getValues());
  auto place = [&](Value tile, int64_t component, int64_t v) {
    Value row = b.multiply(b.add(firstComponent, b.integer(component)), b.integer(queries));
    Value start = b.address(b.address(buffer(tile), f32, firstLane), f32, row);
    return b.address(start, f32, v * shape.lanes);
  };
  Lanes sums;
  for (int64_t component = 0; component < components; ++component)
    for (int64_t v = 0; v < vectors; ++v) {
      Value sum = b.load(vector, place(op.getAccumulator(), component, v), alignment);
      sums.push_back(scale.empty() ? sum : Value(arith::MulFOp::create(b, sum, scale[v])));
    }
  Value column = b.address(cols.pointer, f32, firstComponent);
  Value weightsOfLanes = b.address(weights, f32, firstLane);
  int64_t keys = cast<tile::ColsType>(op.getValues().getType()).getTokens();
  sums = accumulate(keys, sums, [&](Value key, ValueRange carried) {
    Value row = b.address(weightsOfLanes, f32, b.multiply(key, b.integer(queries)));
    Value numbers = b.address(column, f32, b.multiply(key, cols.stride));
    Lanes weightsOfRow, next;
    for (int64_t v = 0; v < vectors; ++v)
      weightsOfRow.push_back(b.load(vector, b.address(row, f32, v * shape.lanes), alignment));
    for (int64_t component = 0; component < components; ++component) {
      Value number = b.load(f32, b.address(numbers, f32, component));
      Value lanes = b.splat(number, shape.lanes);
      for (int64_t v = 0; v < vectors; ++v)
        next.push_back(b.fma(lanes, weightsOfRow[v], carried[component * vectors + v]));
    }
    return next;
  });
  // A value that is not finite makes every query's sum so, whatever its weight: one vector tells.
  Lanes samples;
  for (int64_t component = 0; component < components; ++component)
    samples.push_back(sums[component * vectors]);
  auto branch = scf::IfOp::create(b, isAnyNotFinite(samples, shape.lanes), /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  emitContractBySelection(op, weights, firstComponent, components, firstLane, scale, vectors);
  b.setInsertionPointToStart(branch.elseBlock());
  for (int64_t component = 0; component < components; ++component)
    for (int64_t v = 0; v < vectors; ++v)
      b.store(sums[component * vectors + v], place(op.getResult(), component, v), alignment);
}

/// True if a sum is infinite or NaN.
Value KernelEmitter::isAnyNotFinite(ArrayRef<Value> sums, int64_t lanes) {
  Value zero = b.constantFloat(sums.front().getType(), 0.0);
  // Finite times zero is zero, the rest is NaN.
  Lanes chains(std::min<size_t>(2, sums.size()), zero);
  for (auto [index, sum] : llvm::enumerate(sums)) {
    Value &chain = chains[index % chains.size()];
    chain = b.fma(sum, zero, chain);
  }
  Value joined = chains.front();
  for (Value chain : ArrayRef<Value>(chains).drop_front())
    joined = arith::AddFOp::create(b, joined, chain);
  Value isNan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, joined, joined);
  if (lanes == 1)
    return vector::ExtractOp::create(b, isNan, 0);
  return LLVM::vector_reduce_or::create(b, b.getI1Type(), isNan);
}

/// The same block, slowly, for values that are not finite: what has weight 0 is hidden, and 0 times NaN
/// would let it be seen.
void KernelEmitter::emitContractBySelection(tile::ContractOp op, Value weights,
                                            Value firstComponent, int64_t components,
                                            Value firstLane, ArrayRef<Value> scale,
                                            int64_t vectors) {
  Shape shape = getShape(op.getResult().getType());
  Type f32 = b.getF32Type(), vector = b.vectorOf(f32, shape.lanes);
  Value queries = b.integer(shape.lanes * shape.vectors), zero = b.constantFloat(vector, 0.0);
  View cols = view(op.getValues());
  int64_t keys = cast<tile::ColsType>(op.getValues().getType()).getTokens();
  auto row = [&](Value start, Value index) {
    return b.address(start, f32, b.add(b.multiply(index, queries), firstLane));
  };
  Value end = b.add(firstComponent, b.integer(components));
  b.loop(firstComponent, end, 1, [&](Value component) {
    Value from = row(buffer(op.getAccumulator()), component),
          to = row(buffer(op.getResult()), component);
    for (int64_t v = 0; v < vectors; ++v) {
      Value initial = b.load(vector, b.address(from, f32, v * shape.lanes));
      if (!scale.empty())
        initial = arith::MulFOp::create(b, initial, scale[v]);
      auto sum = b.loop(b.integer(0), b.integer(keys), 1, initial, [&](Value key, ValueRange sums) {
        Value weight = b.load(vector, b.address(row(weights, key), f32, v * shape.lanes));
        Value offset = b.add(b.multiply(key, cols.stride), component);
        Value value = b.splat(b.load(f32, b.address(cols.pointer, f32, offset)), shape.lanes);
        Value seen = arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, weight, zero);
        Value next = b.fma(value, weight, sums.front());
        return SmallVector<Value>{arith::SelectOp::create(b, seen, next, sums.front())};
      });
      b.store(sum.front(), b.address(to, f32, v * shape.lanes));
    }
  });
}

} // namespace attune
