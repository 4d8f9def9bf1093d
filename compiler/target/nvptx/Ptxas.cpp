// SPDX-License-Identifier: Apache-2.0
// Finding and running ptxas.
#include "compiler/target/nvptx/NvptxTarget.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include <optional>

using namespace mlir;
using namespace attune;

/// What CUDA_HOME says; empty where it says nothing.
static std::string namedToolkit() {
  const char *home = std::getenv("CUDA_HOME");
  return home ? home : "";
}

/// The toolkit's folder of tools.
static std::string toolkitFolder() {
  std::string named = namedToolkit();
  return (named.empty() ? "/usr/local/cuda" : named) + "/bin";
}

std::string attune::findPtxas() {
  std::string folder = toolkitFolder();
  auto inToolkit = llvm::sys::findProgramByName("ptxas", {folder});
  // A toolkit that is named comes before PATH, one that happens to be there after it.
  if (inToolkit && !namedToolkit().empty())
    return *inToolkit;
  if (auto found = llvm::sys::findProgramByName("ptxas"))
    return *found;
  return inToolkit ? *inToolkit : "";
}

/// A file of the system's temporary folder that goes when this goes.
struct TemporaryFile {
  llvm::SmallString<128> path;
  llvm::FileRemover remover;

  std::error_code create(llvm::StringRef suffix) {
    std::error_code error = llvm::sys::fs::createTemporaryFile("attune", suffix, path);
    if (!error)
      remover.setFile(path);
    return error;
  }
  std::string read() const {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    return buffer ? (*buffer)->getBuffer().str() : std::string();
  }
};

/// Runs `program`; its output and errors go to `log`.
static int execute(llvm::StringRef program, llvm::ArrayRef<llvm::StringRef> arguments,
                   std::string &log, std::string &error) {
  TemporaryFile output;
  if (auto code = output.create("log")) {
    error = "cannot write a temporary file: " + code.message();
    return -1;
  }
  std::optional<llvm::StringRef> redirects[] = {std::nullopt, output.path.str(), output.path.str()};
  llvm::SmallVector<llvm::StringRef> all{program};
  all.append(arguments.begin(), arguments.end());
  int status = llvm::sys::ExecuteAndWait(program, all, std::nullopt, redirects, 0, 0, &error);
  log = output.read();
  return status;
}

/// "ptxas 13.0.88" from what `ptxas --version` prints ("..., release 13.0, V13.0.88").
static std::string version(llvm::StringRef ptxas) {
  std::string text, error;
  if (execute(ptxas, {"--version"}, text, error) != 0)
    return "ptxas";
  llvm::StringRef number = llvm::StringRef(text).split(", V").second;
  return "ptxas " + number.take_while([](char c) { return isdigit(c) || c == '.'; }).str();
}

FailureOr<Cubin> attune::assemblePtx(llvm::StringRef ptx, llvm::StringRef arch,
                                     std::string &error) {
  std::string program = findPtxas();
  if (program.empty()) {
    error = "expected ptxas on PATH or in '" + toolkitFolder() +
            "', but found none; install the CUDA toolkit and set CUDA_HOME, or ship PTX, which the "
            "driver assembles";
    return failure();
  }
  TemporaryFile input, output;
  std::error_code code = input.create("ptx");
  if (!code)
    code = output.create("cubin");
  if (!code) {
    llvm::raw_fd_ostream stream(input.path, code);
    if (!code)
      stream << ptx;
  }
  if (code) {
    error = "cannot write a temporary file for ptxas: " + code.message();
    return failure();
  }
  Cubin cubin;
  std::string option = "-arch=" + arch.str();
  int status = execute(program, {option, "-v", input.path, "-o", output.path}, cubin.log, error);
  if (status != 0) {
    error = "ptxas (" + program + ") failed with status " + std::to_string(status) + ": " +
            (error.empty() ? cubin.log : error);
    return failure();
  }
  cubin.bytes = output.read();
  cubin.tool = version(program);
  return cubin;
}
