// SPDX-License-Identifier: Apache-2.0
// The steps between a host function and a shared object, one function each. HostTarget.h is the door.
#ifndef ATTUNE_COMPILER_TARGET_HOST_HOSTSTAGES_H
#define ATTUNE_COMPILER_TARGET_HOST_HOSTSTAGES_H

#include "compiler/target/host/HostLevel.h"
#include "mlir/IR/BuiltinOps.h"
#include <memory>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
} // namespace llvm

namespace attune {

/// Replaces math that `facts` has no instruction for by arithmetic.
mlir::LogicalResult expandMath(mlir::ModuleOp module, const HostFacts &facts);

/// From scf, arith, math, vector and llvm to the LLVM dialect alone.
mlir::LogicalResult lowerVectorsToLlvm(mlir::ModuleOp module);

std::unique_ptr<llvm::TargetMachine> createHostMachine(const HostFacts &facts);

/// Translates to LLVM IR for `machine` and optimises; null (after an error) on failure.
std::unique_ptr<llvm::Module> optimizeForHost(mlir::ModuleOp module, const HostFacts &facts,
                                              llvm::TargetMachine &machine,
                                              llvm::LLVMContext &context);

/// The ELF object of `module`.
std::string assembleForHost(llvm::Module &module, llvm::TargetMachine &machine);

/// Links `object` to a stripped shared object; errors are emitted at `location`.
mlir::FailureOr<std::string> linkForHost(mlir::Location location, const std::string &object);

} // namespace attune

#endif // ATTUNE_COMPILER_TARGET_HOST_HOSTSTAGES_H
