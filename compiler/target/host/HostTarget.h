// SPDX-License-Identifier: Apache-2.0
// From a tile kernel to machine code of the host, with the stages on the way.
//
// The entry of the code is
//   extern "C" void <entry>(void *const *params, int64_t taskBegin, int64_t taskEnd, void *scratch);
// params: pointers to the parameter values in the order of getLaunchParameters; task = x + gridX * (y
// + gridY * z) over the grid (query tiles, heads, batch); scratch: `scratchBytes` bytes of this thread
// alone, aligned to 64.
#ifndef ATTUNE_COMPILER_TARGET_HOST_HOSTTARGET_H
#define ATTUNE_COMPILER_TARGET_HOST_HOSTTARGET_H

#include "compiler/target/host/HostLevel.h"
#include "dialects/tile/TileOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <string>

namespace attune {

struct HostCode {
  /// A stripped ELF shared object without undefined symbols.
  std::string elf;
  std::string entry;
  /// Scratch memory that a thread needs while it runs tasks.
  int64_t scratchBytes = 0;
};

struct HostModule {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  int64_t scratchBytes = 0;
};

/// Makes known what the functions below need of `context`: dialects and their translation to LLVM IR.
void registerHostTarget(mlir::DialectRegistry &registry);

/// The kernel's host function, in the dialects scf, arith, math, vector and llvm.
mlir::FailureOr<HostModule> lowerToHostVectors(tile::KernelOp kernel, HostLevel level);

/// The same in the LLVM dialect alone.
mlir::FailureOr<HostModule> lowerToHostLlvm(tile::KernelOp kernel, HostLevel level);

/// Optimised LLVM IR, as text.
mlir::FailureOr<std::string> emitHostLlvmIr(tile::KernelOp kernel, HostLevel level);

/// A relocatable ELF object.
mlir::FailureOr<std::string> emitHostObject(tile::KernelOp kernel, HostLevel level);

/// A shared object that the runtime opens. Needs ld.lld (of LLVM 22) and says so when it is missing.
mlir::FailureOr<HostCode> compileForHost(tile::KernelOp kernel, HostLevel level);

} // namespace attune

#endif // ATTUNE_COMPILER_TARGET_HOST_HOSTTARGET_H
