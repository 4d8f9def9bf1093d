// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: what does one number of a kernel without sweeps take to compute? A component of a token, or
// a pair of a matrix that is stored.
#ifndef ATTUNE_COMPILER_PASSES_LOWERTOKENS_H
#define ATTUNE_COMPILER_PASSES_LOWERTOKENS_H

#include "compiler/passes/LowerToTileKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace attune {

/// Where the tokens of an operand lie for a block: memory, batch, head; how many of the place's tokens read
/// one of them; and are they keys of a matrix?
struct TokenSource {
  mlir::Value memory, batch, head;
  int64_t ratio = 1;
  bool isKey = false;
};

/// What is computed: at which sequence, head (of how many), token, and key of a matrix.
struct TokenPlace {
  mlir::Value batch, head, heads, token, key;
};

class TokenLowering {
public:
  TokenLowering(attn::KernelOp source, tile::ConfigAttr config);
  mlir::LogicalResult run();

private:
  /// What has been emitted at a place; what a region's arguments stand for there.
  struct Known {
    llvm::DenseMap<mlir::Value, TokenSource> sources;
    llvm::DenseMap<mlir::Value, mlir::Value> inputs, scalars, visible;
    llvm::DenseMap<std::pair<mlir::Value, mlir::Value>, mlir::Value> components, elements;
  };
  /// A reduction: of how many steps; at each its place, whether it counts (null: it does), and its number.
  struct Join {
    attn::ReduceOp reduce;
    attn::ReduceKind kind;
    mlir::Value steps;
    llvm::function_ref<TokenPlace(mlir::Value step)> place;
    llvm::function_ref<mlir::Value()> counts;
    llvm::function_ref<mlir::Value()> number;
  };

  bool failedAt(mlir::Operation *op, const llvm::Twine &expected);
  void emitResult(mlir::Value value, mlir::Value target);
  mlir::Value at(const TokenPlace &other, llvm::function_ref<mlir::Value()> emit);

  TokenSource sourceOf(mlir::Value operand, mlir::StringAttr axis);
  mlir::Value argumentOf(mlir::Value operand);
  mlir::Value lengthOf(mlir::Operation *user, mlir::StringAttr axis);
  mlir::Value headsOf(mlir::Value value);
  mlir::Value readToken(const TokenSource &token, mlir::Value component);
  void bindRegion(mlir::Block &region, mlir::ValueRange inputs, mlir::Type placeType,
                  mlir::Value counted);

  mlir::Value scalar(mlir::Value value);
  mlir::Value component(mlir::Value value, mlir::Value place);
  mlir::Value emitScalar(mlir::Operation *op, unsigned result);
  mlir::Value emitComponent(mlir::Operation *op, unsigned result, mlir::Value place);
  mlir::Value emitMoved(mlir::Operation *op, unsigned result, mlir::Value place);
  mlir::Value emitReduction(mlir::vector::ReductionOp reduction);
  mlir::Value emitShuffle(mlir::vector::ShuffleOp shuffle, mlir::Value place);
  mlir::Value emitInsert(mlir::vector::InsertStridedSliceOp insert, mlir::Value place);
  mlir::Value emitInterleave(mlir::vector::InterleaveOp op, mlir::Value place);
  mlir::Value emitExtract(mlir::vector::ExtractOp extract, mlir::Value place);
  mlir::Value emitList(mlir::DenseElementsAttr list, mlir::Value place);
  mlir::Value emitLoad(attn::LoadOp load, mlir::Value place);
  mlir::Value cloneOnNumbers(mlir::Operation *op, unsigned result, mlir::Value place);

  mlir::Value element(mlir::Value value, mlir::Value component = {});
  mlir::Value emitElement(mlir::Operation *op, mlir::Value component);
  mlir::Value visible(mlir::Value matrix);
  mlir::Value emitVisible(mlir::Operation *op);
  mlir::Value emitAnyVisible(mlir::Operation *op);
  mlir::Value emitMap(attn::MapOp map, mlir::Value component);
  mlir::Value emitTake(attn::TakeOp take);
  mlir::Value emitDot(attn::DotOp dot);
  mlir::Value emitProduct(attn::ContractOp contract);
  mlir::Value emitNeighbour(attn::StencilOp stencil, mlir::Value component);
  mlir::Value emitReduce(attn::ReduceOp reduce, mlir::Value component);
  mlir::Value emitGroup(attn::ReduceOp reduce, attn::ReduceKind kind,
                        llvm::function_ref<mlir::Value()> number);
  mlir::Value emitBucket(attn::ReduceOp reduce, attn::ReduceKind kind,
                         llvm::function_ref<mlir::Value()> number);
  mlir::Value emitJoin(const Join &join);
  mlir::Value emitInside(mlir::Operation *user, mlir::Type type);

  mlir::Value index(int64_t value) {
    return mlir::arith::ConstantIndexOp::create(builder, loc, value);
  }
  mlir::Value add(mlir::Value value, mlir::Value other) {
    return mlir::arith::AddIOp::create(builder, loc, value, other);
  }
  mlir::Value times(mlir::Value value, int64_t factor) {
    return mlir::arith::MulIOp::create(builder, loc, value, index(factor));
  }
  mlir::Value divide(mlir::Value value, mlir::Value divisor) {
    return mlir::arith::DivUIOp::create(builder, loc, value, divisor);
  }
  mlir::Value both(mlir::Value a, mlir::Value b) {
    return !a ? b : !b ? a : mlir::Value(mlir::arith::AndIOp::create(builder, loc, a, b));
  }
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no) {
    return mlir::arith::SelectOp::create(builder, loc, condition, yes, no);
  }
  mlir::Value zero(mlir::Type type) {
    return mlir::arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  }

  attn::KernelOp source;
  tile::ConfigAttr config;
  tile::KernelOp kernel;
  mlir::OpBuilder builder;
  mlir::Location loc;
  TokenPlace place;
  Known known;
  bool hasFailed = false;
};

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_LOWERTOKENS_H
