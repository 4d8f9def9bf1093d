// SPDX-License-Identifier: Apache-2.0
// Writes diagnostics as compilers do, without looking for files that a source may name.
#include "compiler/library/SourceDiagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace attune {

SourceDiagnostics::SourceDiagnostics(MLIRContext &context, StringRef source, StringRef text)
    : source(source), text(text), handler(&context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
          return success();
        add(diagnostic, "error");
        for (const Diagnostic &note : diagnostic.getNotes())
          add(note, "note");
        return success();
      }) {}

/// Line `number` (from 1) of `text`, without its end.
static StringRef getLine(StringRef text, unsigned number) {
  for (; number > 1 && !text.empty(); --number)
    text = text.split('\n').second;
  return text.split('\n').first.rtrim('\r');
}

/// The line and a caret below its column; tabs stay tabs, so that the caret stands where it should.
static void printLine(StringRef line, unsigned column, llvm::raw_ostream &stream) {
  constexpr size_t longest = 400; // beyond that nobody reads it
  if (line.size() > longest)
    return;
  stream << line << "\n";
  for (char letter : line.take_front(column - 1))
    stream << (letter == '\t' ? '\t' : ' ');
  stream << "^\n";
}

void SourceDiagnostics::add(const Diagnostic &diagnostic, StringRef kind) {
  llvm::raw_string_ostream stream(collected);
  auto place = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>();
  bool isOurs = place && place.getFilename().getValue() == source;
  if (place && !isOurs)
    stream << place.getFilename().getValue() << ":";
  if (place)
    stream << place.getLine() << ":" << place.getColumn() << ": ";
  stream << kind << ": " << diagnostic.str() << "\n";
  if (isOurs && place.getLine() > 0 && place.getColumn() > 0)
    printLine(getLine(text, place.getLine()), place.getColumn(), stream);
}

} // namespace attune
