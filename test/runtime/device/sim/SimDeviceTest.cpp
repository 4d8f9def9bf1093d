// SPDX-License-Identifier: Apache-2.0
// Does a bundle's PTX run on the simulated device as it would on a GPU, with its own memory, tensor
// maps and options, and what does a launch say when the simulator finds something?
#include "test/runtime/device/CopyTokens.h"

using namespace attune;
using namespace attune::testing;

namespace {

TEST(SimDevice, RunsABundleWithATensorMap) {
  Device device("sim");
  EXPECT_EQ(device.name(), "sim");
  EXPECT_EQ(device.description(), "a simulated GPU");
  Kernel kernel(device, openBundle(copyBundle()), "copy_tokens");
  EXPECT_EQ(kernel.variant().target, "sm_90a");
  for (const char *options : {"", "completion=early", "completion=random,seed=3,threads=1"}) {
    device.configureSimulator(options);
    CopyProblem problem(device);
    kernel.launch(problem.arguments());
    EXPECT_EQ(problem.result(), problem.numbers) << options;
    attune_sim_report report = device.simulatorReport();
    EXPECT_STREQ(report.findings, "");
    EXPECT_STREQ(report.counters, "");
    EXPECT_EQ(report.errors + report.warnings, 0u);
  }
}

TEST(SimDevice, CountsWhenAsked) {
  Device device("sim");
  device.configureSimulator("counters=on");
  Kernel kernel(device, openBundle(copyBundle()), "copy_tokens");
  CopyProblem problem(device);
  kernel.launch(problem.arguments());
  EXPECT_NE(std::string(device.simulatorReport().counters).find("18 blocks"), std::string::npos);
}

TEST(SimDevice, FindingsFailTheLaunch) {
  // Nobody waits for the copy.
  std::string ptx = copyPtx;
  ptx.replace(ptx.find("  @!%p1 bra WAIT;"), 17, "");
  ptx.replace(ptx.find("  mbarrier.try_wait"),
              ptx.find(";", ptx.find("  mbarrier.try_wait")) + 1 - ptx.find("  mbarrier.try_wait"),
              "");
  Device device("sim");
  Kernel kernel(device, openBundle(copyBundle(ptx)), "copy_tokens");
  CopyProblem problem(device);
  std::string message = messageOf([&] { kernel.launch(problem.arguments()); }, ATTUNE_DEVICE_ERROR);
  EXPECT_EQ(message.rfind("kernel 'copy_tokens': the simulator found 1 error; the first:\n", 0), 0u)
      << message;
  attune_sim_report report = device.simulatorReport();
  EXPECT_EQ(report.errors, 1u);
  EXPECT_NE(std::string(report.findings).find("ld.shared.b32"), std::string::npos)
      << report.findings;
}

TEST(SimDevice, MemoryIsItsOwn) {
  Device device("sim");
  Kernel kernel(device, openBundle(copyBundle()), "copy_tokens");
  std::vector<float> here(2 * 3 * 10 * 32);
  CopyProblem problem(device);
  TensorView view(here.data(), {kDLCPU, 0}, float32, {2, 3, 10, 32});
  std::vector<Argument> arguments = {Argument(view), Argument(problem.oView)};
  EXPECT_NE(messageOf([&] { kernel.launch(arguments); }, ATTUNE_INVALID_ARGUMENT).find("'x'"),
            std::string::npos);
  EXPECT_NE(messageOf(
                [&] {
                  if (attune_device_copy_to(device.get(), here.data(), here.data(), 4, nullptr))
                    throw Error(ATTUNE_INVALID_ARGUMENT, attune_last_message());
                },
                ATTUNE_INVALID_ARGUMENT)
                .find("expected its memory"),
            std::string::npos);
}

TEST(SimDevice, RefusesWhatItCannotDo) {
  EXPECT_EQ(messageOf([] { Device device("sim:90"); }, ATTUNE_INVALID_ARGUMENT),
            "device 'sim:90': expected a GPU such as sm_80 after 'sim:'");
  Device device("sim");
  EXPECT_EQ(messageOf([&] { device.setHostIsa("x86-64"); }, ATTUNE_INVALID_ARGUMENT),
            "device sim has no host instruction set");
  EXPECT_NE(
      messageOf([&] { device.configureSimulator("seed=x"); }, ATTUNE_INVALID_ARGUMENT).find("seed"),
      std::string::npos);
  Device host("host:1");
  EXPECT_EQ(messageOf([&] { host.configureSimulator(""); }, ATTUNE_INVALID_ARGUMENT),
            "device host:1 is not simulated: expected sim");
  Device older("sim:sm_80");
  EXPECT_NE(
      messageOf([&] { Kernel(older, openBundle(copyBundle()), "copy_tokens"); }, ATTUNE_NOT_FOUND)
          .find("sm_90a (ptx)"),
      std::string::npos);
  EXPECT_NE(messageOf([&] { Kernel(device, openBundle(copyBundle("nonsense")), "copy_tokens"); },
                      ATTUNE_DEVICE_ERROR)
                .find("the simulator cannot load the PTX for sm_90a"),
            std::string::npos);
}

} // namespace
