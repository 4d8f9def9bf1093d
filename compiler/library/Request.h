// SPDX-License-Identifier: Apache-2.0
// One call of the C API: its source, checked and parsed, and its options.
#ifndef ATTUNE_COMPILER_LIBRARY_REQUEST_H
#define ATTUNE_COMPILER_LIBRARY_REQUEST_H

#include "compiler/Compile.h"
#include "compiler/attune_compiler.h"
#include "compiler/library/SourceDiagnostics.h"
#include "mlir/IR/MLIRContext.h"

namespace attune {

/// Why a call fails.
struct RequestError {
  attune_compiler_status status;
  std::string message;
};

/// The options in the compiler's form; throws RequestError.
CompileOptions readOptions(const attune_compile_options *options);

/// A source in a context of its own. Everything throws RequestError.
class Request {
public:
  Request(const char *source, size_t size, const attune_compile_options *options);

  mlir::ModuleOp module() const { return *parsed; }
  const CompileOptions &options() const { return compileOptions; }
  /// The value of what the compiler returned, or its diagnostics thrown.
  template <typename T> T take(mlir::FailureOr<T> result) {
    if (failed(result))
      refuse();
    return std::move(*result);
  }
  [[noreturn]] void refuse() const;

private:
  CompileOptions compileOptions;
  mlir::MLIRContext context;
  SourceDiagnostics diagnostics;
  mlir::OwningOpRef<mlir::ModuleOp> parsed;
};

} // namespace attune

#endif // ATTUNE_COMPILER_LIBRARY_REQUEST_H
