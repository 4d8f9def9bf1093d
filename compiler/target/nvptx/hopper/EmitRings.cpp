// SPDX-License-Identifier: Apache-2.0
// Rings of tiles in shared memory: where is tile n of a ring, and when may it be read or overwritten?
#include "compiler/target/nvptx/hopper/WarpgroupEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attune;
using namespace attune::nvptx;

/// The place of tile `index` of this sweep; tiles of sweeps before it went through the ring too.
Value WarpgroupEmitter::stageOf(size_t ring, Value index) {
  Value number = arith::AddIOp::create(builder, counts[ring], index);
  return arith::RemUIOp::create(builder, number, i32(kernel.getConfig().getStages()));
}

Value WarpgroupEmitter::parityOf(size_t ring, Value index) {
  Value number = arith::AddIOp::create(builder, counts[ring], index);
  Value phase = arith::DivUIOp::create(builder, number, i32(kernel.getConfig().getStages()));
  return arith::AndIOp::create(builder, phase, i32(1));
}

/// Bytes `offset` (i32, or null) + `constant` of shared memory, as instructions in text take them.
Value WarpgroupEmitter::sharedAddress(Value offset, int64_t constant) {
  Value address = arith::AddIOp::create(builder, sharedStart, i32(constant));
  return offset ? Value(arith::AddIOp::create(builder, address, offset)) : address;
}

/// Waits until the barrier's phase of that parity is over (PTX ISA, "mbarrier.try_wait").
void WarpgroupEmitter::waitBarrier(Value offset, int64_t constant, Value parity) {
  constexpr const char *text = "{\n"
                               ".reg .pred done;\n"
                               "again:\n"
                               "mbarrier.try_wait.parity.shared.b64 done, [$0], $1;\n"
                               "@done bra.uni over;\n"
                               "bra.uni again;\n"
                               "over:\n"
                               "}";
  emitAsm(text, "r,r,~{memory}", {sharedAddress(offset, constant), parity}, 0);
}

/// Where the barrier of tile `index` is, from the ring's first.
Value WarpgroupEmitter::barrierOf(size_t ring, Value index) {
  return arith::MulIOp::create(builder, stageOf(ring, index), i32(8));
}

/// What one lane of the warp does for all.
scf::IfOp WarpgroupEmitter::onFirstLane() {
  Value leads = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, lane, i32(0));
  return scf::IfOp::create(builder, leads, false);
}

void WarpgroupEmitter::arrive(Value barrier) {
  NVVM::MBarrierArriveOp::create(
      builder, builder.getI64Type(), barrier, Value(),
      NVVM::MemScopeKindAttr::get(builder.getContext(), NVVM::MemScopeKind::CTA));
}

void WarpgroupEmitter::waitFull(size_t ring, Value index) {
  Value offset = barrierOf(ring, index);
  waitBarrier(offset, rings[ring].full, parityOf(ring, index));
}

/// In the first phase nobody has read anything: the phase before it counts as over. No lane goes on
/// before all have seen the place empty: once it was filled and read again, its parity would be that of
/// the phase before, and a lane that comes late would wait for ever.
void WarpgroupEmitter::waitEmpty(size_t ring, Value index) {
  Value offset = barrierOf(ring, index);
  Value parity = arith::XOrIOp::create(builder, parityOf(ring, index), i32(1));
  waitBarrier(offset, rings[ring].empty, parity);
  NVVM::SyncWarpOp::create(builder, i32(-1));
}

/// One lane of each warp says that its warp has read tile `index`.
void WarpgroupEmitter::release(size_t ring, Value index) {
  Value offset = barrierOf(ring, index);
  auto one = onFirstLane();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(one.thenBlock());
  arrive(sharedPointer(offset, rings[ring].empty));
}

SharedTile WarpgroupEmitter::tileAt(const Traffic &traffic, size_t load, Value index) {
  SharedTile tile;
  tile.layout = traffic.layouts[load];
  tile.scalar = tile::getScalarType(traffic.pipeline.loads[load]->getResult(0).getType());
  tile.offset = rings[load].offset;
  tile.base = arith::MulIOp::create(builder, stageOf(load, index), i32(rings[load].stageBytes));
  return tile;
}
