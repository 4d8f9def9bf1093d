// SPDX-License-Identifier: Apache-2.0
// Running states along the keys: a lane has a row, so that a scan is a loop over keys from one end.
#include "compiler/target/host/KernelEmitter.h"

using namespace mlir;

namespace attune {

FailureOr<SmallVector<KernelEmitter::Lanes>> KernelEmitter::emitScanJoin(tile::ScanOp op,
                                                                         ArrayRef<Lanes> earlier,
                                                                         ArrayRef<Lanes> later,
                                                                         Shape shape) {
  Block &block = op.getBody().front();
  for (auto [argument, lanes] :
       llvm::zip(block.getArguments(), llvm::concat<const Lanes>(earlier, later)))
    values[argument] = lanes;
  for (Operation &nested : block.without_terminator())
    if (failed(emitScalarOp(&nested, shape)))
      return failure();
  SmallVector<Lanes> joined;
  for (Value value : block.getTerminator()->getOperands())
    joined.push_back(asVectors(values.lookup(value), shape));
  return joined;
}

LogicalResult KernelEmitter::emitScan(tile::ScanOp op) {
  Shape shape = getShape(op.getInputs().front().getType());
  int64_t keys = cast<tile::MatrixType>(op.getInputs().front().getType()).getCols();
  size_t states = op.getInputs().size();
  SmallVector<Value> initial;
  for (Value rows : op.getCarried())
    llvm::append_range(initial, asVectors(values.lookup(rows), shape));
  auto stateOf = [&](ValueRange flat, size_t state) {
    return Lanes(flat.slice(state * shape.vectors, shape.vectors));
  };
  LogicalResult status = success();
  SmallVector<Value> final =
      b.loop(b.integer(0), b.integer(keys), 1, initial, [&](Value step, ValueRange carried) {
        Value key = op.getReverse() ? b.subtract(b.integer(keys - 1), step) : step;
        SmallVector<Lanes> before, own;
        for (size_t state = 0; state < states; ++state) {
          before.push_back(stateOf(carried, state));
          own.push_back(loadRow(op.getInputs()[state], key, shape));
        }
        bool swaps = op.getReverse();
        auto joined = emitScanJoin(op, swaps ? own : before, swaps ? before : own, shape);
        if (failed(joined)) {
          status = failure();
          return SmallVector<Value>(carried);
        }
        SmallVector<Value> next;
        for (size_t state = 0; state < states; ++state) {
          Value output = op.getOutputs()[state];
          if (!output.use_empty())
            storeRow(op.getExclusive() ? before[state] : (*joined)[state], output, key, shape);
          llvm::append_range(next, (*joined)[state]);
        }
        return next;
      });
  for (auto [state, rows] : llvm::enumerate(op.getNext()))
    values[rows] = stateOf(final, state);
  return status;
}

} // namespace attune
