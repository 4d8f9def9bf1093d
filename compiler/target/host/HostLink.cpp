// SPDX-License-Identifier: Apache-2.0
// How does an ELF object become a shared object? By running ld.lld.
#include "compiler/target/host/HostStages.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace mlir;

namespace attune {

/// ld.lld by its versioned name, by its plain name, or beside LLVM's tools; empty if absent.
static std::string findLinker() {
  for (const char *name : {"ld.lld-22", "ld.lld"})
    if (llvm::ErrorOr<std::string> path = llvm::sys::findProgramByName(name))
      return *path;
  if (llvm::ErrorOr<std::string> path = llvm::sys::findProgramByName("ld.lld", {ATTUNE_LLVM_TOOLS}))
    return *path;
  return "";
}

/// A new temporary file that is removed with `remover`.
static std::error_code createTemporary(StringRef suffix, llvm::SmallVectorImpl<char> &path,
                                       llvm::FileRemover &remover) {
  std::error_code error = llvm::sys::fs::createTemporaryFile("attune-host", suffix, path);
  if (!error)
    remover.setFile(llvm::Twine(StringRef(path.data(), path.size())));
  return error;
}

static std::string readFile(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : std::string();
}

FailureOr<std::string> linkForHost(Location location, const std::string &object) {
  std::string linker = findLinker();
  if (linker.empty()) {
    emitError(location) << "expected ld.lld on PATH to link code for the host, but found none; "
                           "install lld-22";
    return failure();
  }
  llvm::SmallString<128> input, output, log;
  llvm::FileRemover removeInput, removeOutput, removeLog;
  std::error_code error = createTemporary("o", input, removeInput);
  if (!error)
    error = createTemporary("so", output, removeOutput);
  if (!error)
    error = createTemporary("log", log, removeLog);
  if (!error) {
    llvm::raw_fd_ostream stream(input, error);
    stream << object;
  }
  if (error) {
    emitError(location) << "expected to write a temporary file to link code for the host, but got: "
                        << error.message();
    return failure();
  }
  SmallVector<StringRef> arguments = {linker,
                                      "-shared",
                                      "--strip-all",
                                      "--build-id=none",
                                      "--threads=1",
                                      "-znorelro",
                                      "-znoseparate-code",
                                      "-zdefs",
                                      "-o",
                                      output,
                                      input};
  std::string message;
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log), StringRef(log)};
  int status =
      llvm::sys::ExecuteAndWait(linker, arguments, std::nullopt, redirects, 0, 0, &message);
  if (status != 0) {
    emitError(location) << "expected " << linker << " to link code for the host, but it said: "
                        << (message.empty() ? readFile(log) : message);
    return failure();
  }
  return readFile(output);
}

} // namespace attune
