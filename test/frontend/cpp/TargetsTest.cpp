// SPDX-License-Identifier: Apache-2.0
// Do kernels of the C++ frontend become code for GPUs, and does the simulated one agree with the loops?
#include "test/frontend/cpp/Harness.h"

#include <gmock/gmock.h>

using namespace attn;

namespace {

/// The nearest bf16 of a float that is no NaN.
uint16_t toBf16(float number) {
  uint32_t bits = std::bit_cast<uint32_t>(number);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
float fromBf16(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

Attention makeKernel() {
  Table<float, 1> slope{"slope"};
  Scalar<int64_t> w{"w"};
  Attention kernel("window", {.headSize = 64, .type = Dtype::bf16});
  kernel.score(softcap(5)).score(alibi(slope)).mask(causal() && i - j <= w);
  return kernel;
}

TEST(CppTargets, CodeForGpus) {
  attune::Bundle bundle = compile(makeKernel(), "sm_80,sm_90a,x86-64-v3", {.assembles = false});
  std::vector<std::string> targets;
  for (const attune::VariantInfo &variant : bundle.kernel("window").variants)
    targets.push_back(variant.target);
  EXPECT_THAT(targets, testing::ElementsAre("sm_80", "sm_90a", "x86-64-v3"));
}

TEST(CppTargets, SimulatedGpu) {
  Trial run({1, 4, 2, 70, 70, 64});
  std::vector<uint16_t> rounded[3];
  std::vector<float> *inputs[] = {&run.q, &run.k, &run.v};
  attune::Device device("sim:sm_80");
  std::vector<attune::Memory> memory;
  auto upload = [&](const void *data, size_t bytes) {
    memory.push_back(device.allocate(bytes));
    memory.back().copyFrom(data);
    return memory.back().data();
  };
  auto tensor = [&](void *data, DLDataType type, std::vector<int64_t> shape) {
    return attune::TensorView(data, device.dlpack(), type, std::move(shape));
  };
  constexpr DLDataType bf16Type = {kDLBfloat, 16, 1};
  std::vector<attune::TensorView> views;
  for (int n = 0; n < 3; ++n) {
    for (float &number : *inputs[n]) {
      rounded[n].push_back(toBf16(number));
      number = fromBf16(rounded[n].back());
    }
    views.push_back(tensor(upload(rounded[n].data(), rounded[n].size() * 2), bf16Type,
                           {1, n == 0 ? 4 : 2, 70, 64}));
  }
  float slopes[] = {0.5, 0.25, 0.125, 0.0625};
  views.push_back(tensor(upload(slopes, sizeof(slopes)), {kDLFloat, 32, 1}, {4}));
  std::vector<uint16_t> out(run.out.size());
  void *result = upload(out.data(), out.size() * 2);
  views.push_back(tensor(result, bf16Type, {1, 4, 70, 64}));
  attune::Bundle bundle = compile(makeKernel(), "sm_80", {.assembles = false});
  attune::Kernel loaded(device, bundle, "window");
  loaded.launch({views[0], views[1], views[2], views[3], 20, views[4]});
  memory.back().copyTo(out.data());
  for (size_t n = 0; n < out.size(); ++n)
    run.out[n] = fromBf16(out[n]);
  run.expect(
      {.score = [&](double s, auto, auto h, auto i,
                    auto j) { return 5 * std::tanh(s / 5) + double(slopes[h]) * double(j - i); },
       .mask = [](auto, auto, auto i, auto j) { return j <= i && i - j <= 20; }},
      0.01);
}

TEST(CppTargets, WordsAndPictures) {
  EXPECT_THAT(explain(makeKernel(), "tokens=512,w=64", "sm_80"),
              testing::AllOf(testing::HasSubstr("at 512 queries x 512 keys"),
                             testing::HasSubstr("bytes of shared memory")));
  EXPECT_THAT(picture(makeKernel(), "tokens=512,w=64"), testing::HasSubstr("<svg"));
}

} // namespace
