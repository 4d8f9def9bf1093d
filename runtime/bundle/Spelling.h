// SPDX-License-Identifier: Apache-2.0
// How is each enumerator of the manifest spelt? Private to the bundle library.
#pragma once

#include "runtime/bundle/Manifest.h"

namespace attune::bundle {

/// The spellings of an enumeration, in the order of its enumerators.
template <typename Enum> struct Spellings;

template <> struct Spellings<ElementType> {
  static constexpr std::array<std::string_view, 9> names = {"f64", "f32", "f16", "bf16", "i64",
                                                            "i32", "i8",  "i1",  "index"};
};
template <> struct Spellings<OperandRole> {
  static constexpr std::array<std::string_view, 4> names = {"rows", "cols", "table", "scalar"};
};
template <> struct Spellings<BlobFormat> {
  static constexpr std::array<std::string_view, 3> names = {"ptx", "cubin", "elf"};
};
template <> struct Spellings<ParameterKind> {
  static constexpr std::array<std::string_view, 5> names = {"pointer", "size", "stride", "scalar",
                                                            "tensor_map"};
};
template <> struct Spellings<ParameterType> {
  static constexpr std::array<std::string_view, 7> names = {"ptr", "i64", "i32",       "i8",
                                                            "f64", "f32", "tensor_map"};
};
template <> struct Spellings<Swizzle> {
  static constexpr std::array<std::string_view, 4> names = {"none", "32B", "64B", "128B"};
};
template <> struct Spellings<MaskLevel> {
  static constexpr std::array<std::string_view, 4> names = {"all", "ranges", "test", "pieces"};
};
template <> struct Spellings<Expression::Kind> {
  static constexpr std::array<std::string_view, 18> names = {
      "constant", "size", "ceildiv", "mul", "add", "max", "min", "scalar", "sub",
      "floordiv", "mod",  "eq",      "ne",  "lt",  "le",  "and", "or",     "select"};
};

template <typename Enum> std::optional<Enum> parseSpelling(std::string_view text) {
  const auto &names = Spellings<Enum>::names;
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == text)
      return Enum(i);
  return std::nullopt;
}

} // namespace attune::bundle
