// SPDX-License-Identifier: Apache-2.0
// Does the host device choose, load and run the right code, and say clearly when it cannot?
#include "runtime/device/host/Processor.h"
#include "test/runtime/device/ScaleAdd.h"

#include <cstdlib>
#include <cstring>

using namespace attune;
using namespace attune::testing;
using attune::device::detectHostIsa;
using attune::device::HostIsa;
using attune::device::hostIsaNames;
using bundle::BlobFormat;

// Under the address sanitizer an allocation that is too large should fail as it does elsewhere.
extern "C" const char *__asan_default_options();
extern "C" const char *__asan_default_options() { return "allocator_may_return_null=1"; }

namespace {

/// Sets an environment variable for the time of a test.
class Environment {
public:
  Environment(const char *name, const char *value) : name(name) { setenv(name, value, 1); }
  ~Environment() { unsetenv(name); }

private:
  const char *name;
};

bundle::Bundle scaleAddFor(std::vector<std::string> targets) {
  bundle::Bundle contents = scaleAddWithoutCode();
  contents.addBlob(readAll(ATTUNE_TEST_KERNEL));
  for (const std::string &target : targets)
    contents.manifest.kernels[0].variants.push_back(scaleAddVariant(target, BlobFormat::Elf));
  return contents;
}

const std::vector<std::string> allTargets = {"x86-64-v3", "x86-64", "x86-64-v4"};

TEST(HostDevice, NamesAndDescribesItself) {
  Device device("host:3");
  EXPECT_EQ(device.name(), "host:3");
  EXPECT_EQ(device.description(), "3 threads, " + std::string(hostIsaNames[int(detectHostIsa())]));
  EXPECT_EQ(device.dlpack().device_type, kDLCPU);
}

TEST(HostDevice, OneThreadACoreByDefault) {
  EXPECT_EQ(Device("host").name(), "host:" + std::to_string(device::usableCores()));
}

TEST(HostDevice, PicksTheRichestCodeThatTheProcessorRuns) {
  Device device("host:1");
  Kernel kernel(device, openBundle(scaleAddFor(allTargets)), "scale_add");
  EXPECT_EQ(kernel.variant().target, hostIsaNames[int(detectHostIsa())]);
}

TEST(HostDevice, PicksPoorerCodeWhenAskedTo) {
  Device device("host:1");
  for (int isa = 0; isa <= int(detectHostIsa()); ++isa) {
    device.setHostIsa(std::string(hostIsaNames[isa]));
    Kernel kernel(device, openBundle(scaleAddFor(allTargets)), "scale_add");
    EXPECT_EQ(kernel.variant().target, hostIsaNames[isa]);
    EXPECT_EQ(device.description(), "1 thread, " + std::string(hostIsaNames[isa]));
    ScaleAddProblem problem;
    kernel.launch(problem.arguments());
    problem.expectRight();
  }
  device.setHostIsa("");
  EXPECT_EQ(Kernel(device, openBundle(scaleAddFor(allTargets)), "scale_add").variant().target,
            hostIsaNames[int(detectHostIsa())]);
}

TEST(HostDevice, EnvironmentVariableLimitsTheCode) {
  Environment environment("ATTUNE_HOST_ISA", "x86-64");
  Device device("host:1");
  EXPECT_EQ(Kernel(device, openBundle(scaleAddFor(allTargets)), "scale_add").variant().target,
            "x86-64");
}

TEST(HostDevice, EnvironmentVariableThatIsNoInstructionSet) {
  Environment environment("ATTUNE_HOST_ISA", "pentium");
  EXPECT_EQ(messageOf([] { Device device("host:1"); }, ATTUNE_INVALID_ARGUMENT),
            "environment variable ATTUNE_HOST_ISA: expected x86-64, x86-64-v3 or x86-64-v4, but "
            "got 'pentium'");
}

TEST(HostDevice, InstructionSetThatTheProcessorLacks) {
  if (detectHostIsa() == HostIsa::V4)
    GTEST_SKIP() << "this processor has the richest instruction set";
  Device device("host:1");
  EXPECT_EQ(messageOf([&] { device.setHostIsa("x86-64-v4"); }, ATTUNE_INVALID_ARGUMENT),
            "host instruction set: expected an instruction set that this processor has, up to " +
                std::string(hostIsaNames[int(detectHostIsa())]) + ", but got x86-64-v4");
}

TEST(HostDevice, BundleWithoutHostCode) {
  Device device("host:1");
  device.setHostIsa("x86-64");
  bundle::Bundle contents = scaleAddFor({"x86-64-v3"});
  contents.manifest.kernels[0].variants.push_back(scaleAddVariant("sm_80", BlobFormat::Ptx));
  EXPECT_EQ(messageOf([&] { Kernel(device, openBundle(contents), "scale_add"); }, ATTUNE_NOT_FOUND),
            "kernel 'scale_add': expected code for device host:1 (1 thread, x86-64), but got only "
            "x86-64-v3 (elf), sm_80 (ptx); compile it with that target");
}

TEST(HostDevice, KernelWithoutCode) {
  Device device("host:1");
  std::string message = messageOf([&] { Kernel(device, openBundle(scaleAddFor({})), "scale_add"); },
                                  ATTUNE_NOT_FOUND);
  EXPECT_NE(message.find("but got none at all"), std::string::npos) << message;
}

/// The reason for which these bytes are not loaded as code.
std::string refusedCode(const std::string &code) {
  Device device("host:1");
  bundle::Bundle contents = scaleAddFor({"x86-64"});
  contents.blobs[0] = code;
  std::string message =
      messageOf([&] { Kernel(device, openBundle(contents), "scale_add"); }, ATTUNE_DEVICE_ERROR);
  std::string start = "kernel 'scale_add': the host code cannot be loaded: ";
  EXPECT_EQ(message.rfind(start, 0), 0u) << message;
  return message.substr(std::min(start.size(), message.size()));
}

TEST(HostDevice, CodeThatIsNotElf) {
  EXPECT_EQ(refusedCode(std::string(100, 'x')), "it is not an ELF object");
}

TEST(HostDevice, CodeForAnotherMachine) {
  std::string code = readAll(ATTUNE_TEST_KERNEL);
  code[18] = '\xb7'; // e_machine: AArch64
  EXPECT_EQ(refusedCode(code), "it is not a shared object for x86-64");
}

TEST(HostDevice, CodeThatIsCutShort) {
  std::string code = readAll(ATTUNE_TEST_KERNEL);
  EXPECT_EQ(refusedCode(""), "it is too short to be an ELF object");
  EXPECT_EQ(refusedCode(code.substr(0, 63)), "it is too short to be an ELF object");
  EXPECT_EQ(refusedCode(code.substr(0, 100)), "it ends before its table of segments");
  EXPECT_EQ(refusedCode(code.substr(0, 1000)), "it ends before its last segment");
}

TEST(HostDevice, CodeThatTheLoaderRefuses) {
  std::string code = readAll(ATTUNE_TEST_KERNEL);
  code[20] = 9; // e_version
  EXPECT_NE(refusedCode(code), "");
}

TEST(HostDevice, CodeWithoutTheEntry) {
  Device device("host:1");
  bundle::Bundle contents = scaleAddFor({"x86-64"});
  contents.manifest.kernels[0].variants[0].entry = "missing";
  EXPECT_EQ(
      messageOf([&] { Kernel(device, openBundle(contents), "scale_add"); }, ATTUNE_BAD_BUNDLE),
      "kernel 'scale_add': the host code for x86-64 has no symbol 'missing'");
}

TEST(HostDevice, ManyKernelsAtOnceAreDifferentObjects) {
  Device device("host:1");
  Bundle contents = openBundle(scaleAddFor({"x86-64"}));
  std::vector<Kernel> kernels;
  for (int i = 0; i < 20; ++i)
    kernels.emplace_back(device, contents, "scale_add");
  // The descriptors that these free are taken again by the next.
  kernels.erase(kernels.begin(), kernels.begin() + 10);
  for (int i = 0; i < 10; ++i)
    kernels.emplace_back(device, contents, "scale_add");
  for (Kernel &kernel : kernels) {
    ScaleAddProblem problem;
    kernel.launch(problem.arguments());
    problem.expectRight();
  }
}

TEST(HostDevice, ScratchMemoryIsAlignedTo64) {
  bundle::Bundle contents = scaleAddFor({"x86-64"});
  bundle::KernelInfo &info = contents.manifest.kernels[0];
  info.operands = {};
  info.results = {{"o", bundle::OperandRole::Table, "", bundle::ElementType::I64, {100}}};
  info.variants[0].entry = "scratch_address";
  info.variants[0].scratchBytes = 1 << 20;
  info.variants[0].parameters = {bundle::Parameter::pointer("o")};
  info.variants[0].grid = {bundle::Expression::size("o", 0), bundle::Expression::constant(1),
                           bundle::Expression::constant(1)};
  Device device("host:2");
  Kernel kernel(device, openBundle(contents), "scale_add");
  std::vector<int64_t> addresses(100);
  kernel.launch({TensorView(addresses.data(), device.dlpack(), {kDLInt, 64, 1}, {100})});
  for (int64_t address : addresses) {
    EXPECT_NE(address, 0);
    EXPECT_EQ(address % 64, 0);
  }
}

TEST(HostDevice, KernelOutlivesItsBundleAndItsDevice) {
  auto device = std::make_unique<Device>("host:2");
  auto contents = std::make_unique<Bundle>(openBundle(scaleAddFor({"x86-64"})));
  Kernel kernel(*device, *contents, "scale_add");
  contents.reset();
  device.reset();
  ScaleAddProblem problem;
  kernel.launch(problem.arguments());
  problem.expectRight();
}

TEST(HostDevice, MemoryIsAlignedAndCopied) {
  Device device("host:1");
  std::vector<float> in = {1, 2, 3}, out(3);
  Memory memory = device.allocate(12);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.data()) % 64, 0u);
  memory.copyFrom(in.data());
  memory.copyTo(out.data());
  EXPECT_EQ(in, out);
}

TEST(HostDevice, NoBytesOfMemory) {
  Device device("host:1");
  Memory memory = device.allocate(0);
  EXPECT_EQ(memory.data(), nullptr);
  memory.copyFrom(nullptr);
}

TEST(HostDevice, MoreMemoryThanThereIs) {
  Device device("host:1");
  EXPECT_EQ(messageOf([&] { device.allocate(SIZE_MAX / 2); }, ATTUNE_OUT_OF_MEMORY),
            "out of memory");
}

TEST(HostDevice, HasNoStreams) {
  Device device("host:1");
  EXPECT_EQ(device.createStream(), nullptr);
  device.synchronize();
  int something;
  EXPECT_EQ(messageOf([&] { device.synchronize(&something); }, ATTUNE_INVALID_ARGUMENT),
            "device host:1 has no streams: expected a null stream");
}

TEST(HostDevice, ProbeMeasuresSomethingPlausible) {
  double one = probeFmaPeak(1);
  // A processor of 0.1 GHz without vectors, and one of 10 GHz with four wide units.
  EXPECT_GT(one, 0.2);
  EXPECT_LT(one, 1300);
  EXPECT_EQ(messageOf([] { probeFmaPeak(-1); }, ATTUNE_INVALID_ARGUMENT),
            "expected from 0 to 1024 threads, but got -1");
}

} // namespace
