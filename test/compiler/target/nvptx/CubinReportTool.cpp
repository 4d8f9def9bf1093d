// SPDX-License-Identifier: Apache-2.0
// cubin-report: what ptxas makes of PTX for sm_90a, as a table or as JSON.
#include "compiler/target/nvptx/NvptxTarget.h"
#include "test/compiler/target/nvptx/CubinReport.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;

static cl::OptionCategory category("cubin-report options");
static cl::opt<std::string> input(cl::Positional, cl::desc("<PTX or cubin, - is standard input>"),
                                  cl::init("-"), cl::cat(category));
static cl::opt<std::string> arch("arch", cl::desc("the GPU that PTX is assembled for"),
                                 cl::init("sm_90a"), cl::cat(category));
static cl::opt<bool> asJson("json", cl::desc("print JSON"), cl::cat(category));

static Expected<attune::test::Report> report(StringRef bytes) {
  if (bytes.starts_with("\x7f"
                        "ELF"))
    return attune::test::readCubin(bytes);
  std::string error;
  auto cubin = attune::assemblePtx(bytes, arch, error);
  if (failed(cubin))
    return createStringError(error);
  auto report = attune::test::readCubin(cubin->bytes);
  if (report)
    if (Error failure = addLog(*report, cubin->log))
      return failure;
  return report;
}

int main(int count, char **arguments) {
  InitLLVM init(count, arguments);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(count, arguments, "what is in a kernel for sm_90a\n");
  auto file = MemoryBuffer::getFileOrSTDIN(input);
  if (!file) {
    errs() << "cubin-report: cannot read '" << input << "': " << file.getError().message() << '\n';
    return 1;
  }
  auto made = report((*file)->getBuffer());
  if (!made) {
    errs() << "cubin-report: " << toString(made.takeError()) << '\n';
    return 1;
  }
  asJson ? printJson(*made, outs()) : printTable(*made, outs());
  return 0;
}
