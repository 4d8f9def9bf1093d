// SPDX-License-Identifier: Apache-2.0
// attn-compile: from attn text to a bundle, or to any stage on the way; explains and draws.
#include "compiler/Compile.h"
#include "compiler/Dialects.h"
#include "compiler/reference/Npy.h"
#include "compiler/target/host/HostTarget.h"
#include "compiler/target/nvptx/NvptxTarget.h"
#include "compiler/explain/Explain.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/ToolUtilities.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

#include <CLI/CLI.hpp>

using namespace attune;

namespace {

struct Options {
  std::string input, output = "-", stage = "bundle", picture;
  bool explain = false;
  CompileOptions compile;
  ProblemSizes sizes;
};

const char *const examples = R"(examples:
  attn-compile kernel.mlir -o kernel.attn                     a bundle for every host level
  attn-compile kernel.mlir --target=sm_80,sm_90a,host -o kernel.attn
                                                              and for NVIDIA GPUs: sm_90a for H100 and H200, sm_80 for
                                                              all others from A100 on
  attn-compile kernel.mlir --target=sm_80 --emit=ptx          the PTX, to standard output
  attn-compile kernel.mlir --explain --size q=4096 --size k=4096 --scalar w=256
                                                              the plan in words, and the mask
  attn-compile kernel.mlir --picture mask.svg --scalar w=256  the mask as a drawing
  attn-compile kernel.mlir --override queries=64,keys=32 --explain
                                                              with tile sizes of your own
Errors name the operand or flag, what was expected and what was found; the exit code is then 1.)";

std::string describeStages() {
  std::string text = "where to stop:";
  for (const StageInfo &info : getStages())
    text += std::string("\n  ") + info.name + ": " + info.description;
  return text;
}

/// Parses `name=number` into `into`; throws CLI::ValidationError with the flag's name.
void parsePairs(const char *flag, const std::vector<std::string> &pairs,
                std::map<std::string, double> &into) {
  for (const std::string &pair : pairs) {
    size_t equal = pair.find('=');
    char *end = nullptr;
    double number = equal == std::string::npos ? 0 : std::strtod(pair.c_str() + equal + 1, &end);
    if (equal == 0 || !end || *end || end == pair.c_str() + equal + 1)
      throw CLI::ValidationError(flag, "expected name=number, but got '" + pair + "'");
    into[pair.substr(0, equal)] = number;
  }
}

/// Reads the files of `name=file.npy` into `into`; throws CLI::ValidationError.
void readTables(const std::vector<std::string> &pairs,
                std::map<std::string, reference::Tensor> &into) {
  for (const std::string &pair : pairs) {
    size_t equal = pair.find('=');
    if (equal == 0 || equal == std::string::npos)
      throw CLI::ValidationError("--table", "expected name=file.npy, but got '" + pair + "'");
    auto tensor = reference::readNpy(pair.substr(equal + 1));
    if (!tensor)
      throw CLI::ValidationError("--table", llvm::toString(tensor.takeError()));
    into[pair.substr(0, equal)] = std::move(*tensor);
  }
}

/// Writes `bytes` to the output file as a whole or not at all ("-": standard output).
bool writeOutput(const std::string &path, llvm::StringRef bytes) {
  auto error = llvm::writeToOutput(path, [&](llvm::raw_ostream &stream) {
    stream << bytes;
    return llvm::Error::success();
  });
  if (!error)
    return true;
  llvm::errs() << "error: cannot write '" << path << "': " << llvm::toString(std::move(error))
               << "\n";
  return false;
}

bool emitBundle(mlir::ModuleOp module, const Options &options) {
  auto result = compile(module, options.compile);
  if (failed(result))
    return false;
  if (options.output == "-") {
    llvm::errs() << "error: a bundle is bytes: give -o FILE\n";
    return false;
  }
  auto written = bundle::writeBundle(*result, options.output);
  if (!written)
    llvm::errs() << "error: " << written.message() << "\n";
  return bool(written);
}

bool emitText(mlir::ModuleOp module, const StageInfo &info, const Options &options) {
  auto artifacts = emitStage(module, info.stage, options.compile);
  if (failed(artifacts))
    return false;
  if (info.binary && (artifacts->size() != 1 || options.output == "-")) {
    llvm::errs() << "error: stage '" << info.name
                 << "' is bytes for one kernel and target, but got " << artifacts->size()
                 << "; choose with --kernel and --target, and give -o FILE\n";
    return false;
  }
  return writeOutput(options.output, joinArtifacts(*artifacts));
}

int run(const Options &options) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  registerHostTarget(registry);
  registerNvptxDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  llvm::SourceMgr sources;
  mlir::SourceMgrDiagnosticHandler diagnostics(sources, &context);
  auto module = parseFile(options.input, context);
  if (!module)
    return 1;
  if (options.explain &&
      failed(explainModule(*module, options.compile, options.sizes, llvm::outs())))
    return 1;
  if (!options.picture.empty()) {
    auto svg = drawModule(*module, options.compile, options.sizes);
    if (failed(svg) || !writeOutput(options.picture, *svg))
      return 1;
  }
  bool onlyWords = (options.explain || !options.picture.empty()) && options.output == "-";
  if (onlyWords && options.stage == "bundle")
    return 0;
  for (const StageInfo &info : getStages())
    if (options.stage == info.name)
      return (info.stage == Stage::Bundle ? emitBundle(*module, options)
                                          : emitText(*module, info, options))
                 ? 0
                 : 1;
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("attn-compile: compile attention kernels written in the attn language.");
  app.footer(examples);
  Options options;
  std::vector<std::string> sizes, scalars, tables, stageNames;
  for (const StageInfo &info : getStages())
    stageNames.push_back(info.name);
  app.add_option("input", options.input, "attn text (.mlir), - for standard input")->required();
  app.add_option("-o,--output", options.output, "where to write; - is standard output");
  app.add_option("--emit", options.stage, describeStages())->check(CLI::IsMember(stageNames));
  app.add_option("--target", options.compile.targets,
                 "sm_80, sm_90a, host (all host levels), native (this processor's), x86-64, "
                 "x86-64-v3, x86-64-v4; several with commas")
      ->delimiter(',');
  app.add_option("--kernel", options.compile.kernel, "only this kernel of the file");
  app.add_option("--override", options.compile.planOverride,
                 "tile sizes instead of the planner's: queries=64,keys=64,threads=128,stages=2");
  app.add_option("--pack-heads", options.compile.packedHeads,
                 "also make code whose tiles hold rows of so many query heads that read the same "
                 "keys (8): launches with few queries and fewer heads of keys take it")
      ->check(CLI::Range(1, 256))
      ->type_name("HEADS");
  app.add_flag(
      "!--no-gather", options.compile.gathersKeys,
      "leave out code that walks lists of the keys that a selection names: launches take it "
      "where it reads fewer pairs");
  bool ptxOnly = false;
  using SelfTests = CompileOptions::SelfTests;
  const std::map<std::string, SelfTests> selfTests = {
      {"auto", SelfTests::Auto}, {"on", SelfTests::On}, {"off", SelfTests::Off}};
  app.add_option("--self-test", options.compile.selfTests,
                 "a small problem with its results, tried when a kernel is loaded on a GPU: auto "
                 "(with code for sm_90a), on, off")
      ->transform(CLI::CheckedTransformer(selfTests))
      ->type_name("WHEN");
  app.add_flag("--no-cubin", ptxOnly, "leave out the cubin that ptxas would make for the bundle");
  app.add_flag("--explain", options.explain,
               "print sweeps, carried state, tiles, memory, visible and computed pairs, how tiles "
               "are found, advice, the mask");
  app.add_option("--picture", options.picture, "draw the mask and its tiles to this SVG file");
  app.add_option("--size", sizes, "problem sizes for --explain and --picture: q=4096 k=4096");
  app.add_option("--scalar", scalars, "scalar operands for --explain and --picture: w=256");
  app.add_option(
      "--table", tables,
      "tables, and integer rows and cols, for --explain and --picture: doc=doc.npy; what a "
      "mask reads and nobody gives is made up");
  app.add_flag_callback(
      "--version",
      [] {
        llvm::outs() << "attn-compile " ATTUNE_VERSION "\n";
        throw CLI::Success();
      },
      "print the version");
  try {
    app.parse(argc, argv);
    parsePairs("--size", sizes, options.sizes.axes);
    parsePairs("--scalar", scalars, options.sizes.scalars);
    readTables(tables, options.sizes.tensors);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) ? 1 : 0;
  }
  options.compile.assemble = !ptxOnly;
  return run(options);
}
