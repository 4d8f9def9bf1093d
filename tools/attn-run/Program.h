// SPDX-License-Identifier: Apache-2.0
// Which kernel is run: what it takes and gives, its meaning where the text is at hand, and its
// code.
#ifndef ATTUNE_TOOLS_ATTN_RUN_PROGRAM_H
#define ATTUNE_TOOLS_ATTN_RUN_PROGRAM_H

#include "dialects/attn/AttnOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "runtime/bundle/Bundle.h"
#include "tools/attn-run/Flags.h"

namespace attune::run {

class Program {
public:
  /// Reads the file that the flags name, and finds the kernel in it.
  explicit Program(const Flags &flags);

  const bundle::KernelInfo &info() const { return kernelInfo; }
  /// The meaning. Throws if there is only a bundle; `why` says what it was needed for.
  attn::KernelOp meaning(const std::string &why);
  bool hasMeaning() const { return bool(kernel); }
  /// The bytes of a bundle with code for the device that the flags name; compiles the text if that
  /// is what there is.
  std::string code(const Flags &flags);

private:
  std::string compileText(const Flags &flags);
  void readText(const std::string &path, const std::string &wanted);
  void readBundle(const Flags &flags);
  void readProgram(const Flags &flags);

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  attn::KernelOp kernel;
  bundle::KernelInfo kernelInfo;
  /// The bundle that was read; empty if text was.
  std::string bundleBytes;
};

} // namespace attune::run

#endif // ATTUNE_TOOLS_ATTN_RUN_PROGRAM_H
