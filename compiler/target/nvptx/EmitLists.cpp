// SPDX-License-Identifier: Apache-2.0
// Lists of keys: how do the lanes that share a row append to its list?
//
// A lane has columns 8 n + 2 (lane % 4) + {0, 1} of its rows. The quad's marks of 32 columns are one word, a bit a
// column, which all four lanes get: the bits below a column's say how many keys come before it.
#include "compiler/target/nvptx/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

static constexpr int64_t WordColumns = 32, WordSlots = WordColumns / 4;

/// The marks of columns [32 w, 32 w + 32) of row slot `row`.
Value KernelEmitter::markedColumns(const TileValue &marks, int64_t row, int64_t word) {
  Value own = i32(0);
  int64_t end = std::min((word + 1) * WordSlots, marks.columns);
  for (int64_t slot = word * WordSlots; slot < end; ++slot) {
    Value mark = marks.at(row, slot);
    Value isMarked =
        arith::CmpFOp::create(builder, arith::CmpFPredicate::UNE, mark, zero(mark.getType()));
    Value bit = arith::SelectOp::create(
        builder, isMarked, i32(int64_t(1) << (columnDistance(slot) % WordColumns)), i32(0));
    own = arith::OrIOp::create(builder, own, bit);
  }
  own = arith::ShLIOp::create(builder, own, laneColumn);
  for (int64_t distance : {1, 2}) {
    Value other = NVVM::ShflOp::create(builder, own.getType(), i32(-1), own, i32(distance), i32(31),
                                       NVVM::ShflKind::bfly, UnitAttr());
    own = arith::OrIOp::create(builder, own, other);
  }
  return own;
}

KernelEmitter::ListRow KernelEmitter::listRow(tile::AppendOp op, Value memref, Type scalar,
                                              int64_t row) {
  const MemRefValue &memory = memories.find(memref)->second;
  TileTokens tokens = tokensOf(op.getFirst(), op.getCount().getType(), memory, scalars);
  Value start = tokenPointer(memory, lookup(op.getBatch()), lookup(op.getHead()), tokens, scalar);
  BoxPlace place = rowBoxPlace(tokens.sizes, row);
  auto [own, ahead] = elementsTo(tokens, place, memory.strides[2]);
  Value pointer = globalPointer(globalPointer(start, own, scalar), ahead, scalar);
  return {pointer, memory.strides[3], exists(tokens, place), scalar};
}

void KernelEmitter::storeEntry(const ListRow &list, Value entry, Value number) {
  Value distance = arith::ExtUIOp::create(builder, builder.getI64Type(), entry);
  distance = arith::MulIOp::create(builder, distance, list.stride);
  LLVM::StoreOp::create(builder, number, globalPointer(list.pointer, distance, list.scalar));
}

/// Writes this lane's own columns of a word, of which `before` keys of the row come before.
void KernelEmitter::storeColumns(const AppendRow &row, int64_t word, Value marked, Value before) {
  int64_t end = std::min((word + 1) * WordSlots, row.columns);
  for (int64_t slot = word * WordSlots; slot < end; ++slot) {
    Value column =
        arith::AddIOp::create(builder, laneColumn, i32(columnDistance(slot) % WordColumns));
    Value bit = arith::ShLIOp::create(builder, i32(1), column);
    Value isMarked = arith::CmpIOp::create(builder, arith::CmpIPredicate::ne,
                                           arith::AndIOp::create(builder, marked, bit), i32(0));
    Value below = arith::SubIOp::create(builder, bit, i32(1));
    Value rank = LLVM::CtPopOp::create(builder, builder.getI32Type(),
                                       arith::AndIOp::create(builder, marked, below));
    Value entry = arith::AddIOp::create(builder, before, rank);
    Value fits = arith::CmpIOp::create(builder, arith::CmpIPredicate::ult, entry, row.length);
    auto some = scf::IfOp::create(builder, arith::AndIOp::create(builder, isMarked, fits), false);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(some.thenBlock());
    Value key = arith::AddIOp::create(builder, row.firstKey, column);
    storeEntry(row.keys, entry, arith::AddIOp::create(builder, key, i32(word * WordColumns)));
    if (!row.elements.empty())
      storeEntry(row.values, entry, row.elements[size_t(slot)]);
  }
}

/// Appends the row of slot `slot`, whose list has `count` keys; how many it then has.
Value KernelEmitter::appendRow(const AppendRow &row, const TileValue &marks, int64_t slot,
                               Value count) {
  // Not in a branch: all lanes of a quad meet in the shuffles.
  SmallVector<Value> words;
  for (int64_t word = 0; word * WordSlots < row.columns; ++word)
    words.push_back(markedColumns(marks, slot, word));
  for (auto [word, marked] : llvm::enumerate(words)) {
    Value isAny = arith::CmpIOp::create(builder, arith::CmpIPredicate::ne, marked, i32(0));
    isAny = arith::AndIOp::create(builder, isAny, row.keys.exists);
    auto some = scf::IfOp::create(builder, isAny, false);
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(some.thenBlock());
      storeColumns(row, int64_t(word), marked, count);
    }
    Value added = LLVM::CtPopOp::create(builder, builder.getI32Type(), marked);
    count = arith::AddIOp::create(builder, count, added);
  }
  return count;
}

LogicalResult KernelEmitter::emitAppend(tile::AppendOp op) {
  auto share = shareOf(op, op.getMarks().getType());
  FailureOr<const TileValue *> marks = lookupTile(op, op.getMarks());
  FailureOr<const TileValue *> counts = lookupTile(op, op.getCount()), elements = nullptr;
  if (op.getElements())
    elements = lookupTile(op, op.getElements());
  if (failed(share) || failed(marks) || failed(counts) || failed(elements))
    return failure();
  Type i32Type = builder.getI32Type();
  AppendRow row;
  row.columns = share->second;
  row.firstKey = arith::TruncIOp::create(builder, i32Type, toI64(lookup(op.getFirstKey())));
  row.length =
      arith::TruncIOp::create(builder, i32Type, memories.find(op.getList())->second.sizes[3]);
  TileValue result;
  for (int64_t slot = 0; slot < share->first; ++slot) {
    row.keys = listRow(op, op.getList(), i32Type, slot);
    if (*elements) {
      Type scalar = tile::getScalarType(op.getElements().getType());
      row.values = listRow(op, op.getValues(), scalar, slot);
      row.elements = ArrayRef((*elements)->elements).slice(slot * row.columns, row.columns);
    }
    result.elements.push_back(appendRow(row, **marks, slot, (*counts)->at(slot, 0)));
  }
  tiles[op.getResult()] = result;
  return success();
}
