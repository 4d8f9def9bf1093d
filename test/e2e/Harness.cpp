// SPDX-License-Identifier: Apache-2.0
#include "test/e2e/Harness.h"

#include "compiler/Compile.h"
#include "compiler/Describe.h"
#include "compiler/Dialects.h"
#include "compiler/reference/Compare.h"
#include "compiler/target/host/HostTarget.h"
#include "compiler/target/nvptx/NvptxTarget.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <fstream>
#include <regex>
#include <sstream>

namespace attune::test {

std::string example(const std::string &name, const std::string &element, int64_t size) {
  std::ifstream file(ATTUNE_SOURCE "/examples/" + name + ".mlir");
  EXPECT_TRUE(bool(file)) << name;
  std::ostringstream whole;
  whole << file.rdbuf();
  std::string text = whole.str(), form;
  std::regex vector("vector<(\\d+)xbf16>");
  auto at = text.cbegin();
  for (std::sregex_iterator match(text.begin(), text.end(), vector), end; match != end; ++match) {
    form.append(at, (*match)[0].first);
    form += "vector<" + std::to_string(std::stoll((*match)[1]) * size / 128) + "x" + element + ">";
    at = (*match)[0].second;
  }
  form.append(at, text.cend());
  std::string scale = std::to_string(1 / std::sqrt(double(size)));
  return std::regex_replace(form, std::regex("0\\.0883883"), scale);
}

namespace {

mlir::MLIRContext &compilerContext() {
  static auto *shared = [] {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    registerHostTarget(registry);
    registerNvptxDialects(registry);
    return new mlir::MLIRContext(registry, mlir::MLIRContext::Threading::DISABLED);
  }();
  return *shared;
}

DLDataType dlpackType(ElementType type) {
  uint8_t bits = uint8_t(8 * byteSize(type));
  if (type == ElementType::I1)
    return {kDLUInt, 8, 1};
  if (type == ElementType::BF16)
    return {kDLBfloat, bits, 1};
  return {uint8_t(reference::isFloat(type) ? kDLFloat : kDLInt), bits, 1};
}

/// Zeros in the shape of a result.
Tensor makeResult(const bundle::KernelInfo &info, const bundle::OperandInfo &result,
                  const std::vector<reference::Argument> &inputs) {
  std::vector<int64_t> shape = result.shape;
  shape[0] = shape[1] = 1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!info.operands[i].isTokens())
      continue;
    const Tensor &tensor = std::get<Tensor>(inputs[i]);
    shape[0] = std::max(shape[0], tensor.shape[0]);
    shape[1] = std::max(shape[1], tensor.shape[1]);
    if (info.operands[i].axis == result.axis)
      shape[2] = tensor.shape[2];
  }
  return Tensor::zeros(result.dtype, shape);
}

/// Standard normal numbers for rows or cols.
Tensor randomTokens(const bundle::OperandInfo &operand, const Shape &shape,
                    std::mt19937_64 &generator) {
  EXPECT_TRUE(operand.isTokens()) << operand.name << " has no value";
  std::vector<int64_t> sizes = operand.shape;
  bool keys = operand.role == bundle::OperandRole::Cols;
  sizes[0] = shape.batch;
  sizes[1] = keys ? shape.kvHeads : shape.heads;
  sizes[2] = keys ? shape.keys : shape.queries;
  return normal(generator, operand.dtype, sizes);
}

} // namespace

Compiled &Compiled::of(const std::string &text, const std::string &target, int64_t packedHeads) {
  static std::map<std::string, Compiled> known;
  auto [entry, isNew] = known.try_emplace(target + " " + std::to_string(packedHeads) + "\n" + text);
  Compiled &compiled = entry->second;
  if (!isNew)
    return compiled;
  compiled.module = mlir::parseSourceString<mlir::ModuleOp>(text, &compilerContext());
  if (!compiled.module) {
    ADD_FAILURE() << text;
    return compiled;
  }
  CompileOptions options;
  options.targets = {target};
  options.assemble = false;
  options.packedHeads = packedHeads;
  auto bundle = compile(*compiled.module, options);
  if (failed(bundle)) {
    ADD_FAILURE() << "does not compile:\n" << text;
    return compiled;
  }
  compiled.info = bundle->manifest.kernels.front();
  auto bytes = bundle::serializeBundle(*bundle);
  EXPECT_TRUE(bool(bytes)) << bytes.message();
  if (bytes)
    compiled.bytes = *bytes;
  compiled.ok = bool(bytes);
  return compiled;
}

std::vector<reference::Argument> makeInputs(const bundle::KernelInfo &info, const Shape &shape,
                                            const std::vector<reference::Argument> &scalars,
                                            uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::uniform_real_distribution<double> uniform(0.01, 1);
  std::vector<reference::Argument> inputs;
  auto scalar = scalars.begin();
  for (const bundle::OperandInfo &operand : info.operands) {
    if (!operand.isTensor()) {
      EXPECT_NE(scalar, scalars.end()) << operand.name;
      inputs.push_back(*scalar++);
      continue;
    }
    if (!operand.isTokens()) {
      Tensor table = Tensor::zeros(operand.dtype, {shape.heads});
      for (int64_t i = 0; i < shape.heads; ++i)
        table.set(i, uniform(generator));
      inputs.push_back(table);
      continue;
    }
    inputs.push_back(randomTokens(operand, shape, generator));
  }
  return inputs;
}

std::vector<reference::Argument> makeInputs(const bundle::KernelInfo &info, const Shape &shape,
                                            const Named &values, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<reference::Argument> inputs;
  for (const bundle::OperandInfo &operand : info.operands) {
    auto given = values.find(operand.name);
    if (given != values.end())
      inputs.push_back(given->second);
    else
      inputs.push_back(randomTokens(operand, shape, generator));
  }
  return inputs;
}

namespace {

/// Appends the inputs to `list`: the numbers as they are, each tensor by `addTensor`.
template <typename AddTensor>
void addInputs(const std::vector<reference::Argument> &inputs, std::vector<attune::Argument> &list,
               AddTensor addTensor) {
  for (const reference::Argument &input : inputs) {
    if (const auto *tensor = std::get_if<Tensor>(&input))
      addTensor(*tensor);
    else if (const auto *integer = std::get_if<int64_t>(&input))
      list.emplace_back(*integer);
    else
      list.emplace_back(std::get<double>(input));
  }
}

} // namespace

std::vector<Tensor> launch(const Compiled &compiled, const std::vector<reference::Argument> &inputs,
                           const std::string &deviceName, const std::string &isa) {
  Device device(deviceName);
  if (!isa.empty())
    device.setHostIsa(isa);
  Kernel kernel(device, Bundle::fromMemory(compiled.bytes), compiled.info.name);
  std::vector<std::unique_ptr<TensorView>> views;
  std::vector<attune::Argument> arguments;
  auto add = [&](const Tensor &tensor) {
    views.push_back(std::make_unique<TensorView>(
        tensor.data.get(), device.dlpack(), dlpackType(tensor.type), tensor.shape, tensor.strides));
    arguments.emplace_back(*views.back());
  };
  addInputs(inputs, arguments, add);
  std::vector<Tensor> results;
  for (const bundle::OperandInfo &result : compiled.info.results) {
    results.push_back(makeResult(compiled.info, result, inputs));
    // What is not written must not look right by accident.
    for (int64_t i = 0; i < results.back().numElements(); ++i)
      results.back().set(i, 12345.0);
    add(results.back());
  }
  kernel.launch(arguments);
  return results;
}

namespace {

/// Tensors copied to a device, and the arguments that name them.
class Arguments {
public:
  explicit Arguments(Device &device) : device(device) {}

  void add(const std::vector<reference::Argument> &inputs) {
    addInputs(inputs, list, [&](const Tensor &tensor) { add(tensor); });
  }
  void add(const Tensor &tensor) {
    ASSERT_TRUE(tensor.isDense()) << "only dense tensors are copied";
    memories.push_back(device.allocate(bytesOf(tensor)));
    memories.back().copyFrom(tensor.data.get());
    views.push_back(std::make_unique<TensorView>(memories.back().data(), device.dlpack(),
                                                 dlpackType(tensor.type), tensor.shape));
    list.emplace_back(*views.back());
  }
  /// Copies the tensor that was added as number `index` of the tensors back.
  void read(size_t index, Tensor &tensor) { memories[index].copyTo(tensor.data.get()); }
  size_t tensors() const { return memories.size(); }

  std::vector<attune::Argument> list;

private:
  static size_t bytesOf(const Tensor &tensor) {
    return size_t(tensor.numElements() * byteSize(tensor.type));
  }
  Device &device;
  std::vector<Memory> memories;
  std::vector<std::unique_ptr<TensorView>> views;
};

} // namespace

std::vector<Tensor> simulate(const Compiled &compiled,
                             const std::vector<reference::Argument> &inputs,
                             const std::string &options, const std::string &bundle,
                             std::string *warnings) {
  Device device("sim");
  device.configureSimulator(options);
  Kernel kernel(device, Bundle::fromMemory(bundle.empty() ? compiled.bytes : bundle),
                compiled.info.name);
  Arguments arguments(device);
  arguments.add(inputs);
  size_t first = arguments.tensors();
  std::vector<Tensor> results;
  for (const bundle::OperandInfo &result : compiled.info.results) {
    results.push_back(makeResult(compiled.info, result, inputs));
    arguments.add(results.back());
  }
  kernel.launch(arguments.list);
  if (warnings)
    *warnings = device.simulatorReport().findings;
  else
    EXPECT_STREQ(device.simulatorReport().findings, "") << options;
  for (size_t i = 0; i < results.size(); ++i)
    arguments.read(first + i, results[i]);
  return results;
}

std::string launchedEntry(const Compiled &compiled, const std::vector<reference::Argument> &inputs,
                          const std::string &deviceName) {
  Device device(deviceName);
  Kernel kernel(device, Bundle::fromMemory(compiled.bytes), compiled.info.name);
  Arguments arguments(device);
  arguments.add(inputs);
  for (const bundle::OperandInfo &result : compiled.info.results)
    arguments.add(makeResult(compiled.info, result, inputs));
  return kernel.variantFor(arguments.list).entry;
}

void expectAgreement(Compiled &compiled, const std::vector<reference::Argument> &inputs,
                     const std::vector<Tensor> &results) {
  reference::Options exactly, eagerly;
  eagerly.mode = reference::Mode::Eager;
  attn::KernelOp kernel = kernelOf(*compiled.module);
  auto exact = reference::evaluate(kernel, inputs, exactly);
  auto eager = reference::evaluate(kernel, inputs, eagerly);
  ASSERT_TRUE(bool(exact)) << llvm::toString(exact.takeError());
  ASSERT_TRUE(bool(eager)) << llvm::toString(eager.takeError());
  ASSERT_EQ(results.size(), exact->size());
  for (size_t i = 0; i < results.size(); ++i) {
    const bundle::OperandInfo &result = compiled.info.results[i];
    ASSERT_EQ(results[i].shape, (*exact)[i].shape) << result.name;
    reference::Verdict verdict =
        reference::judge(results[i], (*exact)[i], (*eager)[i], result.dtype);
    std::string worst;
    for (int64_t index : verdict.worst)
      worst += std::to_string(index) + " ";
    EXPECT_TRUE(verdict.passes()) << result.name << ": " << 100 * verdict.share
                                  << " % of what is allowed, at " << worst << "expected "
                                  << verdict.worstExact << " within " << verdict.allowed
                                  << ", found " << verdict.worstFound << "; "
                                  << verdict.found.disagreements << " special values differ";
  }
}

void expectRight(const std::string &text, const Shape &shape,
                 const std::vector<reference::Argument> &scalars) {
  Compiled &compiled = Compiled::of(text);
  ASSERT_TRUE(compiled.ok);
  auto inputs = makeInputs(compiled.info, shape, scalars);
  expectAgreement(compiled, inputs, launch(compiled, inputs));
}

} // namespace attune::test
