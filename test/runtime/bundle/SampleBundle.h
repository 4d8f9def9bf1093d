// SPDX-License-Identifier: Apache-2.0
// A bundle that uses everything that the format can say, for the tests of it.
#pragma once

#include "runtime/bundle/Bundle.h"

namespace attune::bundle {

inline OperandInfo sampleTokens(std::string name, OperandRole role, std::string axis) {
  return {name, role, axis, ElementType::BF16, {dynamicSize, dynamicSize, dynamicSize, 128}};
}

inline Variant sampleCudaVariant() {
  Variant variant;
  variant.target = "sm_80";
  variant.format = BlobFormat::Ptx;
  variant.blob = 0;
  variant.entry = "alibi_window";
  variant.threads = 256;
  variant.sharedBytes = 65536;
  variant.grid = {Expression::ceilDiv(Expression::size("o", 2), Expression::constant(128)),
                  Expression::size("o", 1), Expression::size("o", 0)};
  for (const char *name : {"q", "k", "o"}) {
    variant.parameters.push_back(Parameter::pointer(name));
    for (int64_t dim = 0; dim < 3; ++dim)
      variant.parameters.push_back(Parameter::size(name, dim));
    for (int64_t dim = 0; dim < 3; ++dim)
      variant.parameters.push_back(Parameter::stride(name, dim));
  }
  variant.parameters.push_back(Parameter::scalar("w", ElementType::Index));
  variant.alignment = 16;
  variant.tool = "ptxas 13.0.88";
  return variant;
}

/// A variant whose pre-pass summarises the documents of every 64 keys.
inline Variant samplePrePassVariant() {
  Variant variant = sampleCudaVariant();
  variant.target = "sm_86";
  variant.tool = "";
  Expression tiles = Expression::ceilDiv(Expression::size("k", 2), Expression::constant(64));
  variant.workspaces = {{"bounds", ElementType::I32, {tiles, Expression::constant(2)}},
                        {"count", ElementType::I64, {}}};
  Variant first = variant, second = variant;
  for (Variant *pass : {&first, &second}) {
    pass->workspaces.clear();
    pass->grid = {Expression::scalar("w"), Expression::constant(1), Expression::constant(1)};
    pass->entry = "alibi_window_bounds";
  }
  first.grid[0] = Expression::select(Expression::scalar("w"), tiles, Expression::size("q", 2));
  first.parameters = {Parameter::size("bounds", 0), Parameter::stride("bounds", 0),
                      Parameter::pointer("count")};
  second.parameters = {Parameter::pointer("bounds")};
  variant.parameters = {Parameter::pointer("document"), Parameter::pointer("bounds")};
  variant.before = {first, second};
  MaskInfo closed;
  closed.level = MaskLevel::Ranges;
  closed.perQueryTile = 4;
  closed.exact = true;
  Expression bytes = Expression::binary(Expression::Kind::Mul, tiles, Expression::constant(8));
  variant.masks = {closed, {MaskLevel::Pieces, 2, 30, 2, 12, 1, bytes, false}};
  return variant;
}

inline Bundle sampleBundle() {
  KernelInfo kernel;
  kernel.name = "alibi_window";
  kernel.operands = {sampleTokens("q", OperandRole::Rows, "q"),
                     sampleTokens("k", OperandRole::Cols, "k"),
                     {"slope", OperandRole::Table, "", ElementType::F32, {dynamicSize}},
                     {"w", OperandRole::Scalar, "", ElementType::Index, {}},
                     {"document", OperandRole::Table, "", ElementType::I32, {dynamicSize}}};
  kernel.operands[4].sorted = kernel.operands[4].contiguous = true;
  kernel.operands[4].range = {-1, 1000};
  kernel.results = {sampleTokens("o", OperandRole::Rows, "q")};
  kernel.checks = {{"k", 64, ""}, {"q", 0, "k"}};
  Expression w = Expression::scalar("w");
  kernel.conditions = {
      {Expression::binary(Expression::Kind::Le, Expression::constant(-3), w), "w >= -3"},
      {Expression::select(w, w, Expression::size("q", 2)), "w ? w : size q"}};
  using Kind = Expression::Kind;
  for (Kind kind : {Kind::CeilDiv, Kind::Mul, Kind::Add, Kind::Max, Kind::Min, Kind::Sub,
                    Kind::FloorDiv, Kind::Mod, Kind::Eq, Kind::Ne, Kind::Lt, Kind::And, Kind::Or})
    kernel.conditions.push_back({Expression::binary(kind, w, w), "of two"});
  Variant host = sampleCudaVariant();
  host.target = "x86-64-v3";
  host.format = BlobFormat::Elf;
  host.blob = 1;
  host.threads = 1;
  host.sharedBytes = 0;
  host.scratchBytes = 4096;
  host.tool = "";
  Variant mapped = sampleCudaVariant();
  mapped.target = "sm_90a";
  mapped.parameters[0] = Parameter::tensorMap("k", {1, 1, 64, 64}, Swizzle::B128);
  kernel.variants = {sampleCudaVariant(), host, mapped, samplePrePassVariant()};
  Bundle bundle;
  bundle.manifest = {"attune 0.1.0", {kernel}};
  bundle.blobs = {"// not really PTX\n", std::string("\177ELF\0\1\2\3", 8), ""};
  return bundle;
}

} // namespace attune::bundle
