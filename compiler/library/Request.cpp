// SPDX-License-Identifier: Apache-2.0
// Checks what a caller of the C API gives before anything is made of it.
#include "compiler/library/Request.h"

#include "compiler/Dialects.h"
#include "compiler/target/host/HostTarget.h"
#include "compiler/target/nvptx/NvptxTarget.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SourceMgr.h"
#include <cstddef>
#include <cstring>

using namespace mlir;

namespace attune {

/// How the source is called in locations.
static constexpr llvm::StringLiteral sourceName = "source";

[[noreturn]] static void failArgument(const Twine &message) {
  throw RequestError{ATTUNE_COMPILER_INVALID_ARGUMENT, message.str()};
}

/// The caller's options in full: what an older caller does not know is zero; what a newer one knows and
/// we do not has to be.
static attune_compile_options copyOptions(const attune_compile_options &given) {
  constexpr size_t ours = sizeof(attune_compile_options), first = ours, most = 4096;
  size_t size = given.struct_size == 0 ? first : given.struct_size;
  if (size < first || size > most)
    failArgument("options: expected struct_size to be sizeof(attune_compile_options), " +
                 Twine(ours) + ", but got " + Twine(size));
  const char *bytes = reinterpret_cast<const char *>(&given);
  for (size_t place = ours; place < size; ++place)
    if (bytes[place] != 0)
      failArgument("options: a member is set that this version of the library, " ATTUNE_VERSION
                   ", does not know");
  attune_compile_options options = {};
  std::memcpy(&options, bytes, std::min(ours, size));
  return options;
}

static std::vector<std::string> splitTargets(StringRef text) {
  std::vector<std::string> targets;
  for (StringRef target : llvm::split(text, ','))
    targets.push_back(target.trim().str());
  return targets;
}

CompileOptions readOptions(const attune_compile_options *given) {
  attune_compile_options options = given ? copyOptions(*given) : attune_compile_options{};
  CompileOptions result;
  result.targets = splitTargets(options.targets ? options.targets : "native");
  result.kernel = options.kernel ? options.kernel : "";
  result.planOverride = options.plan ? options.plan : "";
  if (options.packed_heads < 0 || options.packed_heads > 256)
    failArgument("options: expected packed_heads from 0 to 256, but got " +
                 Twine(options.packed_heads));
  result.packedHeads = options.packed_heads;
  result.gathersKeys = !options.without_gather;
  result.assemble = !options.without_assembly;
  using SelfTests = CompileOptions::SelfTests;
  constexpr SelfTests selfTests[] = {SelfTests::Auto, SelfTests::On, SelfTests::Off};
  if (options.self_tests < 0 || options.self_tests > 2)
    failArgument("options: expected self_tests to be 0 (auto), 1 (on) or 2 (off), but got " +
                 Twine(options.self_tests));
  result.selfTests = selfTests[options.self_tests];
  return result;
}

/// The parser goes down as deep as brackets are nested, and does not come back from too deep.
static void checkNesting(StringRef text) {
  constexpr size_t deepest = 256;
  size_t depth = 0;
  for (size_t place = 0; place < text.size(); ++place) {
    bool isArrow = text[place] == '>' && place > 0 && text[place - 1] == '-';
    bool isComparison = text[place] == '<' && place + 1 < text.size() && text[place + 1] == '=';
    if (StringRef("([{<").contains(text[place]) && !isComparison)
      ++depth;
    else if (StringRef(")]}>").contains(text[place]) && !isArrow && depth > 0)
      --depth;
    if (depth > deepest)
      failArgument("source: expected brackets nested at most " + Twine(deepest) +
                   " deep, but byte " + Twine(place) + " goes deeper");
  }
}

/// `size` bytes that are text.
static StringRef checkSource(const char *source, size_t size) {
  if (!source)
    failArgument("source: expected text, but got a null pointer");
  constexpr size_t most = 4 << 20;
  if (size > most)
    failArgument("source: expected at most " + Twine(most) + " bytes, but got " + Twine(size));
  StringRef text(source, size);
  if (isBytecode(llvm::MemoryBufferRef(text, sourceName)))
    failArgument("source: expected text of the attn language, but got MLIR bytecode");
  if (size_t place = text.find('\0'); place != StringRef::npos)
    failArgument("source: expected text, but byte " + Twine(place) + " of " + Twine(size) +
                 " is zero");
  checkNesting(text);
  return text;
}

static DialectRegistry makeRegistry() {
  DialectRegistry registry;
  registerDialects(registry);
  registerHostTarget(registry);
  registerNvptxDialects(registry);
  return registry;
}

Request::Request(const char *source, size_t size, const attune_compile_options *options)
    : compileOptions(readOptions(options)),
      context(makeRegistry(), MLIRContext::Threading::DISABLED),
      diagnostics(context, sourceName, checkSource(source, size)) {
  // A message shows the line of the source; the op in its generic form would say less in more words.
  context.printOpOnDiagnostic(false);
  auto targets = expandTargets(context, compileOptions.targets);
  if (failed(targets))
    failArgument(diagnostics.message().substr(strlen("error: ")));
  compileOptions.targets = std::move(*targets);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(StringRef(source, size), sourceName), llvm::SMLoc());
  parsed = parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  if (!parsed)
    refuse();
}

void Request::refuse() const {
  if (diagnostics.message().empty())
    throw RequestError{ATTUNE_COMPILER_INTERNAL, "the compiler gave up without saying why"};
  throw RequestError{ATTUNE_COMPILER_REFUSED, diagnostics.message().str()};
}

} // namespace attune
