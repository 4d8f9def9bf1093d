// SPDX-License-Identifier: Apache-2.0
// Tiles from and to the user's memory: zero beyond the last token, and never an access there.
#include "compiler/target/host/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace attune {

/// The address of token 0 of (batch, head).
Value KernelEmitter::headAddress(const Memory &memory, Type element, Value batch, Value head) {
  Value offset = b.multiply(batch, memory.strides[0]);
  offset = b.add(offset, b.multiply(head, memory.strides[1]));
  return b.address(memory.pointer, element, offset);
}

void KernelEmitter::emitLoad(tile::LoadOp op) {
  Type type = op.getResult().getType();
  Type element = b.getMemoryType(tile::getScalarType(type));
  const Memory &memory = memories[op.getSource()];
  Value base = headAddress(memory, element, scalar(op.getBatch()), scalar(op.getHead()));
  bool vectors = isa<VectorType>(tile::getElementType(type));
  Tokens tokens = tokensOf(op.getFirst(), type, memory);
  if (op.getList())
    addList(op, tokens);
  if (isa<tile::ColsType>(type))
    vectors ? loadVectorCols(op, memory, base, tokens) : loadScalarCols(op, base, tokens);
  else
    vectors ? loadVectorRows(op, memory, base, tokens) : loadScalarRows(op, base, tokens);
}

/// The scalars of the tile's tokens `numbers`.
Value KernelEmitter::gatherTokens(Type type, Value base, const Tokens &tokens, Value numbers) {
  auto [offset, exists] = tokenLanes(tokens, numbers);
  return b.fromMemory(b.gather(b.getMemoryType(type), base, offset, exists), type);
}

void KernelEmitter::loadScalarRows(tile::LoadOp op, Value base, const Tokens &tokens) {
  Type type = tile::getScalarType(op.getResult().getType());
  Shape shape = getShape(op.getResult().getType());
  Lanes lanes;
  for (int64_t vector = 0; vector < shape.vectors; ++vector) {
    Value numbers = b.iota(b.getI64Type(), shape.lanes, vector * shape.lanes);
    lanes.push_back(gatherTokens(type, base, tokens, numbers));
  }
  values[op.getResult()] = lanes;
}

void KernelEmitter::loadScalarCols(tile::LoadOp op, Value base, const Tokens &tokens) {
  Type type = tile::getScalarType(op.getResult().getType());
  Type held = b.getScratchType(type);
  Shape shape = getShape(op.getResult().getType());
  Value target = buffer(op.getResult());
  b.loop(b.integer(0), b.integer(shape.vectors * shape.lanes), shape.lanes, [&](Value first) {
    Value numbers = b.add(b.splat(first, shape.lanes), b.iota(b.getI64Type(), shape.lanes));
    Value lanes = gatherTokens(type, base, tokens, numbers);
    b.store(b.toScratch(lanes, type), b.address(target, held, first));
  });
}

/// Calls `body` with the first component and the width of each vector that makes up `components`:
/// full vectors, then halves of them, down to one. No access is masked.
void KernelEmitter::eachChunk(int64_t components, llvm::function_ref<void(Value, int64_t)> body) {
  int64_t width = b.facts.lanes, whole = components / width * width;
  if (whole == width)
    body(b.integer(0), width);
  else if (whole)
    b.loop(b.integer(0), b.integer(whole), width, [&](Value first) { body(first, width); });
  for (int64_t done = whole; done < components; width /= 2)
    if (components - done >= width) {
      body(b.integer(done), width);
      done += width;
    }
}

/// Copies the tokens of `components` numbers to `target` [number][component], and zeros for those that
/// do not exist.
void KernelEmitter::copyTokens(const Memory &memory, Type type, Value base, const Tokens &tokens,
                               int64_t components, Value target) {
  Type held = b.getScratchType(type), raw = b.getMemoryType(type);
  eachRun(tokens, [&](Value number, Value first, Value count) {
    Value start = b.address(base, raw, first);
    Value run = b.address(target, held, b.multiply(number, b.integer(components)));
    auto store = [&](Value lanes, Value token, Value component) {
      Value offset = b.add(b.multiply(token, b.integer(components)), component);
      b.store(lanes, b.address(run, held, offset));
    };
    b.loop(b.integer(0), count, 1, [&](Value token) {
      Value row = b.address(start, raw, b.multiply(token, memory.strides[2]));
      eachChunk(components, [&](Value component, int64_t width) {
        Value bits;
        if (memory.contiguous) {
          bits = b.load(b.vectorOf(raw, width), b.address(row, raw, component));
        } else {
          Value index = b.add(b.splat(component, width), b.iota(b.getI64Type(), width));
          bits = b.gather(raw, row, b.multiply(index, b.splat(memory.strides.back(), width)));
        }
        store(b.toScratch(b.fromMemory(bits, type), type), token, component);
      });
    });
    b.loop(count, b.integer(tokens.sizes.back()), 1, [&](Value token) {
      eachChunk(components, [&](Value component, int64_t width) {
        Type zeros = b.vectorOf(held, width);
        store(isa<FloatType>(held) ? b.constantFloat(zeros, 0.0) : b.constant(zeros, 0), token,
              component);
      });
    });
  });
}

/// Writes to `target` the address of each token that a list names; those that do not exist are zeros, which
/// follow the addresses.
void KernelEmitter::findListed(Type type, const Memory &memory, Value base, const Tokens &tokens,
                               int64_t components, Value target) {
  Type raw = b.getMemoryType(type), pointer = b.pointerType();
  int64_t count = tokens.sizes[0];
  Value zeros = b.address(target, pointer, count);
  eachChunk(components, [&](Value component, int64_t width) {
    Type lanes = b.vectorOf(raw, width);
    b.store(isa<FloatType>(raw) ? b.constantFloat(lanes, 0.0) : b.constant(lanes, 0),
            b.address(zeros, raw, component));
  });
  b.loop(b.integer(0), b.integer(count), 1, [&](Value number) {
    Value entry = b.add(tokens.origin[0], number);
    Value exists = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, entry, tokens.grid[0]);
    Value own = b.address(base, raw, offsetOf(tokens, {entry, b.integer(0)}));
    LLVM::StoreOp::create(b, LLVM::SelectOp::create(b, exists, own, zeros),
                          b.address(target, pointer, number));
  });
}

/// The tokens that a list names side by side: products read them several times, and each lies on a page of its own.
void KernelEmitter::loadListedCols(tile::LoadOp op, const Memory &memory, Value base,
                                   const Tokens &tokens) {
  auto type = cast<tile::ColsType>(op.getResult().getType());
  Type scalarType = tile::getScalarType(type), raw = b.getMemoryType(scalarType);
  Type held = b.getScratchType(scalarType), pointer = b.pointerType();
  int64_t components = tile::getComponents(type);
  Value target = buffer(op.getResult());
  Value addresses = temporary(op);
  findListed(scalarType, memory, base, tokens, components, addresses);
  b.loop(b.integer(0), b.integer(type.getTokens()), 1, [&](Value number) {
    Value row = LLVM::LoadOp::create(b, pointer, b.address(addresses, pointer, number));
    // Hardware does not foresee where the next ones lie: those of the next tile and some more, which come to the
    // second cache while this one is multiplied. Best of 8 to 128.
    constexpr int64_t distance = 96;
    Value later = b.add(tokens.origin[0], b.add(number, b.integer(distance)));
    Value ahead = b.address(base, raw, offsetOf(tokens, {later, b.integer(0)}));
    int64_t bytes = components * raw.getIntOrFloatBitWidth() / 8;
    for (int64_t line = 0; line < bytes; line += 64)
      b.prefetch(b.address(ahead, b.getI8Type(), line), /*level=*/2);
    Value copy = b.address(target, held, b.multiply(number, b.integer(components)));
    eachChunk(components, [&](Value component, int64_t width) {
      Value bits = b.load(b.vectorOf(raw, width), b.address(row, raw, component));
      b.store(b.toScratch(b.fromMemory(bits, scalarType), scalarType),
              b.address(copy, held, component));
    });
  });
  views[op.getResult()] = {target, b.integer(components)};
}

/// Consecutive f32 rows that are all there are read where they lie; others are copied.
void KernelEmitter::loadVectorCols(tile::LoadOp op, const Memory &memory, Value base,
                                   const Tokens &tokens) {
  auto type = cast<tile::ColsType>(op.getResult().getType());
  Type scalarType = tile::getScalarType(type), raw = b.getMemoryType(scalarType);
  int64_t components = tile::getComponents(type);
  if (memory.contiguous && op.getList())
    return loadListedCols(op, memory, base, tokens);
  Value target = buffer(op.getResult());
  if (!memory.contiguous || tokens.sizes.size() > 1 || raw != b.getScratchType(scalarType)) {
    copyTokens(memory, scalarType, base, tokens, components, target);
    views[op.getResult()] = {target, b.integer(components)};
    return;
  }
  Value rest = b.subtract(tokens.grid[0], tokens.origin[0]);
  Value whole =
      arith::CmpIOp::create(b, arith::CmpIPredicate::sge, rest, b.integer(type.getTokens()));
  auto branch = scf::IfOp::create(b, TypeRange{b.pointerType(), b.getI64Type()}, whole,
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(&branch.getThenRegion().front());
    Value start = b.address(base, raw, b.multiply(tokens.origin[0], memory.strides[2]));
    scf::YieldOp::create(b, ValueRange{start, memory.strides[2]});
    b.setInsertionPointToEnd(&branch.getElseRegion().front());
    copyTokens(memory, scalarType, base, tokens, components, target);
    scf::YieldOp::create(b, ValueRange{target, b.integer(components)});
  }
  views[op.getResult()] = {branch.getResult(0), branch.getResult(1)};
}

/// target[column][row] = source[row][column].
void KernelEmitter::emitTurn(Type held, Value source, int64_t rows, int64_t columns, Value target) {
  int64_t size = std::gcd(std::gcd(rows, columns), b.facts.lanes);
  auto place = [&](Value memory, Value row, int64_t number, int64_t width, Value column) {
    Value offset = b.multiply(b.add(row, b.integer(number)), b.integer(width));
    return b.address(memory, held, b.add(offset, column));
  };
  b.loop(b.integer(0), b.integer(rows), size, [&](Value row) {
    b.loop(b.integer(0), b.integer(columns), size, [&](Value column) {
      SmallVector<Value> block;
      for (int64_t number = 0; number < size; ++number)
        block.push_back(
            b.load(b.vectorOf(held, size), place(source, row, number, columns, column)));
      for (auto [number, lanes] : llvm::enumerate(b.turned(block)))
        b.store(lanes, place(target, column, number, rows, row));
    });
  });
}

/// Copied to the temporary [token][component], then turned.
void KernelEmitter::loadVectorRows(tile::LoadOp op, const Memory &memory, Value base,
                                   const Tokens &tokens) {
  auto type = cast<tile::RowsType>(op.getResult().getType());
  Type scalarType = tile::getScalarType(type), held = b.getScratchType(scalarType);
  int64_t components = tile::getComponents(type), rows = type.getTokens();
  Value copied = temporary(op), target = buffer(op.getResult());
  copyTokens(memory, scalarType, base, tokens, components, copied);
  emitTurn(held, copied, rows, components, target);
}

//===--- stores --------------------------------------------------------------------------------===//

void KernelEmitter::emitStore(tile::StoreOp op) {
  Type type = op.getValue().getType();
  Type scalarType = tile::getScalarType(type), element = b.getMemoryType(scalarType);
  const Memory &memory = memories[op.getTarget()];
  Value base = headAddress(memory, element, scalar(op.getBatch()), scalar(op.getHead()));
  Tokens tokens = tokensOf(op.getFirst(), type, memory);
  if (isa<VectorType>(tile::getElementType(type)))
    return storeVectorRows(op, memory, base, tokens);
  Shape shape = getShape(type);
  for (auto [vector, lanes] : llvm::enumerate(asVectors(values.lookup(op.getValue()), shape))) {
    Value numbers = b.iota(b.getI64Type(), shape.lanes, vector * shape.lanes);
    auto [offset, exists] = tokenLanes(tokens, numbers);
    b.scatter(b.toMemory(lanes, scalarType), base, offset, exists);
  }
}

/// Turned into the temporary [token][component], then copied.
void KernelEmitter::storeVectorRows(tile::StoreOp op, const Memory &memory, Value base,
                                    const Tokens &tokens) {
  auto type = cast<tile::RowsType>(op.getValue().getType());
  Type scalarType = tile::getScalarType(type);
  Type held = b.getScratchType(scalarType), raw = b.getMemoryType(scalarType);
  int64_t components = tile::getComponents(type);
  Value turned = temporary(op);
  emitTurn(held, buffer(op.getValue()), components, type.getTokens(), turned);
  auto storeToken = [&](Value number, Value row) {
    Value source = b.address(turned, held, b.multiply(number, b.integer(components)));
    eachChunk(components, [&](Value component, int64_t width) {
      Value lanes = b.load(b.vectorOf(held, width), b.address(source, held, component));
      Value bits = b.toMemory(b.fromScratch(lanes, scalarType), scalarType);
      if (memory.contiguous)
        return b.store(bits, b.address(row, raw, component));
      Value index = b.add(b.splat(component, width), b.iota(b.getI64Type(), width));
      Value all = b.constant(b.vectorOf(b.getI1Type(), width), 1);
      b.scatter(bits, row, b.multiply(index, b.splat(memory.strides.back(), width)), all);
    });
  };
  eachRun(tokens, [&](Value number, Value first, Value count) {
    Value start = b.address(base, raw, first);
    b.loop(b.integer(0), count, 1, [&](Value token) {
      storeToken(b.add(number, token), b.address(start, raw, b.multiply(token, memory.strides[2])));
    });
  });
}

//===--- splat, read ---------------------------------------------------------------------------===//

void KernelEmitter::emitSplat(tile::SplatOp op) {
  Type type = op.getResult().getType(), scalarType = tile::getScalarType(type);
  Value number = scalar(op.getScalar());
  if (!livesInMemory(type)) {
    Shape shape = getShape(type);
    values[op.getResult()] = Lanes(shape.vectors, b.splat(number, shape.lanes));
    return;
  }
  Shape shape = getShape(type);
  int64_t rows = tile::getComponents(type);
  if (auto matrix = dyn_cast<tile::MatrixType>(type))
    rows = matrix.getCols();
  Type held = b.getScratchType(scalarType);
  Value lanes = b.splat(b.toScratch(number, scalarType), shape.lanes);
  Value target = buffer(op.getResult());
  b.loop(b.integer(0), b.integer(rows * shape.vectors * shape.lanes), shape.lanes,
         [&](Value index) { b.store(lanes, b.address(target, held, index)); });
  if (isa<tile::ColsType>(type))
    views[op.getResult()] = {target, b.integer(tile::getComponents(type))};
}

/// One entry, or 0: out of range the first bytes of scratch memory are read instead.
Value KernelEmitter::readUniform(const Memory &memory, Type type, ArrayRef<Value> indices) {
  Value inside = b.constant(b.getI1Type(), 1), offset = b.integer(0);
  for (auto [dim, index] : llvm::enumerate(indices)) {
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, memory.sizes[dim]);
    inside = arith::AndIOp::create(b, inside, fits);
    offset = b.add(offset, b.multiply(index, memory.strides[dim]));
  }
  Type raw = b.getMemoryType(type);
  Value address = b.address(memory.pointer, raw, offset);
  address = LLVM::SelectOp::create(b, inside, address, scratch);
  Value bits = b.load(raw, address);
  Value zero = isa<FloatType>(raw) ? b.constantFloat(raw, 0.0) : b.constant(raw, 0);
  return b.fromMemory(arith::SelectOp::create(b, inside, bits, zero), type);
}

void KernelEmitter::emitWrite(tile::WriteOp op) {
  const Memory &memory = memories[op.getMemory()];
  Value offset = b.integer(0);
  for (auto [dim, index] : llvm::enumerate(op.getIndices()))
    offset = b.add(offset, b.multiply(scalar(index), memory.strides[dim]));
  b.store(scalar(op.getValue()), b.address(memory.pointer, b.getI64Type(), offset));
}

KernelEmitter::Lanes KernelEmitter::emitRead(tile::ReadOp op, Shape shape) {
  const Memory &memory = memories[op.getTable()];
  Type type = op.getResult().getType();
  SmallVector<Lanes> indices;
  for (Value index : op.getIndices())
    indices.push_back(values.lookup(index));
  bool uniform = llvm::all_of(
      indices, [](const Lanes &index) { return !isa<VectorType>(index.front().getType()); });
  if (uniform) {
    SmallVector<Value> single;
    for (const Lanes &index : indices)
      single.push_back(index.front());
    return {readUniform(memory, type, single)};
  }
  auto isVector = [](const Lanes &index) { return isa<VectorType>(index.front().getType()); };
  if (memory.contiguous && llvm::none_of(ArrayRef(indices).drop_back(), isVector))
    if (Value run = findRun(op.getIndices().back())) {
      auto outer = llvm::map_to_vector(ArrayRef(indices).drop_back(),
                                       [](const Lanes &index) { return index.front(); });
      return {readRun(memory, type, outer, run, shape.lanes)};
    }
  Lanes results;
  for (int64_t vector = 0; vector < shape.vectors; ++vector) {
    Value inside, offset;
    for (auto [dim, index] : llvm::enumerate(indices)) {
      Value lanes = asVectors(index, shape)[vector];
      Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, lanes,
                                         b.splat(memory.sizes[dim], shape.lanes));
      Value step = b.multiply(lanes, b.splat(memory.strides[dim], shape.lanes));
      inside = inside ? Value(arith::AndIOp::create(b, inside, fits)) : fits;
      offset = offset ? b.add(offset, step) : step;
    }
    results.push_back(
        b.fromMemory(b.gather(b.getMemoryType(type), memory.pointer, offset, inside), type));
  }
  return results;
}

} // namespace attune
