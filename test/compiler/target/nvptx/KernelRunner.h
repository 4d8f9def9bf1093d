// SPDX-License-Identifier: Apache-2.0
// Compiles a tile kernel from a template of Inputs, makes tensors for it, and runs its PTX.
#ifndef ATTUNE_TEST_COMPILER_TARGET_NVPTX_KERNELRUNNER_H
#define ATTUNE_TEST_COMPILER_TARGET_NVPTX_KERNELRUNNER_H

#include "compiler/reference/Number.h"
#include "test/compiler/target/nvptx/SimLaunch.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include <cmath>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

namespace attune::test {

using Settings = std::map<std::string, std::string>;

/// The template `name` with @KEY@ replaced by its setting.
inline std::string fillTemplate(const std::string &name, const Settings &settings) {
  std::ifstream file(std::string(ATTUNE_TEST_INPUTS) + "/" + name);
  std::stringstream content;
  content << file.rdbuf();
  std::string text = content.str();
  for (const auto &[key, value] : settings)
    for (size_t at; (at = text.find("@" + key + "@")) != std::string::npos;)
      text.replace(at, key.size() + 2, value);
  return text;
}

/// Compiles the one kernel of `text`; an empty text on failure.
inline PtxCode compileText(const std::string &text, const std::string &arch = "sm_80") {
  mlir::DialectRegistry registry;
  registerNvptxDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module)
    return {};
  auto code = compileToPtx(*module->getOps<tile::KernelOp>().begin(), {arch});
  return succeeded(code) ? *code : PtxCode{};
}

using Number = reference::ElementType;

/// (batch, head, token, component) numbers in the order batch, token, head, with room after each
/// token that nobody may touch. A tensor of scalars has no components.
struct Tensor {
  Number number;
  int64_t sizes[3], components, strides[3];
  bool scalars;
  std::vector<uint16_t> half;
  std::vector<float> single;

  Tensor(Number number, int64_t batch, int64_t heads, int64_t tokens, int64_t components,
         bool scalars = false)
      : number(number), sizes{batch, heads, tokens}, components(components), scalars(scalars) {
    int64_t room = scalars ? 1 : components + 8;
    strides[1] = room;
    strides[2] = room * heads;
    strides[0] = room * heads * tokens;
    size_t count = strides[0] * batch;
    if (number == Number::F32)
      single.assign(count, -7);
    else
      half.assign(count, 0xfff0); // a NaN: what is read by mistake shows
  }
  size_t place(int64_t b, int64_t h, int64_t n, int64_t c) const {
    return b * strides[0] + h * strides[1] + n * strides[2] + c;
  }
  double get(int64_t b, int64_t h, int64_t n, int64_t c = 0) const {
    if (number == Number::F32)
      return single[place(b, h, n, c)];
    return reference::decodeHalf(number, half[place(b, h, n, c)]);
  }
  void set(int64_t b, int64_t h, int64_t n, int64_t c, float value) {
    if (number == Number::F32)
      single[place(b, h, n, c)] = value;
    else
      half[place(b, h, n, c)] = reference::encodeHalf(number, reference::roundTo(number, value));
  }
  void fillNormal(std::mt19937 &random) {
    std::normal_distribution<float> normal;
    for (int64_t b = 0; b < sizes[0]; ++b)
      for (int64_t h = 0; h < sizes[1]; ++h)
        for (int64_t n = 0; n < sizes[2]; ++n)
          for (int64_t c = 0; c < components; ++c)
            set(b, h, n, c, normal(random));
  }
  void *data() { return number == Number::F32 ? static_cast<void *>(single.data()) : half.data(); }
  size_t bytes() const { return half.size() * 2 + single.size() * 4; }
  /// What is not an element must be as it was.
  bool roomUntouched() const {
    for (int64_t token = 0; !scalars && token < int64_t(half.size()) / strides[1]; ++token)
      for (int64_t c = components; c < components + 8; ++c)
        if (half[token * strides[1] + c] != 0xfff0)
          return false;
    return true;
  }
};

/// A launch that also takes tensors.
struct Launch : SimLaunch {
  using SimLaunch::add;
  void add(Tensor &tensor) {
    addMemory(tensor.data(), tensor.bytes());
    for (int64_t size : tensor.sizes)
      add(size);
    for (int64_t stride : tensor.strides)
      add(stride);
  }
  /// The same for a table: one size and one stride.
  void addTable(Tensor &table) {
    addMemory(table.data(), table.bytes());
    add(table.sizes[2]);
    add(int64_t(1));
  }
};

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_TARGET_NVPTX_KERNELRUNNER_H
