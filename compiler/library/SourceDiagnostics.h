// SPDX-License-Identifier: Apache-2.0
// What the compiler says of a source text, collected instead of printed.
#ifndef ATTUNE_COMPILER_LIBRARY_SOURCEDIAGNOSTICS_H
#define ATTUNE_COMPILER_LIBRARY_SOURCEDIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include <string>

namespace attune {

/// Catches all diagnostics of a context while it lives. Errors are kept, with their notes, as
/// "LINE:COLUMN: error: ...", the line and a caret.
class SourceDiagnostics {
public:
  /// The text that `source` names in locations is `text`, which has to live as long.
  SourceDiagnostics(mlir::MLIRContext &context, llvm::StringRef source, llvm::StringRef text);

  /// All errors so far, without a line feed at the end.
  llvm::StringRef message() const { return llvm::StringRef(collected).rtrim('\n'); }

private:
  void add(const mlir::Diagnostic &diagnostic, llvm::StringRef kind);

  llvm::StringRef source, text;
  std::string collected;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace attune

#endif // ATTUNE_COMPILER_LIBRARY_SOURCEDIAGNOSTICS_H
