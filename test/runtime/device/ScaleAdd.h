// SPDX-License-Identifier: Apache-2.0
// The kernel of ScaleAddKernel.c: its manifest, and tensors to launch it with.
#pragma once

#include "runtime/attune.hpp"
#include "runtime/bundle/Bundle.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

namespace attune::testing {

inline std::string readAll(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

inline bundle::OperandInfo scaleAddTokens(std::string name, bundle::OperandRole role,
                                          std::string axis) {
  constexpr int64_t any = bundle::dynamicSize;
  return {name, role, axis, bundle::ElementType::F32, {any, any, any, 8}};
}

inline std::vector<bundle::Parameter> scaleAddParameters() {
  using bundle::Parameter;
  std::vector<Parameter> parameters;
  auto addTokens = [&](const char *name) {
    parameters.push_back(Parameter::pointer(name));
    for (int64_t dim = 0; dim < 3; ++dim)
      parameters.push_back(Parameter::size(name, dim));
    for (int64_t dim = 0; dim < 3; ++dim)
      parameters.push_back(Parameter::stride(name, dim));
  };
  addTokens("a");
  addTokens("b");
  parameters.push_back(Parameter::pointer("t"));
  parameters.push_back(Parameter::size("t", 0));
  parameters.push_back(Parameter::scalar("s", bundle::ElementType::F32));
  parameters.push_back(Parameter::scalar("w", bundle::ElementType::Index));
  addTokens("o");
  return parameters;
}

inline bundle::Variant scaleAddVariant(std::string target, bundle::BlobFormat format) {
  using bundle::Expression;
  bundle::Variant variant;
  variant.target = target;
  variant.format = format;
  variant.entry = "scale_add";
  variant.threads = format == bundle::BlobFormat::Elf ? 1 : 128;
  variant.scratchBytes = format == bundle::BlobFormat::Elf ? 64 : 0;
  variant.grid = {Expression::ceilDiv(Expression::size("o", 2), Expression::constant(4)),
                  Expression::size("o", 1), Expression::size("o", 0)};
  variant.parameters = scaleAddParameters();
  variant.alignment = 16;
  return variant;
}

/// Kernel "scale_add" without variants and blobs.
inline bundle::Bundle scaleAddWithoutCode() {
  using bundle::ElementType, bundle::OperandRole, bundle::dynamicSize;
  bundle::KernelInfo kernel;
  kernel.name = "scale_add";
  kernel.operands = {scaleAddTokens("a", OperandRole::Rows, "q"),
                     scaleAddTokens("b", OperandRole::Cols, "k"),
                     {"t", OperandRole::Table, "", ElementType::F32, {dynamicSize}},
                     {"s", OperandRole::Scalar, "", ElementType::F32, {}},
                     {"w", OperandRole::Scalar, "", ElementType::Index, {}}};
  kernel.results = {scaleAddTokens("o", OperandRole::Rows, "q")};
  bundle::Bundle result;
  result.manifest = {"attune test", {kernel}};
  return result;
}

inline Bundle openBundle(const bundle::Bundle &contents) {
  bundle::Result<std::string> bytes = bundle::serializeBundle(contents);
  EXPECT_TRUE(bytes) << bytes.message();
  return Bundle::fromMemory(*bytes);
}

/// Tensors and numbers that fit the kernel; tests then spoil one thing.
struct ScaleAddProblem {
  int64_t batch = 2, heads = 4, queries = 10, keys = 3, keyHeads = 2;
  DLDevice place = {kDLCPU, 0};
  std::vector<float> aData, bData, tData, oData;
  std::vector<int64_t> aShape, bShape, tShape, oShape;
  DLTensor a{}, b{}, t{}, o{};
  float s = 2;
  int64_t w = 5;

  ScaleAddProblem() { fill(); }
  ScaleAddProblem(int64_t batch, int64_t heads, int64_t queries, int64_t keys, int64_t keyHeads)
      : batch(batch), heads(heads), queries(queries), keys(keys), keyHeads(keyHeads) {
    fill();
  }
  ScaleAddProblem(const ScaleAddProblem &) = delete;

  void fill() {
    aShape = oShape = {batch, heads, queries, 8};
    bShape = {batch, keyHeads, keys, 8};
    tShape = {heads};
    setUp(a, aData, aShape);
    setUp(b, bData, bShape);
    setUp(t, tData, tShape);
    setUp(o, oData, oShape);
    for (size_t i = 0; i < aData.size(); ++i)
      aData[i] = float(i % 17);
    for (size_t i = 0; i < bData.size(); ++i)
      bData[i] = float(i % 5);
    for (size_t i = 0; i < tData.size(); ++i)
      tData[i] = float(i);
  }

  /// Data at a multiple of 16 bytes, which vectors of this size have.
  void setUp(DLTensor &tensor, std::vector<float> &data, std::vector<int64_t> &shape) {
    int64_t count = 1;
    for (int64_t size : shape)
      count *= size;
    data.assign(size_t(count), 0);
    tensor = {count ? data.data() : nullptr,
              place,
              int(shape.size()),
              {kDLFloat, 32, 1},
              shape.data(),
              nullptr,
              0};
  }

  std::vector<Argument> arguments() const { return {&a, &b, &t, s, w, &o}; }

  float expected(int64_t bt, int64_t h, int64_t i, int64_t d) const {
    float sum = float(h) + float(w);
    for (int64_t j = 0; j < keys; ++j)
      sum += bData[size_t(((bt * keyHeads + h * keyHeads / heads) * keys + j) * 8)];
    return aData[size_t(((bt * heads + h) * queries + i) * 8 + d)] * s + sum;
  }

  void expectRight() const {
    size_t at = 0;
    for (int64_t bt = 0; bt < batch; ++bt)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < queries; ++i)
          for (int64_t d = 0; d < 8; ++d)
            ASSERT_EQ(oData[at++], expected(bt, h, i, d))
                << "at " << bt << ", " << h << ", " << i << ", " << d;
  }
};

/// The message of the Error that `body` throws; "" when it throws none.
template <typename Body> std::string messageOf(Body body, attune_status status) {
  try {
    body();
  } catch (const Error &error) {
    EXPECT_EQ(error.status(), status) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "expected an error";
  return "";
}

} // namespace attune::testing
