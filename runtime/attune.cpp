// SPDX-License-Identifier: Apache-2.0
// The C API: checks pointers, calls the parts, and turns what they throw into a status and a
// message.
#include "runtime/attune.h"

#include "runtime/bundle/Bundle.h"
#include "runtime/device/Kernel.h"
#include "runtime/device/host/FmaProbe.h"

#include <exception>
#include <mutex>
#include <new>

using namespace attune;
using device::fail;
using device::failArgument;

struct attune_bundle {
  bundle::Bundle contents;
};

struct attune_device {
  std::shared_ptr<device::Device> implementation;
  std::string description;
};

struct attune_kernel {
  device::Kernel implementation;
};

namespace {

/// A copy that cannot fail: the message is cut where it does not fit.
struct LastMessage {
  char text[4096] = "";
  void set(const char *message) {
    size_t length = 0;
    while (length + 1 < sizeof(text) && message[length])
      ++length;
    std::char_traits<char>::copy(text, message, length);
    text[length] = '\0';
  }
};
thread_local LastMessage lastMessage;

template <typename Body> attune_status guard(Body body) {
  attune_status status = ATTUNE_INTERNAL;
  try {
    body();
    return ATTUNE_OK;
  } catch (const device::StatusError &error) {
    status = error.status;
    lastMessage.set(error.message.c_str());
  } catch (const std::bad_alloc &) {
    status = ATTUNE_OUT_OF_MEMORY;
    lastMessage.set("out of memory");
  } catch (const std::exception &error) {
    lastMessage.set(error.what());
  } catch (...) {
    lastMessage.set("unknown failure");
  }
  return status;
}

/// Runs the body; what it throws names the kernel.
template <typename Body> void naming(const std::string &name, Body body) {
  try {
    body();
  } catch (device::StatusError &error) {
    error.message = "kernel '" + name + "': " + error.message;
    throw;
  }
}

/// What the pointer refers to; of an output, asked for before anything is done.
template <typename T> T &expect(T *pointer, const char *name) {
  if (!pointer)
    failArgument(std::string("expected ") + name + ", but got a null pointer");
  return *pointer;
}

template <typename Body> attune_status withKernel(const attune_kernel *handle, Body body) {
  return guard([&] {
    const device::Kernel &kernel = expect(handle, "a kernel").implementation;
    naming(kernel.info().name, [&] { body(kernel); });
  });
}

template <typename T>
const T &expectIndex(const std::vector<T> &list, size_t index, const char *what) {
  if (index >= list.size())
    failArgument(std::string("expected the index of a ") + what + " below " +
                 std::to_string(list.size()) + ", but got " + std::to_string(index));
  return list[index];
}

const bundle::KernelInfo &kernelOf(const attune_bundle *from, size_t index) {
  return expectIndex(expect(from, "a bundle").contents.manifest.kernels, index, "kernel");
}

attune_variant_info describeVariant(const bundle::Variant &variant) {
  attune_variant_info info = {};
  info.target = variant.target.c_str();
  info.format = spelling(variant.format).data();
  info.entry = variant.entry.c_str();
  info.tool = variant.tool.c_str();
  info.threads = variant.threads;
  info.shared_bytes = variant.sharedBytes;
  info.scratch_bytes = variant.scratchBytes;
  info.alignment = variant.alignment;
  info.fallback = "";
  info.pre_pass_count = variant.before.size();
  info.workspace_count = variant.workspaces.size();
  return info;
}

void openBundle(bundle::Result<bundle::Bundle> parsed, attune_bundle **result) {
  if (!parsed)
    fail(ATTUNE_BAD_BUNDLE, parsed.message());
  *result = new attune_bundle{*std::move(parsed)};
}

size_t findKernel(const bundle::Manifest &manifest, const char *name) {
  std::string names;
  for (size_t i = 0; i < manifest.kernels.size(); ++i) {
    if (manifest.kernels[i].name == name)
      return i;
    names += (names.empty() ? "" : ", ") + manifest.kernels[i].name;
  }
  fail(ATTUNE_NOT_FOUND, "no kernel '" + std::string(name) + "' in the bundle; it has " +
                             (names.empty() ? "none" : names));
}

} // namespace

const char *attune_version(void) { return ATTUNE_VERSION; }

const char *attune_last_message(void) { return lastMessage.text; }

attune_status attune_bundle_open(const char *path, attune_bundle **result) {
  return guard([&] {
    expect(result, "a place for the bundle");
    openBundle(bundle::readBundle(&expect(path, "a path")), result);
  });
}

attune_status attune_bundle_open_memory(const void *bytes, size_t size, attune_bundle **result) {
  return guard([&] {
    expect(result, "a place for the bundle");
    const char *first = size ? &expect(static_cast<const char *>(bytes), "bytes") : "";
    openBundle(bundle::parseBundle({first, size}), result);
  });
}

void attune_bundle_close(attune_bundle *closed) { delete closed; }

const char *attune_bundle_producer(const attune_bundle *from) {
  return from ? from->contents.manifest.producer.c_str() : "";
}

size_t attune_bundle_kernel_count(const attune_bundle *from) {
  return from ? from->contents.manifest.kernels.size() : 0;
}

attune_status attune_bundle_kernel(const attune_bundle *from, size_t index,
                                   attune_kernel_info *info) {
  return guard([&] {
    const bundle::KernelInfo &kernel = kernelOf(from, index);
    auto &place = expect(info, "a place for the description");
    place = {kernel.name.c_str(), kernel.operands.size(), kernel.results.size(),
             kernel.variants.size()};
  });
}

attune_status attune_bundle_find_kernel(const attune_bundle *from, const char *name,
                                        size_t *index) {
  return guard([&] {
    auto &place = expect(index, "a place for the index");
    place = findKernel(expect(from, "a bundle").contents.manifest, &expect(name, "a name"));
  });
}

attune_status attune_bundle_argument(const attune_bundle *from, size_t kernelIndex, size_t argument,
                                     attune_operand_info *info) {
  return guard([&] {
    const bundle::KernelInfo &kernel = kernelOf(from, kernelIndex);
    size_t operands = kernel.operands.size(), count = operands + kernel.results.size();
    if (argument >= count)
      failArgument("expected the index of an argument below " + std::to_string(count) +
                   ", but got " + std::to_string(argument));
    const bundle::OperandInfo &found =
        argument < operands ? kernel.operands[argument] : kernel.results[argument - operands];
    auto &place = expect(info, "a place for the description");
    place = {found.name.c_str(),           attune_role(found.role), found.axis.c_str(),
             spelling(found.dtype).data(), found.shape.size(),      found.shape.data()};
  });
}

attune_status attune_bundle_variant(const attune_bundle *from, size_t kernelIndex, size_t index,
                                    attune_variant_info *info) {
  return guard([&] {
    const bundle::KernelInfo &kernel = kernelOf(from, kernelIndex);
    const bundle::Variant &variant = expectIndex(kernel.variants, index, "variant");
    attune_variant_info &place = expect(info, "a place for the description");
    place = describeVariant(variant);
    place.code = from->contents.blobs[variant.blob].data();
    place.code_size = from->contents.blobs[variant.blob].size();
  });
}

attune_status attune_device_open(const char *name, attune_device **result) {
  return guard([&] {
    expect(result, "a place for the device");
    std::shared_ptr<device::Device> opened = device::openDevice(&expect(name, "a name"));
    std::string description = opened->description();
    *result = new attune_device{std::move(opened), std::move(description)};
  });
}

void attune_device_close(attune_device *closed) { delete closed; }

const char *attune_device_name(const attune_device *from) {
  return from ? from->implementation->name().c_str() : "";
}

const char *attune_device_description(const attune_device *from) {
  return from ? from->description.c_str() : "";
}

attune_status attune_device_dlpack(const attune_device *from, DLDevice *where) {
  return guard([&] {
    auto &place = expect(where, "a place for the device");
    place = expect(from, "a device").implementation->dlpack();
  });
}

attune_status attune_device_set_host_isa(attune_device *on, const char *isa) {
  return guard([&] {
    expect(on, "a device").implementation->setHostIsa(isa);
    on->description = on->implementation->description();
  });
}

attune_status attune_sim_configure(attune_device *on, const char *options) {
  return guard([&] { expect(on, "a device").implementation->configureSimulator(options); });
}

attune_status attune_sim_last_report(attune_device *on, attune_sim_report *report) {
  return guard([&] {
    auto &place = expect(report, "a place for the report");
    device::SimulatorReport found = expect(on, "a device").implementation->simulatorReport();
    place = {found.errors, found.warnings, found.findings, found.counters};
  });
}

attune_status attune_device_allocate(attune_device *on, size_t bytes, void **pointer) {
  return guard([&] {
    auto &place = expect(pointer, "a place for the pointer");
    place = expect(on, "a device").implementation->allocate(bytes);
  });
}

attune_status attune_device_free(attune_device *on, void *pointer) {
  return guard([&] {
    if (pointer)
      expect(on, "a device").implementation->free(pointer);
  });
}

attune_status attune_device_copy_to(attune_device *on, void *to, const void *from, size_t bytes,
                                    void *stream) {
  return guard([&] {
    device::Device &target = *expect(on, "a device").implementation;
    if (bytes && (!to || !from))
      failArgument("copy: expected memory, but got a null pointer");
    target.copyTo(to, from, bytes, stream);
  });
}

attune_status attune_device_copy_from(attune_device *on, void *to, const void *from, size_t bytes,
                                      void *stream) {
  return guard([&] {
    device::Device &target = *expect(on, "a device").implementation;
    if (bytes && (!to || !from))
      failArgument("copy: expected memory, but got a null pointer");
    target.copyFrom(to, from, bytes, stream);
  });
}

attune_status attune_device_create_stream(attune_device *on, void **stream) {
  return guard([&] {
    auto &place = expect(stream, "a place for the stream");
    place = expect(on, "a device").implementation->createStream();
  });
}

attune_status attune_device_destroy_stream(attune_device *on, void *stream) {
  return guard([&] { expect(on, "a device").implementation->destroyStream(stream); });
}

attune_status attune_device_synchronize(attune_device *on, void *stream) {
  return guard([&] { expect(on, "a device").implementation->synchronize(stream); });
}

attune_status attune_kernel_load(attune_device *on, const attune_bundle *from, const char *name,
                                 attune_kernel **result) {
  return guard([&] {
    expect(result, "a place for the kernel");
    std::shared_ptr<device::Device> target = expect(on, "a device").implementation;
    const bundle::Bundle &contents = expect(from, "a bundle").contents;
    const bundle::KernelInfo &kernel =
        contents.manifest.kernels[findKernel(contents.manifest, &expect(name, "a name"))];
    naming(kernel.name, [&] {
      *result = new attune_kernel{device::Kernel(std::move(target), contents, kernel)};
    });
  });
}

void attune_kernel_unload(attune_kernel *unloaded) { delete unloaded; }

attune_status attune_kernel_variant(const attune_kernel *from, attune_variant_info *info) {
  return guard([&] {
    auto &place = expect(info, "a place for the description");
    const device::Kernel &kernel = expect(from, "a kernel").implementation;
    place = describeVariant(kernel.variant());
    place.fallback = kernel.fallback().c_str();
  });
}

attune_status attune_kernel_launch(attune_kernel *launched, const attune_argument *arguments,
                                   size_t count, void *stream) {
  return withKernel(launched,
                    [&](const device::Kernel &kernel) { kernel.launch(arguments, count, stream); });
}

attune_status attune_kernel_check(const attune_kernel *checked, const attune_argument *arguments,
                                  size_t count) {
  return withKernel(checked, [&](const device::Kernel &kernel) { kernel.check(arguments, count); });
}

attune_status attune_kernel_workspace_bytes(const attune_kernel *asked,
                                            const attune_argument *arguments, size_t count,
                                            size_t *bytes) {
  return withKernel(asked, [&](const device::Kernel &kernel) {
    auto &place = expect(bytes, "a place for the number of bytes");
    place = kernel.workspaceBytes(arguments, count);
  });
}

attune_status attune_kernel_variant_for(const attune_kernel *asked,
                                        const attune_argument *arguments, size_t count,
                                        attune_variant_info *info) {
  return withKernel(asked, [&](const device::Kernel &kernel) {
    auto &place = expect(info, "a place for the description");
    place = describeVariant(kernel.variantFor(arguments, count));
  });
}

attune_status attune_host_probe_fma_peak(int threads, double *gflops) {
  return guard([&] {
    if (threads < 0 || threads > 1024)
      failArgument("expected from 0 to 1024 threads, but got " + std::to_string(threads));
    auto &place = expect(gflops, "a place for the result");
    place = device::probeFmaPeak(threads);
  });
}
