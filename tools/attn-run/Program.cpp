// SPDX-License-Identifier: Apache-2.0
#include "tools/attn-run/Program.h"

#include "compiler/Compile.h"
#include "compiler/Describe.h"
#include "compiler/DescribeResults.h"
#include "compiler/Dialects.h"
#include "compiler/target/host/HostTarget.h"
#include "compiler/target/nvptx/NvptxTarget.h"
#include "mlir/IR/Diagnostics.h"

#include <fstream>
#include <iostream>
#include <sstream>

namespace attune::run {
namespace {

/// The one of `names` that is wanted: the only one if none is.
size_t choose(const std::vector<std::string> &names, const std::string &wanted,
              const std::string &file) {
  std::string list;
  for (const std::string &name : names)
    list += (list.empty() ? "" : ", ") + name;
  if (names.empty())
    throw Failure("'" + file + "' has no kernel");
  if (wanted.empty() && names.size() > 1)
    throw Failure("'" + file + "' has several kernels (" + list + "); choose one with --kernel");
  for (size_t i = 0; i < names.size(); ++i)
    if (wanted.empty() || names[i] == wanted)
      return i;
  throw Failure("'" + file + "' has no kernel '" + wanted + "'; it has " + list);
}

std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  if (!file || !(bytes << file.rdbuf()))
    throw Failure("'" + path + "' cannot be read: " + std::strerror(errno));
  return std::move(bytes).str();
}

mlir::DialectRegistry registry() {
  mlir::DialectRegistry dialects;
  registerDialects(dialects);
  registerHostTarget(dialects);
  registerNvptxDialects(dialects);
  return dialects;
}

} // namespace

Program::Program(const Flags &flags) : context(registry(), mlir::MLIRContext::Threading::DISABLED) {
  std::ifstream file(flags.file, std::ios::binary);
  char start[8] = {};
  file.read(start, sizeof(start));
  if (std::string_view(start, sizeof(start)) == "ATTNBNDL")
    readBundle(flags);
  else
    readProgram(flags);
}

void Program::readProgram(const Flags &flags) {
  if (!flags.program.empty())
    throw Failure("--program goes with a bundle, but '" + flags.file + "' is text itself");
  readText(flags.file, flags.kernel);
  auto described = describeKernel(kernel);
  if (failed(described) || failed(describeResults(kernel, *described)))
    throw Failure("kernel @" + kernel.getSymName().str() + " cannot be run");
  kernelInfo = std::move(*described);
}

void Program::readText(const std::string &path, const std::string &wanted) {
  if (!std::ifstream(path))
    throw Failure("'" + path + "' cannot be read: " + std::strerror(errno));
  module = parseFile(path, context);
  if (!module)
    throw Failure("'" + path + "' is no program: see above");
  std::vector<attn::KernelOp> kernels;
  std::vector<std::string> names;
  for (auto op : module->getOps<attn::KernelOp>()) {
    kernels.push_back(op);
    names.push_back(op.getSymName().str());
  }
  kernel = kernels[choose(names, wanted, path)];
}

void Program::readBundle(const Flags &flags) {
  bundleBytes = readFile(flags.file);
  auto parsed = bundle::parseBundle(bundleBytes);
  if (!parsed)
    throw Failure("'" + flags.file + "': " + parsed.message());
  std::vector<std::string> names;
  for (const bundle::KernelInfo &info : parsed->manifest.kernels)
    names.push_back(info.name);
  kernelInfo = parsed->manifest.kernels[choose(names, flags.kernel, flags.file)];
  if (!flags.program.empty())
    readText(flags.program, kernelInfo.name);
}

attn::KernelOp Program::meaning(const std::string &why) {
  if (!kernel)
    throw Failure(why + " needs the text of the kernel, which a bundle does not hold; give it with "
                        "--program=FILE.mlir");
  return kernel;
}

/// The bundle with other PTX for the kernel; cubins of it are left out.
static std::string withPtx(const std::string &bytes, const std::string &kernel,
                           const std::string &path) {
  auto bundle = bundle::parseBundle(bytes);
  if (!bundle)
    throw Failure(bundle.message());
  std::string text = readFile(path);
  size_t replaced = 0;
  for (bundle::KernelInfo &info : bundle->manifest.kernels) {
    if (info.name != kernel)
      continue;
    std::erase_if(info.variants, [](const bundle::Variant &variant) {
      return variant.format == bundle::BlobFormat::Cubin;
    });
    for (bundle::Variant &variant : info.variants)
      if (variant.format == bundle::BlobFormat::Ptx) {
        variant.blob = bundle->addBlob(text);
        ++replaced;
      }
  }
  if (replaced == 0)
    throw Failure("--ptx replaces PTX, but kernel @" + kernel +
                  " has none here; use --device=sim or --device=cuda");
  auto changed = bundle::serializeBundle(*bundle);
  if (!changed)
    throw Failure(changed.message());
  return std::move(*changed);
}

std::string Program::code(const Flags &flags) {
  std::string bytes = bundleBytes.empty() ? compileText(flags) : bundleBytes;
  return flags.ptx.empty() ? bytes : withPtx(bytes, kernelInfo.name, flags.ptx);
}

std::string Program::compileText(const Flags &flags) {
  CompileOptions options;
  options.kernel = kernelInfo.name;
  bool simulated = flags.device.starts_with("sim");
  if (flags.device.starts_with("cuda"))
    options.targets = {"sm_80", "sm_90a"}; // the runtime takes the one that suits the GPU
  else if (simulated)
    options.targets = {flags.device == "sim:sm_90" ? "sm_90a" : "sm_80"};
  else
    options.targets = {"host"};
  // The simulator runs text.
  options.assemble = !simulated;
  auto compiled = compile(*module, options);
  if (failed(compiled))
    throw Failure("kernel @" + kernelInfo.name + " could not be compiled: see above");
  auto bytes = bundle::serializeBundle(*compiled);
  if (!bytes)
    throw Failure(bytes.message());
  return std::move(*bytes);
}

} // namespace attune::run
