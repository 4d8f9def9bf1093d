// SPDX-License-Identifier: Apache-2.0
// From a kernel to code in the same process, and what the compiler says of it.
//
//   attune::Device device("host");
//   attune::Kernel loaded(device, attn::compile(kernel), kernel.name());
//   loaded.launch({attn::view(q, {1, 8, 100, 64}), ..., 256});      operands as print() lists them, results
#pragma once

#include <attune/attn/Program.hpp>
#include <attune/attune.hpp>
#include <attune/attune_compiler.h>

#include <string_view>

namespace attn {

/// What the compiler refuses; what() is its diagnostics, source() the text that they are of.
class CompileError : public std::runtime_error {
public:
  CompileError(const std::string &message, std::string source)
      : std::runtime_error(message), text(std::move(source)) {}
  const std::string &source() const { return text; }

private:
  std::string text;
};

/// How to compile; see attune_compile_options.
struct CompileOptions {
  /// Tile sizes instead of the planner's, "queries=64,keys=64".
  std::string plan = "";
  int64_t packedHeads = 0;
  bool gathers = true, assembles = true;
};

namespace detail {

inline attune_compile_options rawOptions(const std::string &targets,
                                         const CompileOptions &options) {
  attune_compile_options raw = {};
  raw.struct_size = sizeof(raw);
  raw.targets = targets.c_str();
  raw.plan = options.plan.empty() ? nullptr : options.plan.c_str();
  raw.packed_heads = options.packedHeads;
  raw.without_gather = !options.gathers;
  raw.without_assembly = !options.assembles;
  return raw;
}

/// What a call of the C API gives; `call` gets the source and where to put the output.
template <typename Call> std::string callCompiler(const std::string &source, Call call) {
  attune_output *output = nullptr;
  attune_compiler_status status = call(source.data(), source.size(), &output);
  if (status == ATTUNE_COMPILER_INVALID_ARGUMENT)
    fail(attune_compiler_last_message());
  if (status != ATTUNE_COMPILER_OK)
    throw CompileError(attune_compiler_last_message(), source);
  std::unique_ptr<attune_output, void (*)(attune_output *)> owner(output, attune_output_free);
  return std::string(static_cast<const char *>(attune_output_data(output)),
                     attune_output_size(output));
}

template <typename T> DLDataType dlpackOf() {
  uint8_t code = std::is_floating_point_v<T> ? kDLFloat
                 : std::is_same_v<T, bool>   ? kDLUInt
                                             : kDLInt;
  return {code, uint8_t(8 * sizeof(T)), 1};
}

} // namespace detail

/// The bytes of a bundle, as a file has them: code for each of `targets`, separated by commas ("sm_80",
/// "sm_90a", "x86-64-v3", "host", "native"). Throws CompileError.
inline std::string compileBytes(const Program &program, const std::string &targets = "native",
                                const CompileOptions &options = {}) {
  return detail::callCompiler(program.print(), [&](auto source, size_t size, auto output) {
    attune_compile_options raw = detail::rawOptions(targets, options);
    return attune_compile(source, size, &raw, output);
  });
}

/// The bundle itself, ready to be loaded.
inline attune::Bundle compile(const Program &program, const std::string &targets = "native",
                              const CompileOptions &options = {}) {
  return attune::Bundle::fromMemory(compileBytes(program, targets, options));
}

/// The plan in words at a launch such as "tokens=4096,w=256": sweeps, tiles, visible and computed pairs.
inline std::string explain(const Program &program, const std::string &problem = "",
                           const std::string &targets = "native") {
  return detail::callCompiler(program.print(), [&](auto source, size_t size, auto output) {
    attune_compile_options raw = detail::rawOptions(targets, {});
    return attune_explain(source, size, &raw, problem.c_str(), output);
  });
}

/// The mask and its tiles as an SVG drawing.
inline std::string picture(const Program &program, const std::string &problem = "",
                           const std::string &targets = "native") {
  return detail::callCompiler(program.print(), [&](auto source, size_t size, auto output) {
    attune_compile_options raw = detail::rawOptions(targets, {});
    return attune_picture(source, size, &raw, problem.c_str(), output);
  });
}

/// A row-major tensor of the host that lies at `data`, for a launch.
template <typename T> attune::TensorView view(T *data, std::vector<int64_t> shape) {
  using Entry = std::remove_const_t<T>;
  static_assert(std::is_arithmetic_v<Entry>, "a view is of floats or whole numbers");
  return attune::TensorView(const_cast<Entry *>(data), {kDLCPU, 0}, detail::dlpackOf<Entry>(),
                            std::move(shape));
}
/// The same of 16-bit floats, whose bits C++ has no type for.
inline attune::TensorView view(const uint16_t *data, std::vector<int64_t> shape, Dtype dtype) {
  if (dtype == Dtype::f32)
    detail::fail("view: expected 16-bit floats to be f16 or bf16, but got f32");
  uint8_t code = dtype == Dtype::f16 ? kDLFloat : kDLBfloat;
  return attune::TensorView(const_cast<uint16_t *>(data), {kDLCPU, 0}, {code, 16, 1},
                            std::move(shape));
}

} // namespace attn
