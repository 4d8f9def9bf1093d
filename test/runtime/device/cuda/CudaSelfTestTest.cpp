// SPDX-License-Identifier: Apache-2.0
// Is a kernel tried when it is loaded, and refused where the driver made something else of it?
#include "test/runtime/device/cuda/CudaFixture.h"

#include <cmath>

using namespace attune;
using namespace attune::testing;

namespace {

/// 1 sequence, 2 heads on one, 5 queries, 3 keys.
const std::vector<std::vector<int64_t>> shapes = {{1, 2, 5, 8}, {1, 1, 3, 8}, {2},
                                                  {},           {},           {1, 2, 5, 8}};
constexpr int64_t step = 3;

/// What scale_add computes (ScaleAddKernel.c), with s = 0.5 and w = 7.
float expected(size_t element) {
  using bundle::OperandRole;
  size_t head = element / 40;
  double sum = bundle::selfTestNumber(OperandRole::Table, 2, head) + 7;
  for (uint64_t key = 0; key < 3; ++key)
    sum += bundle::selfTestNumber(OperandRole::Cols, 1, key * 8);
  return float(bundle::selfTestNumber(OperandRole::Rows, 0, element) * 0.5 + sum);
}

template <typename T> void append(std::string &bytes, T value) {
  bytes.append(reinterpret_cast<const char *>(&value), sizeof(T));
}

bundle::Bundle withSelfTest() {
  bundle::Bundle contents = scaleAddCuda();
  std::string data;
  append(data, 0.5);
  append(data, int64_t(7));
  append(data, 1e-5);
  for (size_t e = 0; e < 80; e += step)
    append(data, expected(e));
  contents.manifest.kernels[0].selfTest = {shapes, contents.addBlob(data), step};
  return contents;
}

int launches;
float spoilt;

/// scale_add as a GPU would run it; one element gets `spoilt` added.
void compute(const char *, void **parameters) {
  auto pointer = [&](int i) { return *static_cast<float **>(parameters[i]); };
  auto number = [&](int i) { return *static_cast<int64_t *>(parameters[i]); };
  const float *a = pointer(0), *b = pointer(7), *t = pointer(14);
  float s = *static_cast<float *>(parameters[16]), *o = pointer(18);
  for (int64_t h = 0; h < number(2); ++h) {
    float sum = t[h] + float(number(17));
    for (int64_t j = 0; j < number(10); ++j)
      sum += b[j * 8];
    for (int64_t i = 0; i < number(3) * 8; ++i)
      o[h * number(3) * 8 + i] = a[h * number(3) * 8 + i] * s + sum;
  }
  o[42] += spoilt;
  ++launches;
}

class CudaSelfTest : public Cuda {
protected:
  CudaSelfTest() {
    launches = 0;
    spoilt = 0;
    recording.onLaunch(compute);
    // What passed in one test is not known in the next.
    static int version = 20000;
    recording.setDriverVersion(++version);
  }
  ~CudaSelfTest() override { unsetenv("ATTUNE_SELF_TEST"); }

  std::string refusal(const bundle::Bundle &contents = withSelfTest(),
                      attune_status status = ATTUNE_DEVICE_ERROR) {
    Device device("cuda");
    return messageOf([&] { Kernel(device, openBundle(contents), "scale_add"); }, status);
  }
};

TEST_F(CudaSelfTest, RightCodeIsTriedOnceForADriver) {
  Device device("cuda");
  for (int i = 0; i < 3; ++i)
    Kernel(device, openBundle(withSelfTest()), "scale_add");
  EXPECT_EQ(launches, 1);
  recording.setDriverVersion(30000);
  Kernel(device, openBundle(withSelfTest()), "scale_add");
  EXPECT_EQ(launches, 2);
  // Other code of the same kernel.
  bundle::Bundle other = withSelfTest();
  other.blobs[0] += "\n";
  Kernel(device, openBundle(other), "scale_add");
  EXPECT_EQ(launches, 3);
}

TEST_F(CudaSelfTest, WrongCodeIsRefusedEachTime) {
  spoilt = 0.25f;
  for (int i = 0; i < 2; ++i) {
    std::string message = refusal();
    EXPECT_EQ(message.rfind("kernel 'scale_add': the ptx for sm_80 fails its self-test on device "
                            "cuda:0 (Recording GPU, sm_80): element 42 of result 'o': expected ",
                            0),
              0u)
        << message;
    EXPECT_NE(message.find("ATTUNE_SELF_TEST=off"), std::string::npos);
  }
  EXPECT_EQ(launches, 2);
}

TEST_F(CudaSelfTest, NoNumberIsWrong) {
  spoilt = NAN;
  EXPECT_NE(refusal().find("but got nan"), std::string::npos);
}

TEST_F(CudaSelfTest, CodeThatRunsNothingIsRefused) {
  recording.onLaunch(nullptr);
  EXPECT_NE(refusal().find("but got "), std::string::npos);
}

TEST_F(CudaSelfTest, ErrorsWithinTheToleranceAreNone) {
  spoilt = 1e-5f;
  Device device("cuda");
  Kernel(device, openBundle(withSelfTest()), "scale_add");
  EXPECT_EQ(launches, 1);
}

TEST_F(CudaSelfTest, OffIsOff) {
  spoilt = 1;
  setenv("ATTUNE_SELF_TEST", "off", 1);
  Device device("cuda");
  Kernel(device, openBundle(withSelfTest()), "scale_add");
  EXPECT_EQ(launches, 0);
}

TEST_F(CudaSelfTest, FailuresOfTheDriverAreTold) {
  recording.failNext("cuStreamSynchronize", 719);
  EXPECT_EQ(refusal(),
            "kernel 'scale_add': cuda: cuStreamSynchronize failed: CUDA_ERROR_LAUNCH_FAILED "
            "(recorded)");
}

TEST_F(CudaSelfTest, TooFewNumbers) {
  bundle::Bundle contents = withSelfTest();
  contents.blobs[contents.manifest.kernels[0].selfTest->blob].resize(60);
  EXPECT_EQ(refusal(contents, ATTUNE_BAD_BUNDLE),
            "kernel 'scale_add': the self-test has no more than 60 bytes of numbers");
}

} // namespace
