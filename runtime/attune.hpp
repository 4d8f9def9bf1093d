// SPDX-License-Identifier: Apache-2.0
// How does a C++ program load an attention kernel from a bundle and launch it?
//
//   attune::Device device("host");
//   attune::Kernel kernel(device, attune::Bundle::open("kernels.attn"), "causal");
//   kernel.launch({q, k, v, o});                    // DLTensors, then numbers where it takes them
//
// Header only, over the C API (attune.h), which says more about each function. Handles own what
// they name and can be moved but not copied. Whatever fails throws attune::Error.
#pragma once

#include "attune.h"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace attune {

/// A call that failed; what() is the library's sentence.
class Error : public std::runtime_error {
public:
  Error(attune_status status, const char *message) : std::runtime_error(message), code(status) {}
  attune_status status() const { return code; }

private:
  attune_status code;
};

namespace detail {
inline void check(attune_status status) {
  if (status != ATTUNE_OK)
    throw Error(status, attune_last_message());
}
} // namespace detail

inline const char *version() { return attune_version(); }

/// Describes an argument of a kernel; a copy, valid for ever.
struct OperandInfo {
  std::string name;
  attune_role role;
  std::string axis;
  std::string dtype;
  /// ATTUNE_DYNAMIC where a launch decides.
  std::vector<int64_t> shape;
};

/// Describes the code of a kernel for a target; a copy, valid for ever.
struct VariantInfo {
  explicit VariantInfo(const attune_variant_info &info)
      : target(info.target), format(info.format), entry(info.entry), tool(info.tool),
        threads(info.threads), sharedBytes(info.shared_bytes), scratchBytes(info.scratch_bytes),
        alignment(info.alignment), prePassCount(info.pre_pass_count),
        workspaceCount(info.workspace_count),
        code(static_cast<const char *>(info.code), info.code ? info.code_size : 0),
        fallback(info.fallback) {}
  std::string target, format, entry, tool;
  int64_t threads, sharedBytes, scratchBytes, alignment;
  size_t prePassCount, workspaceCount;
  /// Empty when it comes from a loaded kernel.
  std::string code;
  /// Of a loaded kernel: why code that suits the device better was not taken.
  std::string fallback;
};

/// Describes a kernel of a bundle; a copy, valid for ever.
struct KernelInfo {
  std::string name;
  std::vector<OperandInfo> operands;
  std::vector<OperandInfo> results;
  std::vector<VariantInfo> variants;
};

/// A file of compiled kernels, in memory. It contains code: open only those that you would run.
class Bundle {
public:
  static Bundle open(const std::string &path) {
    attune_bundle *bundle = nullptr;
    detail::check(attune_bundle_open(path.c_str(), &bundle));
    return Bundle(bundle);
  }
  static Bundle fromMemory(std::string_view bytes) {
    attune_bundle *bundle = nullptr;
    detail::check(attune_bundle_open_memory(bytes.data(), bytes.size(), &bundle));
    return Bundle(bundle);
  }

  std::string producer() const { return attune_bundle_producer(get()); }
  size_t kernelCount() const { return attune_bundle_kernel_count(get()); }

  KernelInfo kernel(size_t index) const {
    attune_kernel_info info;
    detail::check(attune_bundle_kernel(get(), index, &info));
    KernelInfo result;
    result.name = info.name;
    for (size_t i = 0; i < info.operand_count + info.result_count; ++i)
      (i < info.operand_count ? result.operands : result.results).push_back(argument(index, i));
    for (size_t i = 0; i < info.variant_count; ++i) {
      attune_variant_info variant;
      detail::check(attune_bundle_variant(get(), index, i, &variant));
      result.variants.emplace_back(variant);
    }
    return result;
  }
  KernelInfo kernel(const std::string &name) const {
    size_t index = 0;
    detail::check(attune_bundle_find_kernel(get(), name.c_str(), &index));
    return kernel(index);
  }

  const attune_bundle *get() const { return handle.get(); }

private:
  explicit Bundle(attune_bundle *bundle) : handle(bundle, attune_bundle_close) {}

  OperandInfo argument(size_t kernel, size_t index) const {
    attune_operand_info info;
    detail::check(attune_bundle_argument(get(), kernel, index, &info));
    return {info.name, info.role, info.axis, info.dtype, {info.shape, info.shape + info.rank}};
  }

  std::unique_ptr<attune_bundle, void (*)(attune_bundle *)> handle;
};

class Device;

/// Memory of a device, freed with this object, which the device has to outlive.
class Memory {
public:
  Memory(Memory &&other) noexcept
      : device(other.device), pointer(std::exchange(other.pointer, nullptr)), bytes(other.bytes) {}
  Memory &operator=(Memory &&other) noexcept {
    std::swap(device, other.device);
    std::swap(pointer, other.pointer);
    std::swap(bytes, other.bytes);
    return *this;
  }
  ~Memory() { attune_device_free(device, pointer); }

  void *data() const { return pointer; }
  size_t size() const { return bytes; }
  /// Copies size() bytes from or to the caller's memory; complete on return.
  void copyFrom(const void *from, void *stream = nullptr) {
    detail::check(attune_device_copy_to(device, pointer, from, bytes, stream));
  }
  void copyTo(void *to, void *stream = nullptr) const {
    detail::check(attune_device_copy_from(device, to, pointer, bytes, stream));
  }

private:
  friend class Device;
  Memory(attune_device *device, size_t bytes) : device(device), bytes(bytes) {
    detail::check(attune_device_allocate(device, bytes, &pointer));
  }

  attune_device *device;
  void *pointer = nullptr;
  size_t bytes;
};

/// Something that runs kernels: "host", "host:4", "cuda", "cuda:1".
class Device {
public:
  explicit Device(const std::string &name = "host") : handle(nullptr, attune_device_close) {
    attune_device *device = nullptr;
    detail::check(attune_device_open(name.c_str(), &device));
    handle.reset(device);
  }

  std::string name() const { return attune_device_name(get()); }
  std::string description() const { return attune_device_description(get()); }
  DLDevice dlpack() const {
    DLDevice where;
    detail::check(attune_device_dlpack(get(), &where));
    return where;
  }
  Memory allocate(size_t bytes) { return Memory(get(), bytes); }
  void *createStream() {
    void *stream = nullptr;
    detail::check(attune_device_create_stream(get(), &stream));
    return stream;
  }
  void destroyStream(void *stream) { detail::check(attune_device_destroy_stream(get(), stream)); }
  void synchronize(void *stream = nullptr) {
    detail::check(attune_device_synchronize(get(), stream));
  }
  /// See attune_device_set_host_isa.
  void setHostIsa(const std::string &isa) {
    detail::check(attune_device_set_host_isa(get(), isa.empty() ? nullptr : isa.c_str()));
  }

  /// See attune_sim_configure.
  void configureSimulator(const std::string &options) {
    detail::check(attune_sim_configure(get(), options.c_str()));
  }
  /// See attune_sim_last_report.
  attune_sim_report simulatorReport() {
    attune_sim_report report;
    detail::check(attune_sim_last_report(get(), &report));
    return report;
  }

  attune_device *get() const { return handle.get(); }

private:
  std::unique_ptr<attune_device, void (*)(attune_device *)> handle;
};

/// A DLTensor with its own shape and strides, of data that lies elsewhere.
class TensorView {
public:
  /// Row-major without gaps, unless strides (in elements) are given.
  TensorView(void *data, DLDevice device, DLDataType dtype, std::vector<int64_t> shape,
             std::vector<int64_t> strides = {})
      : sizes(std::move(shape)), steps(std::move(strides)), view{} {
    if (!steps.empty() && steps.size() != sizes.size())
      throw Error(ATTUNE_INVALID_ARGUMENT, "tensor view: expected one stride a dimension");
    view.data = data;
    view.device = device;
    view.ndim = int(sizes.size());
    view.dtype = dtype;
  }

  /// Valid while this object is.
  const DLTensor *get() const {
    view.shape = sizes.data();
    view.strides = steps.empty() ? nullptr : steps.data();
    return &view;
  }

private:
  mutable std::vector<int64_t> sizes, steps;
  mutable DLTensor view;
};

/// One argument of a launch: a tensor or a number. Refers to the tensor, which has to live until
/// launch returns.
class Argument {
public:
  Argument(const DLTensor *tensor) {
    raw.kind = ATTUNE_TENSOR;
    raw.value.tensor = tensor;
  }
  Argument(const DLTensor &tensor) : Argument(&tensor) {}
  Argument(const TensorView &tensor) : Argument(tensor.get()) {}
  template <typename T, std::enable_if_t<std::is_arithmetic_v<T>, int> = 0> Argument(T number) {
    if constexpr (std::is_floating_point_v<T>) {
      raw.kind = ATTUNE_REAL;
      raw.value.real = double(number);
    } else {
      raw.kind = ATTUNE_INTEGER;
      raw.value.integer = int64_t(number);
    }
  }

  const attune_argument &get() const { return raw; }

private:
  attune_argument raw;
};

/// A kernel's code, loaded on a device. The bundle may go away, the device object too.
class Kernel {
public:
  Kernel(Device &device, const Bundle &bundle, const std::string &name)
      : handle(nullptr, attune_kernel_unload) {
    attune_kernel *kernel = nullptr;
    detail::check(attune_kernel_load(device.get(), bundle.get(), name.c_str(), &kernel));
    handle.reset(kernel);
  }

  VariantInfo variant() const {
    attune_variant_info info;
    detail::check(attune_kernel_variant(get(), &info));
    return VariantInfo(info);
  }

  /// See attune_kernel_variant_for.
  VariantInfo variantFor(const std::vector<Argument> &arguments) const {
    attune_variant_info info;
    detail::check(attune_kernel_variant_for(get(), raw(arguments.data()), arguments.size(), &info));
    return VariantInfo(info);
  }

  /// All operands, then all results. Allocates only what workspaceBytes says.
  void launch(std::initializer_list<Argument> arguments, void *stream = nullptr) {
    launch(arguments.begin(), arguments.size(), stream);
  }
  void launch(const std::vector<Argument> &arguments, void *stream = nullptr) {
    launch(arguments.data(), arguments.size(), stream);
  }
  void check(const std::vector<Argument> &arguments) const {
    detail::check(attune_kernel_check(get(), raw(arguments.data()), arguments.size()));
  }

  /// See attune_kernel_workspace_bytes.
  size_t workspaceBytes(const std::vector<Argument> &arguments) const {
    size_t bytes = 0;
    detail::check(
        attune_kernel_workspace_bytes(get(), raw(arguments.data()), arguments.size(), &bytes));
    return bytes;
  }

  attune_kernel *get() const { return handle.get(); }

private:
  static_assert(sizeof(Argument) == sizeof(attune_argument),
                "an array of arguments is an array of the C API's");
  static const attune_argument *raw(const Argument *arguments) {
    return arguments ? &arguments->get() : nullptr;
  }
  void launch(const Argument *arguments, size_t count, void *stream) {
    detail::check(attune_kernel_launch(get(), raw(arguments), count, stream));
  }

  std::unique_ptr<attune_kernel, void (*)(attune_kernel *)> handle;
};

/// See attune_host_probe_fma_peak.
inline double probeFmaPeak(int threads = 0) {
  double gflops = 0;
  detail::check(attune_host_probe_fma_peak(threads, &gflops));
  return gflops;
}

} // namespace attune
