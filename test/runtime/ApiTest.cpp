// SPDX-License-Identifier: Apache-2.0
// What does the C API say of a bundle, and how does it take null pointers and wrong names? This
// test is linked to the shared library alone, as a user's program is.
#include "test/runtime/bundle/SampleBundle.h"
#include "test/runtime/device/ScaleAdd.h"

#include <thread>

using namespace attune;
using namespace attune::testing;

namespace {

TEST(Api, Version) { EXPECT_STREQ(version(), ATTUNE_EXPECTED_VERSION); }

TEST(Api, DescribesABundle) {
  Bundle contents = openBundle(bundle::sampleBundle());
  EXPECT_EQ(contents.producer(), "attune 0.1.0");
  ASSERT_EQ(contents.kernelCount(), 1u);
  KernelInfo kernel = contents.kernel("alibi_window");
  EXPECT_EQ(kernel.name, "alibi_window");
  ASSERT_EQ(kernel.operands.size(), 5u);
  EXPECT_EQ(kernel.operands[0].name, "q");
  EXPECT_EQ(kernel.operands[0].role, ATTUNE_ROWS);
  EXPECT_EQ(kernel.operands[0].axis, "q");
  EXPECT_EQ(kernel.operands[0].dtype, "bf16");
  EXPECT_EQ(kernel.operands[0].shape,
            (std::vector<int64_t>{ATTUNE_DYNAMIC, ATTUNE_DYNAMIC, ATTUNE_DYNAMIC, 128}));
  EXPECT_EQ(kernel.operands[3].role, ATTUNE_SCALAR);
  EXPECT_TRUE(kernel.operands[3].shape.empty());
  ASSERT_EQ(kernel.results.size(), 1u);
  EXPECT_EQ(kernel.results[0].name, "o");
  ASSERT_EQ(kernel.variants.size(), 4u);
  EXPECT_EQ(kernel.variants[0].target, "sm_80");
  EXPECT_EQ(kernel.variants[0].format, "ptx");
  EXPECT_EQ(kernel.variants[0].tool, "ptxas 13.0.88");
  EXPECT_EQ(kernel.variants[0].sharedBytes, 65536);
  EXPECT_EQ(kernel.variants[0].code, bundle::sampleBundle().blobs[0]);
  EXPECT_EQ(kernel.variants[0].prePassCount + kernel.variants[0].workspaceCount, 0u);
  EXPECT_EQ(kernel.variants[3].prePassCount, 2u);
  EXPECT_EQ(kernel.variants[3].workspaceCount, 2u);
}

TEST(Api, UnknownKernelListsTheKnownOnes) {
  Bundle contents = openBundle(bundle::sampleBundle());
  EXPECT_EQ(messageOf([&] { contents.kernel("causal"); }, ATTUNE_NOT_FOUND),
            "no kernel 'causal' in the bundle; it has alibi_window");
  Bundle empty = openBundle(bundle::Bundle());
  EXPECT_EQ(messageOf([&] { empty.kernel("causal"); }, ATTUNE_NOT_FOUND),
            "no kernel 'causal' in the bundle; it has none");
}

TEST(Api, IndexOutOfRange) {
  Bundle contents = openBundle(bundle::sampleBundle());
  EXPECT_EQ(messageOf([&] { contents.kernel(1); }, ATTUNE_INVALID_ARGUMENT),
            "expected the index of a kernel below 1, but got 1");
  attune_operand_info operand;
  EXPECT_EQ(attune_bundle_argument(contents.get(), 0, 6, &operand), ATTUNE_INVALID_ARGUMENT);
  EXPECT_STREQ(attune_last_message(), "expected the index of an argument below 6, but got 6");
  attune_variant_info variant;
  EXPECT_EQ(attune_bundle_variant(contents.get(), 0, 4, &variant), ATTUNE_INVALID_ARGUMENT);
  EXPECT_STREQ(attune_last_message(), "expected the index of a variant below 4, but got 4");
}

TEST(Api, DamagedBundle) {
  EXPECT_EQ(messageOf([] { Bundle::fromMemory("nonsense"); }, ATTUNE_BAD_BUNDLE),
            "bundle: expected the file to begin with ATTNBNDL; this is not a bundle");
  EXPECT_EQ(messageOf([] { Bundle::fromMemory(""); }, ATTUNE_BAD_BUNDLE),
            "bundle: expected a bundle, but the file is empty");
  EXPECT_EQ(messageOf([] { Bundle::open("/nowhere/kernels.attn"); }, ATTUNE_BAD_BUNDLE),
            "/nowhere/kernels.attn: cannot open: No such file or directory");
}

TEST(Api, FailureLeavesTheOutputAlone) {
  attune_bundle *untouched = reinterpret_cast<attune_bundle *>(8);
  EXPECT_EQ(attune_bundle_open_memory("x", 1, &untouched), ATTUNE_BAD_BUNDLE);
  EXPECT_EQ(untouched, reinterpret_cast<attune_bundle *>(8));
}

TEST(Api, DeviceNames) {
  for (const char *name : {"", "gpu", "host:", "host:0", "host:-1", "host:2x", "host:9999",
                           "cuda:", "cuda:x", "cuda:-1", "Host"})
    EXPECT_NE(messageOf([&] { Device device(name); }, ATTUNE_INVALID_ARGUMENT), "") << name;
  EXPECT_EQ(messageOf([] { Device device("tpu"); }, ATTUNE_INVALID_ARGUMENT),
            "device 'tpu': expected host, host:<threads>, cuda, cuda:<ordinal>, sim or "
            "sim:sm_<number>");
  EXPECT_EQ(messageOf([] { Device device("host:0"); }, ATTUNE_INVALID_ARGUMENT),
            "device 'host:0': expected from 1 to 1024 threads after 'host:'");
  EXPECT_EQ(messageOf([] { Device device("cuda:first"); }, ATTUNE_INVALID_ARGUMENT),
            "device 'cuda:first': expected the ordinal of a GPU after 'cuda:'");
}

TEST(Api, LongMessageIsCut) {
  std::string name(10000, 'x');
  std::string message = messageOf([&] { Device device(name); }, ATTUNE_INVALID_ARGUMENT);
  EXPECT_EQ(message.size(), 4095u);
}

TEST(Api, MessagesBelongToTheirThread) {
  messageOf([] { Device device("tpu"); }, ATTUNE_INVALID_ARGUMENT);
  std::string other = "unset";
  std::thread([&] { other = attune_last_message(); }).join();
  EXPECT_EQ(other, "");
}

TEST(Api, TensorViewOfTheWrongNumberOfStrides) {
  messageOf([] { TensorView(nullptr, {kDLCPU, 0}, {kDLFloat, 32, 1}, {1, 2}, {1}); },
            ATTUNE_INVALID_ARGUMENT);
}

TEST(Api, MemoryMoves) {
  Device device("host:1");
  Memory first = device.allocate(8), second = device.allocate(16);
  void *data = first.data();
  second = std::move(first);
  EXPECT_EQ(second.data(), data);
  Memory third = std::move(second);
  EXPECT_EQ(third.data(), data);
  EXPECT_EQ(third.size(), 8u);
}

//===-- Null pointers ------------------------------------------------------------------------------

TEST(NullPointers, AreClosedQuietly) {
  attune_bundle_close(nullptr);
  attune_device_close(nullptr);
  attune_kernel_unload(nullptr);
  EXPECT_EQ(attune_device_free(nullptr, nullptr), ATTUNE_OK);
}

TEST(NullPointers, HaveEmptyDescriptions) {
  EXPECT_STREQ(attune_bundle_producer(nullptr), "");
  EXPECT_EQ(attune_bundle_kernel_count(nullptr), 0u);
  EXPECT_STREQ(attune_device_name(nullptr), "");
  EXPECT_STREQ(attune_device_description(nullptr), "");
}

/// Each is refused with a message; the one that is asked for follows it.
#define EXPECT_REFUSED(call, message)                                                              \
  EXPECT_EQ(call, ATTUNE_INVALID_ARGUMENT);                                                        \
  EXPECT_STREQ(attune_last_message(), message)

TEST(NullPointers, ForBundles) {
  attune_bundle *opened = nullptr;
  Bundle contents = openBundle(bundle::sampleBundle());
  const attune_bundle *some = contents.get();
  size_t index = 0;
  attune_kernel_info kernel;
  attune_operand_info operand;
  attune_variant_info variant;
  const char *bundleMessage = "expected a bundle, but got a null pointer";
  const char *placeMessage = "expected a place for the description, but got a null pointer";
  EXPECT_REFUSED(attune_bundle_open(nullptr, &opened), "expected a path, but got a null pointer");
  EXPECT_REFUSED(attune_bundle_open("x", nullptr),
                 "expected a place for the bundle, but got a null pointer");
  EXPECT_REFUSED(attune_bundle_open_memory(nullptr, 4, &opened),
                 "expected bytes, but got a null pointer");
  EXPECT_REFUSED(attune_bundle_open_memory("", 0, nullptr),
                 "expected a place for the bundle, but got a null pointer");
  EXPECT_REFUSED(attune_bundle_kernel(nullptr, 0, &kernel), bundleMessage);
  EXPECT_REFUSED(attune_bundle_kernel(some, 0, nullptr), placeMessage);
  EXPECT_REFUSED(attune_bundle_find_kernel(nullptr, "x", &index), bundleMessage);
  EXPECT_REFUSED(attune_bundle_find_kernel(some, nullptr, &index),
                 "expected a name, but got a null pointer");
  EXPECT_REFUSED(attune_bundle_find_kernel(some, "x", nullptr),
                 "expected a place for the index, but got a null pointer");
  EXPECT_REFUSED(attune_bundle_argument(nullptr, 0, 0, &operand), bundleMessage);
  EXPECT_REFUSED(attune_bundle_argument(some, 0, 0, nullptr), placeMessage);
  EXPECT_REFUSED(attune_bundle_variant(nullptr, 0, 0, &variant), bundleMessage);
  EXPECT_REFUSED(attune_bundle_variant(some, 0, 0, nullptr), placeMessage);
}

TEST(NullPointers, ForDevices) {
  Device host("host:1");
  attune_device *some = host.get(), *opened = nullptr;
  void *pointer = nullptr;
  DLDevice where;
  char byte = 0;
  const char *deviceMessage = "expected a device, but got a null pointer";
  const char *copyMessage = "copy: expected memory, but got a null pointer";
  EXPECT_REFUSED(attune_device_open(nullptr, &opened), "expected a name, but got a null pointer");
  EXPECT_REFUSED(attune_device_open("host", nullptr),
                 "expected a place for the device, but got a null pointer");
  EXPECT_REFUSED(attune_device_dlpack(nullptr, &where), deviceMessage);
  EXPECT_REFUSED(attune_device_dlpack(some, nullptr),
                 "expected a place for the device, but got a null pointer");
  EXPECT_REFUSED(attune_device_set_host_isa(nullptr, "x86-64"), deviceMessage);
  EXPECT_REFUSED(attune_device_allocate(nullptr, 1, &pointer), deviceMessage);
  EXPECT_REFUSED(attune_device_allocate(some, 1, nullptr),
                 "expected a place for the pointer, but got a null pointer");
  EXPECT_REFUSED(attune_device_free(nullptr, &byte), deviceMessage);
  EXPECT_REFUSED(attune_device_copy_to(nullptr, &byte, &byte, 1, nullptr), deviceMessage);
  EXPECT_REFUSED(attune_device_copy_to(some, nullptr, &byte, 1, nullptr), copyMessage);
  EXPECT_REFUSED(attune_device_copy_to(some, &byte, nullptr, 1, nullptr), copyMessage);
  EXPECT_REFUSED(attune_device_copy_from(nullptr, &byte, &byte, 1, nullptr), deviceMessage);
  EXPECT_REFUSED(attune_device_copy_from(some, nullptr, &byte, 1, nullptr), copyMessage);
  EXPECT_REFUSED(attune_device_create_stream(nullptr, &pointer), deviceMessage);
  EXPECT_REFUSED(attune_device_create_stream(some, nullptr),
                 "expected a place for the stream, but got a null pointer");
  EXPECT_REFUSED(attune_device_destroy_stream(nullptr, nullptr), deviceMessage);
  EXPECT_REFUSED(attune_device_synchronize(nullptr, nullptr), deviceMessage);
}

TEST(NullPointers, ForKernels) {
  Device host("host:1");
  Bundle contents = openBundle(bundle::sampleBundle());
  attune_kernel *kernel = nullptr;
  attune_variant_info variant;
  EXPECT_REFUSED(attune_kernel_load(nullptr, contents.get(), "x", &kernel),
                 "expected a device, but got a null pointer");
  EXPECT_REFUSED(attune_kernel_load(host.get(), nullptr, "x", &kernel),
                 "expected a bundle, but got a null pointer");
  EXPECT_REFUSED(attune_kernel_load(host.get(), contents.get(), nullptr, &kernel),
                 "expected a name, but got a null pointer");
  EXPECT_REFUSED(attune_kernel_load(host.get(), contents.get(), "x", nullptr),
                 "expected a place for the kernel, but got a null pointer");
  EXPECT_REFUSED(attune_kernel_variant(nullptr, &variant),
                 "expected a kernel, but got a null pointer");
  EXPECT_REFUSED(attune_kernel_launch(nullptr, nullptr, 0, nullptr),
                 "expected a kernel, but got a null pointer");
  EXPECT_REFUSED(attune_kernel_check(nullptr, nullptr, 0),
                 "expected a kernel, but got a null pointer");
  size_t bytes = 0;
  EXPECT_REFUSED(attune_kernel_workspace_bytes(nullptr, nullptr, 0, &bytes),
                 "expected a kernel, but got a null pointer");
  EXPECT_REFUSED(attune_kernel_variant_for(nullptr, nullptr, 0, &variant),
                 "expected a kernel, but got a null pointer");
  EXPECT_REFUSED(attune_host_probe_fma_peak(1, nullptr),
                 "expected a place for the result, but got a null pointer");
}

} // namespace
