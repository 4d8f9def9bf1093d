// SPDX-License-Identifier: Apache-2.0
// From a module of attn kernels to code: the one entry that tools call.
#ifndef ATTUNE_COMPILER_COMPILE_H
#define ATTUNE_COMPILER_COMPILE_H

#include "dialects/attn/AttnOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "runtime/bundle/Bundle.h"
#include <string>
#include <vector>

namespace attune {

/// What `emit` stops at; each stage's text is legal input for the next.
enum class Stage { Attn, Plan, Tile, Nvvm, Llvm, Ptx, Cubin, Object, Bundle };

struct StageInfo {
  Stage stage;
  const char *name;
  const char *description;
  /// The output is bytes, not text.
  bool binary;
  /// Which targets have the stage: all, CUDA ones, host ones.
  enum { All, Cuda, Host } targets;
};

/// The table of stages, in order.
llvm::ArrayRef<StageInfo> getStages();

struct CompileOptions {
  /// "sm_80", "x86-64", "x86-64-v3", "x86-64-v4", "host" for all three host levels, or "native" for the
  /// best of them that this processor has.
  std::vector<std::string> targets = {"host"};
  /// Only this kernel of the module; empty: all.
  std::string kernel;
  /// Overrides of the plan's choice, "queries=64,keys=64"; empty: the planner's own.
  std::string planOverride;
  /// Above 0, code is added whose tiles hold rows of so many heads that read the same keys: launches
  /// take it where it has fewer blocks (few queries, and heads of keys that are shared).
  int64_t packedHeads = 0;
  /// Add code that walks lists of the keys that a selection names: launches take it where it reads fewer pairs.
  bool gathersKeys = true;
  /// Above 0, only that code, with tiles of so many heads of one query.
  int64_t gatherRows = 0;
  /// Put a cubin beside the PTX when ptxas is present.
  bool assemble = true;
  /// Give kernels a self-test: always, never, or those with code for one generation of GPUs (sm_90a),
  /// which ptxas and drivers have the most to do with.
  enum class SelfTests { Auto, On, Off } selfTests = SelfTests::Auto;
};

/// What one stage gave for one kernel and target.
struct Artifact {
  std::string kernel;
  std::string target;
  std::string bytes;
};

/// Parses attn text. Errors go to the context's diagnostics; null on failure.
mlir::OwningOpRef<mlir::ModuleOp> parseFile(llvm::StringRef path, mlir::MLIRContext &context);

/// The artifacts' texts, separated by lines of MLIR's own.
std::string joinArtifacts(llvm::ArrayRef<Artifact> artifacts);

/// The target names that `options` asks for, "host" and "native" expanded; fails at an unknown one.
mlir::FailureOr<std::vector<std::string>> expandTargets(mlir::MLIRContext &context,
                                                        llvm::ArrayRef<std::string> targets);

/// The kernels of `module` that `options` asks for; fails, naming those there are, when there is none.
mlir::FailureOr<llvm::SmallVector<attn::KernelOp>> selectKernels(mlir::ModuleOp module,
                                                                 const CompileOptions &options);

/// A module with `kernel` alone, taken up to `stage` (Attn, Plan or Tile) for `target`.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> runPasses(attn::KernelOp kernel, Stage stage,
                                                             llvm::StringRef target,
                                                             const CompileOptions &options);

/// Runs the pipeline up to `stage` (not Bundle): one artifact for each kernel and target. `module`
/// is not changed. Errors are emitted as diagnostics.
mlir::FailureOr<std::vector<Artifact>> emitStage(mlir::ModuleOp module, Stage stage,
                                                 const CompileOptions &options);

/// Compiles every kernel for every target into a bundle.
mlir::FailureOr<bundle::Bundle> compile(mlir::ModuleOp module, const CompileOptions &options);

} // namespace attune

#endif // ATTUNE_COMPILER_COMPILE_H
