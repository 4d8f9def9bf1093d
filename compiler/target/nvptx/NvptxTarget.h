// SPDX-License-Identifier: Apache-2.0
// From a tile kernel to PTX for an NVIDIA GPU (sm_80 scheme: mma.sync, ldmatrix, cp.async), and to
// a cubin where ptxas is installed.
#ifndef ATTUNE_COMPILER_TARGET_NVPTX_NVPTXTARGET_H
#define ATTUNE_COMPILER_TARGET_NVPTX_NVPTXTARGET_H

#include "dialects/tile/TileOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Support/LLVM.h"
#include <string>

namespace attune {

struct PtxOptions {
  /// The lowest GPU that the code must run on; newer ones run it too.
  std::string arch = "sm_80";
};

/// What a launch of one kernel needs. Parameters are those of `getLaunchParameters`, the grid is
/// (query tiles, heads, batch), the block (threads, 1, 1).
struct PtxCode {
  std::string text;
  std::string entry;
  int64_t threads = 0;
  /// Dynamic shared memory of a block. Above 48 KB a launch has to opt in.
  int64_t sharedBytes = 0;
};

/// Makes known the dialects that lowering writes, and their translation to LLVM IR. A context needs
/// this before any of the functions below.
void registerNvptxDialects(mlir::DialectRegistry &registry);

/// A module of the LLVM and NVVM dialects that holds `kernel`'s code: the function with the
/// kernel's name, and the symbol of dynamic shared memory. The function's attribute
/// `tile.shared_bytes` says how much of that it uses. `kernel` is not changed. What the target
/// cannot do is refused with a diagnostic that names it.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> lowerToNvvm(tile::KernelOp kernel,
                                                               const PtxOptions &options = {});

/// The text of the LLVM IR of `kernel`, optimised.
mlir::FailureOr<std::string> compileToLlvmIr(tile::KernelOp kernel, const PtxOptions &options = {});

/// The PTX of `kernel`. It calls no function and is complete.
mlir::FailureOr<PtxCode> compileToPtx(tile::KernelOp kernel, const PtxOptions &options = {});

/// What ptxas made of a PTX text.
struct Cubin {
  std::string bytes;
  /// What ptxas said: registers, spills, shared memory.
  std::string log;
  /// "ptxas 13.0.88"
  std::string tool;
};

/// The path of ptxas: in $CUDA_HOME/bin, on PATH, or, where CUDA_HOME is not set, in
/// /usr/local/cuda/bin. Empty if there is none.
std::string findPtxas();

/// Runs ptxas on `ptx`. On failure `error` is a sentence that says why (also when ptxas is
/// missing).
mlir::FailureOr<Cubin> assemblePtx(llvm::StringRef ptx, llvm::StringRef arch, std::string &error);

} // namespace attune

#endif // ATTUNE_COMPILER_TARGET_NVPTX_NVPTXTARGET_H
