// SPDX-License-Identifier: Apache-2.0
// Do the pre-passes of a kernel run before it, do all of them see its workspaces, and what does a
// launch refuse?
#include "test/runtime/device/TileSums.h"

#include <thread>

using namespace attune;
using namespace attune::testing;
using bundle::BlobFormat;
using bundle::Expression;

namespace {

/// Host code, and on the simulated device the same in PTX.
class PrePass : public ::testing::TestWithParam<const char *> {
protected:
  Device device{GetParam()};

  bool simulated() const { return std::string(GetParam()) == "sim"; }
  bundle::Bundle contents() const {
    return simulated() ? tileSums(BlobFormat::Ptx, tileSumsPtx)
                       : tileSums(BlobFormat::Elf, readAll(ATTUNE_TILE_SUMS_KERNEL));
  }
  template <typename Change> Kernel changed(Change change) {
    bundle::Bundle other = contents();
    change(other.manifest.kernels[0].variants[0]);
    return Kernel(device, openBundle(other), "tiles");
  }
  Kernel kernel() {
    return changed([](bundle::Variant &) {});
  }
};

INSTANTIATE_TEST_SUITE_P(Devices, PrePass, ::testing::Values("host:2", "sim"),
                         [](const auto &info) {
                           std::string name = info.param;
                           return name.substr(0, name.find(':'));
                         });

TEST_P(PrePass, RunsBeforeTheKernelAndSharesItsWorkspaces) {
  Kernel tiles = kernel();
  for (int64_t size : {1, 4, 10, 333}) {
    TileSumsProblem problem(device, size);
    tiles.launch(problem.arguments());
    problem.expectRight();
  }
}

TEST_P(PrePass, WorkspaceBytes) {
  Kernel tiles = kernel();
  // 3 and 100 tiles of two numbers of 8 bytes, and one number; each from a multiple of 256 on.
  EXPECT_EQ(tiles.workspaceBytes(TileSumsProblem(device, 10).arguments()), 256u + 8u);
  EXPECT_EQ(tiles.workspaceBytes(TileSumsProblem(device, 400).arguments()), 1792u + 8u);
  EXPECT_EQ(tiles.workspaceBytes(TileSumsProblem(device, 0).arguments()), 0u);
  EXPECT_EQ(messageOf([&] { tiles.workspaceBytes({1}); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'tiles': expected 3 arguments (n, tile, o), but got 1");
  EXPECT_EQ(attune_kernel_workspace_bytes(tiles.get(), nullptr, 3, nullptr),
            ATTUNE_INVALID_ARGUMENT);
  EXPECT_STREQ(attune_last_message(),
               "kernel 'tiles': expected a place for the number of bytes, but got a null pointer");
}

TEST_P(PrePass, EmptyProblemRunsNothing) {
  Kernel tiles = kernel();
  TileSumsProblem problem(device, 0);
  tiles.launch(problem.arguments());
}

TEST_P(PrePass, GridWithAZeroSkipsThePrePass) {
  // The kernel itself is tile_sums here, of one tile, and o takes the place of its workspace.
  Kernel tiles = changed([](bundle::Variant &variant) {
    variant.before[0].grid[0] = Expression::constant(0);
    variant.before[1].grid[2] = Expression::binary(
        Expression::Kind::Sub, Expression::scalar("tile"), Expression::scalar("tile"));
    variant.entry = "tile_sums";
    variant.parameters = variant.before[0].parameters;
    variant.parameters[3] = bundle::Parameter::pointer("o");
    variant.grid[0] = Expression::constant(1);
  });
  TileSumsProblem problem(device, 4, 4);
  tiles.launch(problem.arguments());
  std::vector<int64_t> found(4);
  problem.o.copyTo(found.data());
  EXPECT_EQ(found[0], 1 + 2 + 3 + 4);
  EXPECT_EQ(found[1], 4);
}

TEST_P(PrePass, PrePassThatWritesAResultRunsAlone) {
  // o takes the place of the workspace that tile_sums writes; of one tile.
  auto alone = [](bundle::Variant &variant) {
    variant.before[0].parameters[3] = bundle::Parameter::pointer("o");
    variant.before[1].grid[0] = Expression::constant(0);
    variant.grid[0] = Expression::constant(0);
  };
  TileSumsProblem problem(device, 4, 4);
  std::vector<int64_t> found(4, -1);
  problem.o.copyFrom(found.data());
  changed(alone).launch(problem.arguments());
  problem.o.copyTo(found.data());
  EXPECT_EQ(found, (std::vector<int64_t>{1 + 2 + 3 + 4, 4, -1, -1}));

  found.assign(4, -1);
  problem.o.copyFrom(found.data());
  changed([&](bundle::Variant &variant) {
    alone(variant);
    variant.before[0].grid[1] = Expression::constant(0);
  }).launch(problem.arguments());
  problem.o.copyTo(found.data());
  EXPECT_EQ(found, std::vector<int64_t>(4, -1));
}

TEST_P(PrePass, AsManyAsThereMayBe) {
  Kernel tiles = changed([](bundle::Variant &variant) {
    variant.before.insert(variant.before.begin(), bundle::maxBefore - 2, variant.before[0]);
  });
  TileSumsProblem problem(device);
  tiles.launch(problem.arguments());
  problem.expectRight();
}

TEST_P(PrePass, GridThatHasNoValue) {
  Kernel tiles = changed([](bundle::Variant &variant) {
    variant.before[1].grid[1] =
        Expression::binary(Expression::Kind::FloorDiv, Expression::constant(8),
                           Expression::binary(Expression::Kind::Sub, Expression::scalar("tile"),
                                              Expression::constant(4)));
  });
  TileSumsProblem problem(device);
  EXPECT_EQ(messageOf([&] { tiles.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
            "kernel 'tiles': expected the launch size along y of pre-pass 'all_sums' to be from 0 "
            "to 9223372036854775806, but a divisor is not above 0: tile is 4");
}

TEST_P(PrePass, ScalarThatDividesByZero) {
  TileSumsProblem problem(device, 10, 0);
  Kernel tiles = kernel();
  std::string message =
      messageOf([&] { tiles.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT);
  EXPECT_NE(message.find("a divisor is not above 0: dimension 0 of n is 10, tile is 0"),
            message.npos)
      << message;
}

TEST_P(PrePass, SizesOfAWorkspace) {
  auto refusal = [&](Expression first, Expression second) {
    Kernel tiles =
        changed([&](bundle::Variant &variant) { variant.workspaces[0].shape = {first, second}; });
    TileSumsProblem problem(device);
    EXPECT_EQ(
        messageOf([&] { tiles.workspaceBytes(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT),
        messageOf([&] { tiles.launch(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT));
    return messageOf([&] { tiles.check(problem.arguments()); }, ATTUNE_INVALID_ARGUMENT);
  };
  Expression two = Expression::constant(2), large = Expression::constant(INT32_MAX);
  Expression tile = Expression::scalar("tile");
  auto minus = [&](int64_t number) {
    return Expression::binary(Expression::Kind::Sub, tile, Expression::constant(number));
  };
  const std::string path = "kernel 'tiles': expected dimension 0 of workspace 'sums' to be from 0 "
                           "to 2147483647, but ";
  EXPECT_EQ(refusal(minus(5), two), path + "it is -1: tile is 4");
  EXPECT_EQ(refusal(Expression::ceilDiv(two, minus(4)), two),
            path + "a divisor is not above 0: tile is 4");
  EXPECT_EQ(refusal(Expression::binary(Expression::Kind::Add, large, Expression::constant(1)), two),
            path + "it is 2147483648");
  const std::string bytes =
      "kernel 'tiles': expected workspace 'sums' to take at most 1099511627776 bytes, but ";
  EXPECT_EQ(refusal(large, large), bytes + "its size overflows 64 bits");
  EXPECT_EQ(refusal(Expression::constant(1 << 20), Expression::constant((1 << 17) + 1)),
            bytes + "got 1099520016384");
}

TEST_P(PrePass, EntryThatIsNotThere) {
  EXPECT_NE(messageOf([&] { changed([](bundle::Variant &v) { v.before[1].entry = "nothing"; }); },
                      ATTUNE_BAD_BUNDLE)
                .find("'nothing'"),
            std::string::npos);
}

TEST_P(PrePass, SeveralThreadsHaveTheirOwnWorkspaces) {
  Kernel tiles = kernel();
  std::vector<std::thread> threads;
  for (int64_t size : {40, 77, 130})
    threads.emplace_back([&, size] {
      TileSumsProblem problem(device, size);
      for (int i = 0; i < 20; ++i)
        tiles.launch(problem.arguments());
      problem.expectRight();
    });
  for (std::thread &thread : threads)
    thread.join();
}

TEST_P(PrePass, OnlyCodeThatPointsToATensorCaresForItsStrides) {
  // The pre-pass reads n without a stride; the kernel does not read it at all.
  TileSumsProblem problem(device, 10);
  Memory wide = device.allocate(200);
  TensorView view(wide.data(), device.dlpack(), {kDLInt, 32, 1}, {10}, {2});
  std::vector<Argument> arguments = problem.arguments();
  arguments[0] = Argument(view);
  Kernel tiles = kernel();
  EXPECT_EQ(
      messageOf([&] { tiles.check(arguments); }, ATTUNE_INVALID_ARGUMENT),
      "kernel 'tiles': operand 'n': expected stride 1 in dimension 0 (contiguous), but got 2; "
      "make a contiguous copy of it");
  // One that is told its stride does not care, whatever the kernel is told.
  Kernel strided = changed([](bundle::Variant &variant) {
    variant.before[0].parameters.push_back(bundle::Parameter::stride("n", 0));
    variant.parameters.push_back(bundle::Parameter::size("n", 0));
  });
  strided.check(arguments);
}

//===-- What a simulated device has to say ---------------------------------------------------------

class SimulatedPrePass : public ::testing::Test {
protected:
  Device device{"sim"};
  TileSumsProblem problem{device};

  Kernel withPtx(const std::string &from, const std::string &to) {
    std::string ptx = tileSumsPtx;
    size_t at = ptx.find(from);
    EXPECT_NE(at, ptx.npos);
    return Kernel(device, openBundle(tileSums(BlobFormat::Ptx, ptx.replace(at, from.size(), to))),
                  "tiles");
  }
};

TEST_F(SimulatedPrePass, ReportCoversEveryLaunchOfACall) {
  device.configureSimulator("counters=on");
  Kernel tiles = withPtx("ret", "ret");
  tiles.launch(problem.arguments());
  std::string counters = device.simulatorReport().counters;
  for (const char *entry :
       {"entry 'tile_sums':\n", "entry 'all_sums':\n", "entry 'spread_sums':\n"})
    EXPECT_NE(counters.find(entry), counters.npos) << entry;
}

TEST_F(SimulatedPrePass, WorkspaceThatNobodyWroteIsFound) {
  Kernel tiles = withPtx("  st.global.u64 [%rd3+8], %rd10;\n", "");
  std::string message = messageOf([&] { tiles.launch(problem.arguments()); }, ATTUNE_DEVICE_ERROR);
  EXPECT_EQ(message.rfind("kernel 'tiles': the simulator found 1 error; the first:\n"
                          "entry 'spread_sums':\nerror: ",
                          0),
            0u)
      << message;
}

TEST_F(SimulatedPrePass, WritePastAWorkspaceIsFoundBeforeTheKernelRuns) {
  Kernel tiles = withPtx("st.global.u64 [%rd3+8]", "st.global.u64 [%rd3+264]");
  std::string message = messageOf([&] { tiles.launch(problem.arguments()); }, ATTUNE_DEVICE_ERROR);
  EXPECT_NE(message.find("entry 'tile_sums':\nerror: "), message.npos) << message;
  std::string findings = device.simulatorReport().findings;
  EXPECT_EQ(findings.find("spread_sums"), findings.npos) << findings;
  // The memory went back all the same, and the device is free for the next call.
  problem.n.copyFrom(problem.numbers.data());
  withPtx("ret", "ret").launch(problem.arguments());
  problem.expectRight();
}

} // namespace
