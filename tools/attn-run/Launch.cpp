// SPDX-License-Identifier: Apache-2.0
#include "tools/attn-run/Launch.h"

#include <cstdio>

namespace attune::run {
namespace {

using reference::ElementType;
using reference::Tensor;

DLDataType dlpackType(ElementType type) {
  auto of = [](int code, int bits) { return DLDataType{uint8_t(code), uint8_t(bits), 1}; };
  switch (type) {
  case ElementType::F64: return of(kDLFloat, 64);
  case ElementType::F32: return of(kDLFloat, 32);
  case ElementType::F16: return of(kDLFloat, 16);
  case ElementType::BF16: return of(kDLBfloat, 16);
  case ElementType::I64:
  case ElementType::Index: return of(kDLInt, 64);
  case ElementType::I32: return of(kDLInt, 32);
  case ElementType::I8: return of(kDLInt, 8);
  case ElementType::I1: return of(kDLUInt, 8); // one byte, 0 or 1
  }
  return of(kDLFloat, 32);
}

size_t bytesOf(const Tensor &tensor) {
  return size_t(tensor.numElements() * byteSize(tensor.type));
}

} // namespace

Launch::Launch(const std::string &deviceName, const std::string &simOptions,
               const std::string &bundleBytes, const bundle::KernelInfo &info,
               const std::vector<reference::Argument> &inputs, const std::vector<Tensor> &results)
    : device(deviceName), kernel(device, Bundle::fromMemory(bundleBytes), info.name) {
  if (std::string reason = kernel.variant().fallback; !reason.empty())
    std::fprintf(stderr, "attn-run: %s; running the %s for %s\n", reason.c_str(),
                 kernel.variant().format.c_str(), target().c_str());
  if (!simOptions.empty())
    device.configureSimulator(simOptions);
  for (const reference::Argument &input : inputs) {
    if (const auto *tensor = std::get_if<Tensor>(&input))
      addTensor(*tensor, true);
    else if (const auto *integer = std::get_if<int64_t>(&input))
      arguments.emplace_back(*integer);
    else
      arguments.emplace_back(std::get<double>(input));
  }
  firstResult = memories.size();
  for (const Tensor &result : results)
    addTensor(result, false);
  kernel.check(arguments);
}

void Launch::addTensor(const Tensor &tensor, bool copy) {
  memories.push_back(device.allocate(bytesOf(tensor)));
  if (copy)
    memories.back().copyFrom(tensor.data.get());
  views.push_back(std::make_unique<TensorView>(memories.back().data(), device.dlpack(),
                                               dlpackType(tensor.type), tensor.shape));
  arguments.emplace_back(*views.back());
  shapes.push_back(tensor);
}

void Launch::run() {
  try {
    kernel.launch(arguments);
    device.synchronize();
  } catch (const Error &) {
    if (simulated())
      printFindings();
    throw;
  }
  if (simulated())
    printFindings();
}

void Launch::printFindings() {
  std::fflush(stdout);
  std::fputs(device.simulatorReport().findings, stderr);
}

std::string Launch::counters() {
  return simulated() ? device.simulatorReport().counters : std::string();
}

std::string Launch::describeCode() const {
  std::string entry = kernel.variantFor(arguments).entry;
  return target() + (entry == kernel.variant().entry ? "" : " (" + entry + ")");
}

std::string Launch::describePrePasses() const {
  size_t count = kernel.variant().prePassCount, bytes = kernel.workspaceBytes(arguments);
  if (count == 0 && bytes == 0)
    return "";
  return "each run takes " + std::to_string(bytes) + " bytes for what " + std::to_string(count) +
         (count == 1 ? " pre-pass finds" : " pre-passes find") + " out\n";
}

std::vector<Tensor> Launch::results() {
  std::vector<Tensor> copies;
  for (size_t i = firstResult; i < memories.size(); ++i) {
    copies.push_back(Tensor::zeros(shapes[i].type, shapes[i].shape));
    memories[i].copyTo(copies.back().data.get());
  }
  return copies;
}

} // namespace attune::run
