// SPDX-License-Identifier: Apache-2.0
// Tensor maps and the copies of boxes: every element against a reference that is written element by
// element, and what is found when a map or its use is wrong.
#include "test/runtime/sim/ops/AsyncHarness.h"

#include <random>
#include <stdexcept>

namespace attune::sim {
namespace {

//===-- A reference, element by element ---===//

using Element = TensorMap::Element;

/// Where a byte of a box lies in shared memory at a multiple of 1024: the 16-byte columns of lines of
/// 128 bytes are permuted (CUDA C++ Programming Guide, "Swizzle Modes").
uint32_t swizzled(Swizzle mode, uint32_t byte) {
  uint32_t line = byte / 128, column = byte % 128 / 16;
  switch (mode) {
  case Swizzle::None: break;
  case Swizzle::Bytes32: column ^= line % 2; break;
  case Swizzle::Bytes64: column ^= line % 4; break;
  case Swizzle::Bytes128: column ^= line % 8; break;
  }
  return line * 128 + column * 16 + byte % 16;
}

/// Calls visit(byte in shared memory, inside?, byte in the tensor) for each element of a box.
template <typename Visit>
void forElements(const TensorMap &map, const std::vector<int32_t> &corner, Visit visit) {
  uint32_t size = map.elementBytes(), number = 0;
  std::array<uint32_t, 5> index{};
  for (bool more = true; more; ++number) {
    bool inside = true;
    uint64_t byte = 0;
    for (unsigned d = 0; d < map.rank; ++d) {
      int64_t at = int64_t(corner[d]) + int64_t(index[d]) * (d ? map.elementStrides[d] : 1);
      inside &= at >= 0 && at < int64_t(map.sizes[d]);
      byte += uint64_t(at) * (d ? map.strides[d] : size);
    }
    visit(swizzled(map.swizzle, number * size), inside, byte);
    more = false;
    for (unsigned d = 0; d < map.rank && !more; ++d) {
      uint32_t count =
          d ? (map.box[d] + map.elementStrides[d] - 1) / map.elementStrides[d] : map.box[0];
      more = ++index[d] < count;
      if (!more)
        index[d] = 0;
    }
  }
}

//===-- Kernels ---===//

std::string braces(const std::vector<int32_t> &corner) {
  std::string text;
  for (int32_t at : corner)
    text += (text.empty() ? "{" : ", ") + std::to_string(at);
  return text + "}";
}

/// Loads a box to shared memory at 0 and writes `bytes` bytes from there to the output.
std::string loadKernel(const TensorMap &map, const std::vector<int32_t> &corner,
                       const std::string &space = "shared::cluster") {
  std::string bytes = std::to_string(map.boxBytes());
  return kernel("mbarrier.init.shared.b64 [%r2+65536], 1;\n" + std::string(fenceInit) +
                "prefetch.tensormap [%rd3];\n"
                "mbarrier.arrive.expect_tx.shared.b64 _, [%r2+65536], " +
                bytes + ";\ncp.async.bulk.tensor." + std::to_string(map.rank) + "d." + space +
                ".global.tile.mbarrier::complete_tx::bytes [%r2], [%rd3, " + braces(corner) +
                "], [%r2+65536];\n" + waitParity("%r2+65536", "0", "0") +
                "cp.async.bulk.global.shared::cta.bulk_group [%rd2], [%r2], " + bytes +
                ";\ncp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\n");
}

/// Loads the bytes of a box from the input, in order, and does `operation` with them.
std::string storeKernel(const TensorMap &map, const std::vector<int32_t> &corner,
                        const std::string &prefix, const std::string &operation) {
  std::string bytes = std::to_string(map.boxBytes());
  return kernel(
      "mbarrier.init.shared.b64 [%r2+65536], 1;\n" + std::string(fenceInit) +
      "mbarrier.arrive.expect_tx.shared.b64 _, [%r2+65536], " + bytes +
      ";\ncp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r2], [%rd1], " +
      bytes + ", [%r2+65536];\n" + waitParity("%r2+65536", "0", "0") + prefix +
      ".async.bulk.tensor." + std::to_string(map.rank) + "d.global.shared::cta." + operation +
      "tile.bulk_group [%rd3, " + braces(corner) +
      "], [%r2];\ncp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\n");
}

class TensorCopyTest : public AsyncTest {
protected:
  TensorCopyTest() {
    threads = 1;
    sharedBytes = 65536 + 8;
  }

  std::vector<uint8_t> expectedLoad(const TensorMap &map, const std::vector<int32_t> &corner,
                                    uint64_t fill = 0) {
    std::vector<uint8_t> bytes(map.boxBytes());
    forElements(map, corner, [&](uint32_t shared, bool inside, uint64_t global) {
      if (inside)
        std::memcpy(&bytes[shared], &input[global], map.elementBytes());
      else
        std::memcpy(&bytes[shared], &fill, map.elementBytes());
    });
    return bytes;
  }

  std::vector<uint8_t> expectedStore(const TensorMap &map, const std::vector<int32_t> &corner) {
    std::vector<uint8_t> bytes(outputBytes, initialOutput);
    forElements(map, corner, [&](uint32_t shared, bool inside, uint64_t global) {
      if (inside)
        std::memcpy(&bytes[global], &input[shared], map.elementBytes());
    });
    return bytes;
  }

  void loadFrom(const TensorMap &map) {
    makeMap = [map](uint64_t in, uint64_t) {
      TensorMap placed = map;
      placed.address = in;
      return placed;
    };
  }
  void storeTo(const TensorMap &map) {
    makeMap = [map](uint64_t, uint64_t out) {
      TensorMap placed = map;
      placed.address = out;
      return placed;
    };
  }
};

/// 64 columns and 20 rows of bf16 in rows of 160 bytes; boxes of 64 x 8.
TensorMap matrix(Swizzle swizzle = Swizzle::Bytes128) {
  TensorMap map;
  map.element = Element::BF16;
  map.rank = 2;
  map.sizes = {64, 20};
  map.strides = {0, 160};
  map.box = {64, 8};
  map.swizzle = swizzle;
  if (swizzle == Swizzle::Bytes64)
    map.box[0] = 32;
  if (swizzle == Swizzle::Bytes32)
    map.box[0] = 16;
  return map;
}

constexpr Swizzle swizzles[] = {Swizzle::None, Swizzle::Bytes32, Swizzle::Bytes64,
                                Swizzle::Bytes128};

TEST_F(TensorCopyTest, loadsUnderEveryPolicy) {
  for (Swizzle swizzle : swizzles) {
    loadFrom(matrix(swizzle));
    expectOutput(loadKernel(matrix(swizzle), {0, 3}), expectedLoad(matrix(swizzle), {0, 3}));
  }
}

TEST_F(TensorCopyTest, bytesOutsideTheTensorAreZeroOrNaN) {
  for (std::vector<int32_t> corner :
       {std::vector{0, 15}, {0, -3}, {-8, 4}, {40, 18}, {64, 0}, {0, 20}, {-64, -8}}) {
    TensorMap map = matrix();
    loadFrom(map);
    expectOutput(loadKernel(map, corner), expectedLoad(map, corner));
    map.fill = TensorMap::Fill::NaN;
    loadFrom(map);
    expectOutput(loadKernel(map, corner, "shared::cta"), expectedLoad(map, corner, 0x7fff));
  }
}

TEST_F(TensorCopyTest, storesUnderEveryPolicy) {
  for (Swizzle swizzle : swizzles) {
    storeTo(matrix(swizzle));
    expectOutput(storeKernel(matrix(swizzle), {0, 3}, "cp", ""),
                 expectedStore(matrix(swizzle), {0, 3}));
  }
}

TEST_F(TensorCopyTest, storesWriteNothingOutsideTheTensor) {
  initialOutput = 0x5a;
  for (std::vector<int32_t> corner : {std::vector{0, 15}, {8, 4}, {40, 18}, {64, 0}, {0, 20}}) {
    storeTo(matrix());
    expectOutput(storeKernel(matrix(), corner, "cp", ""), expectedStore(matrix(), corner));
  }
}

/// A random map into 64 KB, and a corner near its tensor.
struct RandomBox {
  TensorMap map;
  std::vector<int32_t> corner;

  RandomBox(unsigned seed, bool load) {
    std::mt19937 random(seed);
    auto below = [&](uint32_t limit) { return uint32_t(random() % limit); };
    constexpr Element elements[] = {Element::U8,  Element::U16, Element::U32, Element::S64,
                                    Element::F16, Element::F32, Element::F64, Element::BF16};
    map.element = elements[below(8)];
    map.rank = 1 + below(5);
    map.swizzle = swizzles[below(4)];
    uint32_t size = map.elementBytes();
    uint32_t rowBytes = map.swizzle == Swizzle::None ? 16 * (1 + below(6)) : map.swizzleBytes();
    map.box[0] = rowBytes / size;
    map.sizes[0] = 1 + below(2 * map.box[0]);
    uint64_t stride = (map.sizes[0] * size + 15) / 16 * 16;
    for (unsigned d = 1; d < map.rank; ++d) {
      map.strides[d] = stride;
      map.sizes[d] = 1 + below(4);
      map.box[d] = 1 + below(4);
      map.elementStrides[d] = 1 + below(3);
      stride = map.sizes[d] * stride + 16 * below(2);
    }
    for (unsigned d = 0; d < map.rank; ++d) {
      int32_t range = int32_t(map.sizes[d]) + (load ? int32_t(map.box[d]) : 0);
      corner.push_back(int32_t(below(uint32_t(range))) - (load ? int32_t(map.box[d]) : 0));
    }
  }
};

TEST_F(TensorCopyTest, randomBoxesAgreeWithTheReference) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    RandomBox load(seed, true), store(seed, false);
    Options options;
    loadFrom(load.map);
    Run loaded = run(LoadedModule(loadKernel(load.map, load.corner)), options);
    ASSERT_EQ(textOf(loaded.findings), "") << "seed " << seed;
    loaded.output.resize(load.map.boxBytes());
    ASSERT_EQ(loaded.output, expectedLoad(load.map, load.corner)) << "seed " << seed;
    storeTo(store.map);
    Run stored = run(LoadedModule(storeKernel(store.map, store.corner, "cp", "")), options);
    ASSERT_EQ(textOf(stored.findings), "") << "seed " << seed;
    ASSERT_EQ(stored.output, expectedStore(store.map, store.corner)) << "seed " << seed;
  }
}

TEST_F(TensorCopyTest, swizzleFollowsTheAddress) {
  // At 256 the pattern begins in its third line.
  TensorMap map = matrix();
  loadFrom(map);
  std::string text = loadKernel(map, {0, 0});
  for (size_t at = text.find("[%r2]"); at != std::string::npos; at = text.find("[%r2]", at + 1))
    text.replace(at, 5, "[%r2+256]");
  std::vector<uint8_t> expected(1024);
  forElements(map, {0, 0}, [&](uint32_t shared, bool, uint64_t global) {
    uint32_t byte = swizzled(Swizzle::Bytes128, shared);
    std::memcpy(&expected[swizzled(Swizzle::Bytes128, byte + 256) - 256], &input[global], 2);
  });
  expectOutput(text, expected);
}

TEST_F(TensorCopyTest, reducesIntoTheTensor) {
  TensorMap map = matrix(Swizzle::None);
  map.element = Element::U32;
  map.sizes = {30, 20};
  map.box = {32, 8};
  storeTo(map);
  std::vector<uint8_t> expected(outputBytes);
  for (std::string operation : {"add", "max"}) {
    std::fill(expected.begin(), expected.end(), uint8_t(0));
    forElements(map, {4, 15}, [&](uint32_t shared, bool inside, uint64_t global) {
      if (inside)
        std::memcpy(&expected[global], &input[shared], 4);
    });
    expectOutput(storeKernel(map, {4, 15}, "cp.reduce", operation + "."), expected);
  }
}

TEST_F(TensorCopyTest, multicastGivesEachBlockTheBox) {
  grid = cluster = {2, 1, 1};
  threads = 32;
  TensorMap map = matrix();
  loadFrom(map);
  std::string clusterBarrier = "barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;\n";
  // Each block loads 4 rows for both.
  map.box[1] = 4;
  loadFrom(map);
  std::string text =
      "setp.eq.u32 %p1, %r1, 0;\n@%p1 mbarrier.init.shared.b64 [%r2+65536], 1;\n"
      "@%p1 fence.mbarrier_init.release.cluster;\n" +
      clusterBarrier +
      "@%p1 mbarrier.arrive.expect_tx.shared.b64 _, [%r2+65536], 1024;\n"
      "mov.u32 %r10, %cluster_ctarank;\nmov.b16 %h1, 3;\nshl.b32 %r11, %r10, 2;\n"
      "shl.b32 %r12, %r10, 9;\nadd.s32 %r12, %r2, %r12;\n"
      "@%p1 cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%r12], [%rd3, {0, %r11}], [%r2+65536], %h1;\n" +
      waitParity("%r2+65536", "0", "0") +
      "mul.wide.u32 %rd6, %r10, 1024;\nadd.s64 %rd6, %rd2, %rd6;\n"
      "@%p1 cp.async.bulk.global.shared::cta.bulk_group [%rd6], [%r2], 1024;\n"
      "@%p1 cp.async.bulk.commit_group;\n@%p1 cp.async.bulk.wait_group 0;\n" +
      clusterBarrier;
  map.box[1] = 8;
  std::vector<uint8_t> expected = expectedLoad(map, {0, 0});
  expected.insert(expected.end(), expected.begin(), expected.begin() + 1024);
  expectOutput(kernel(text), expected);
}

//===-- What is found ---===//

TEST_F(TensorCopyTest, sharedMemoryAtTheWrongMultiple) {
  loadFrom(matrix());
  std::string text = loadKernel(matrix(), {0, 0});
  text.replace(text.find("bytes [%r2]"), 11, "bytes [%r2+64]");
  LoadedModule module(text);
  Run result = run(module, {});
  ASSERT_FALSE(result.findings.empty());
  EXPECT_NE(textOf(result.findings).find("multiple of 128"), std::string::npos)
      << textOf(result.findings);
}

TEST_F(TensorCopyTest, mapThatIsNone) {
  threads = 32;
  std::string prefetch = "prefetch.tensormap ";
  expectFinding(kernel("add.s64 %rd4, %rd3, 16;\n" + prefetch + "[%rd4];\n"),
                FindingKind::BadDescriptor, "multiple of 64");
  expectFinding(kernel(prefetch + "[%rd1];\n"), FindingKind::BadDescriptor, "no tensor map");
  expectFinding(kernel("mov.b64 %rd4, 4096;\n" + prefetch + "[%rd4];\n"),
                FindingKind::BadDescriptor, "generic address");
  makeMap = nullptr;
  expectFinding(kernel(prefetch + "[%rd3];\n"), FindingKind::BadDescriptor, "no tensor map");
}

TEST_F(TensorCopyTest, mapInGlobalMemory) {
  input.resize(4096 + 128);
  TensorMap map = matrix(Swizzle::None);
  // The input's address is that of the first allocation of a memory.
  GlobalMemory memory;
  map.address = memory.allocate(input.size());
  encodeTensorMap(map, input.data() + 4096);
  std::string text = loadKernel(map, {0, 1});
  text.replace(text.find("mbarrier.init"), 0, "add.s64 %rd3, %rd1, 4096;\n");
  expectOutput(text, expectedLoad(map, {0, 1}));
}

TEST_F(TensorCopyTest, rankOfTheMapDiffers) {
  TensorMap map = matrix();
  loadFrom(map);
  map.rank = 3;
  map.box[2] = 1;
  LoadedModule module(loadKernel(map, {0, 0, 0}));
  Run result = run(module, {});
  EXPECT_NE(textOf(result.findings).find("given a tensor map of 2"), std::string::npos)
      << textOf(result.findings);
}

TEST_F(TensorCopyTest, rowsNarrowerThanTheSwizzle) {
  TensorMap map = matrix();
  map.box[0] = 32;
  loadFrom(map);
  LoadedModule module(loadKernel(map, {0, 0}));
  Run result = run(module, {});
  ASSERT_EQ(result.findings.size(), 1u) << textOf(result.findings);
  EXPECT_EQ(result.findings[0].severity, Severity::Warning);
}

TEST_F(TensorCopyTest, negativeCornerOfAStore) {
  storeTo(matrix());
  expectFinding(storeKernel(matrix(), {0, -1}, "cp", ""), FindingKind::BadDescriptor, "at least 0");
}

TEST_F(TensorCopyTest, reductionThatTheTypeLacks) {
  TensorMap map = matrix();
  storeTo(map);
  expectFinding(storeKernel(map, {0, 0}, "cp.reduce", "and."), FindingKind::BadDescriptor,
                "no such reduction");
}

TEST_F(TensorCopyTest, tensorBeyondItsAllocation) {
  TensorMap map = matrix();
  map.sizes[1] = 1000;
  loadFrom(map);
  LoadedModule module(loadKernel(map, {0, 500}));
  Run result = run(module, {});
  EXPECT_NE(textOf(result.findings).find("out of bounds"), std::string::npos)
      << textOf(result.findings);
}

TEST_F(TensorCopyTest, formsThatTheSimulatorLacks) {
  expectRefused(
      "cp.async.bulk.tensor.3d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes "
      "[%r2], [%rd3, {0, 0, 0}], [%r2], {%h1};\n",
      ".tile mode only");
  expectRefused(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r2], "
      "[%rd3, {0, 0, 0}], [%r2];\n",
      "2 coordinates");
  expectRefused(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r2], "
      "[%rd3], [%r2];\n",
      "coordinates");
}

//===-- Maps ---===//

/// Changes one thing of a good map; encoding has to fail with this text.
void expectBadMap(const std::string &message, const std::function<void(TensorMap &)> &change) {
  TensorMap map = matrix();
  map.address = 4096;
  uint8_t bytes[128];
  EXPECT_NO_THROW(encodeTensorMap(map, bytes));
  change(map);
  try {
    encodeTensorMap(map, bytes);
    ADD_FAILURE() << "expected: " << message;
  } catch (const std::invalid_argument &error) {
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
  }
}

TEST(TensorMapTest, rulesOfTheDriver) {
  expectBadMap("rank", [](TensorMap &map) { map.rank = 0; });
  expectBadMap("rank", [](TensorMap &map) { map.rank = 6; });
  expectBadMap("global address: expected a multiple of 16, but it is 4104",
               [](TensorMap &map) { map.address += 8; });
  expectBadMap("size 1", [](TensorMap &map) { map.sizes[1] = 0; });
  expectBadMap("size 0", [](TensorMap &map) { map.sizes[0] = (uint64_t(1) << 32) + 1; });
  expectBadMap("stride 1", [](TensorMap &map) { map.strides[1] = 168; });
  expectBadMap("stride 1", [](TensorMap &map) { map.strides[1] = uint64_t(1) << 40; });
  expectBadMap("box size 1", [](TensorMap &map) { map.box[1] = 257; });
  expectBadMap("box size 1", [](TensorMap &map) { map.box[1] = 0; });
  expectBadMap("multiple of 16 bytes", [](TensorMap &map) { map.box[0] = 7; });
  expectBadMap("at most the 64 bytes", [](TensorMap &map) { map.swizzle = Swizzle::Bytes64; });
  expectBadMap("element stride 1", [](TensorMap &map) { map.elementStrides[1] = 9; });
  expectBadMap("element stride 1", [](TensorMap &map) { map.elementStrides[1] = 0; });
  expectBadMap("NaN", [](TensorMap &map) {
    map.element = Element::U16;
    map.fill = TensorMap::Fill::NaN;
  });
}

TEST(TensorMapTest, decodesWhatWasEncodedAndNothingElse) {
  RandomBox box(7, true);
  box.map.address = 0x7000000010;
  box.map.sizes[0] = uint64_t(1) << 32;
  uint8_t bytes[128], again[128];
  encodeTensorMap(box.map, bytes);
  std::optional<TensorMap> decoded = decodeTensorMap(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->sizes[0], uint64_t(1) << 32);
  encodeTensorMap(*decoded, again);
  EXPECT_EQ(std::memcmp(bytes, again, 128), 0);
  // Whatever the bytes are, nothing breaks.
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    uint8_t damaged[128];
    std::memcpy(damaged, bytes, 128);
    for (int change = 0; change < 3; ++change)
      damaged[8 + random() % 88] = uint8_t(random());
    if (std::optional<TensorMap> map = decodeTensorMap(damaged)) {
      EXPECT_NO_THROW(encodeTensorMap(*map, again));
    }
  }
  bytes[0] ^= 1;
  EXPECT_FALSE(decodeTensorMap(bytes));
}

} // namespace
} // namespace attune::sim
