// SPDX-License-Identifier: Apache-2.0
// Does a mask that is written as an expression visit the same tiles as the shipped example of it?
#include "test/frontend/cpp/Harness.h"

#include <fstream>

using namespace attn;

namespace {

/// "N visible pairs, N computed ...; tiles: N full, N masked, N skipped".
std::string workOf(const std::string &explanation) {
  size_t begin = explanation.find("  at ");
  return begin == std::string::npos
             ? explanation
             : explanation.substr(begin, explanation.find('\n', begin) - begin);
}

/// The work of a file of examples/ at `problem`.
std::string exampleWork(const std::string &file, const std::string &problem) {
  std::ifstream stream(ATTUNE_EXAMPLES "/" + file);
  EXPECT_TRUE(stream) << file;
  std::string source(std::istreambuf_iterator<char>(stream), {});
  attune_output *output = nullptr;
  EXPECT_EQ(attune_explain(source.data(), source.size(), nullptr, problem.c_str(), &output),
            ATTUNE_COMPILER_OK)
      << attune_compiler_last_message();
  std::string text(static_cast<const char *>(attune_output_data(output)));
  attune_output_free(output);
  return workOf(text);
}

void expectSame(const Logic &mask, const std::string &file, const std::string &problem,
                const std::vector<Index> &grid = {}) {
  Attention kernel("same", {.headSize = 128, .type = Dtype::bf16});
  if (!grid.empty())
    kernel.grid(grid);
  kernel.mask(mask);
  std::string found = workOf(explain(kernel, problem));
  EXPECT_EQ(found, exampleWork(file, problem)) << kernel.print();
  EXPECT_NE(found.find("skipped"), std::string::npos) << found;
}

TEST(CppSchedule, MasksOfPositions) {
  Scalar<int64_t> w{"w"}, d{"d"}, offset{"offset"}, size{"size"}, sinks{"sinks"}, left{"left"},
      right{"right"}, stride{"stride"};
  expectSame(causal(), "causal.mlir", "tokens=1000");
  expectSame(causal(offset), "causal-offset.mlir", "tokens=100,kv-tokens=1000,offset=900");
  expectSame(window(w), "sliding-window.mlir", "tokens=1000,w=100");
  expectSame(window(left, right), "masks/two-sided-window.mlir", "tokens=1000,left=40,right=90");
  expectSame(dilatedWindow(w, d), "masks/dilated-window.mlir", "tokens=1000,w=20,d=3");
  expectSame(blockDiagonal(size), "masks/block-diagonal.mlir", "tokens=1000,size=128");
  expectSame(streaming(sinks, w), "masks/streaming-llm.mlir", "tokens=1000,sinks=4,w=100");
  expectSame(strided(stride), "masks/hepos.mlir", "tokens=1000,stride=128");
}

TEST(CppSchedule, MasksOfTables) {
  Table<int32_t, 1> prefix{"prefix"}, length{"length"};
  Table<int32_t, 2> doc{"doc"};
  Table<int32_t, 3> words{"words"};
  Scalar<int64_t> w{"w"};
  expectSame(prefixLm(prefix[b]), "masks/prefix-lm.mlir", "tokens=1000");
  expectSame(withinLength(length[b]), "masks/jagged.mlir", "tokens=1000");
  expectSame(sameDocument(doc.sorted()), "masks/document.mlir", "tokens=1000");
  expectSame(window(w) && sameDocument(doc.sorted()), "masks/document-causal-window.mlir",
             "tokens=1000,w=100");
  expectSame(bitMatrix(words), "masks/bit-matrix.mlir", "tokens=500");
}

TEST(CppSchedule, Grids) {
  Scalar<int64_t> H{"H"}, W{"W"}, T{"T"}, size{"size"}, halo{"halo"};
  Scalar<int64_t> wt{"wt"}, wh{"wh"}, ww{"ww"}, st{"st"}, sh{"sh"}, sw{"sw"}, dt{"dt"}, dh{"dh"},
      dw{"dw"};
  expectSame(neighborhood({{H, wh, sh, dh}, {W, ww, sw, dw}}), "masks/neighborhood-2d.mlir",
             "H=32,W=40,wh=7,ww=9,sh=2,sw=1,dh=1,dw=2", {H, W});
  expectSame(neighborhood({{T, wt, st, dt, true}, {H, wh, sh, dh}, {W, ww, sw, dw}}),
             "masks/neighborhood-3d.mlir",
             "T=6,H=16,W=20,wt=3,wh=5,ww=7,st=1,sh=1,sw=1,dt=1,dh=1,dw=1", {T, H, W});
  Index n = length("k");
  Scalar<int64_t> w1{"w"}, s1{"stride"}, d1{"d"};
  expectSame(neighborhood({{n, w1, s1, d1}}), "masks/neighborhood-1d.mlir",
             "tokens=1000,w=60,stride=4,d=2");
  std::array<Index, 2> query = coordinates<2>(i, {H, W}), key = coordinates<2>(j, {H, W});
  expectSame(withinHalo(query[0], key[0], size, halo) && withinHalo(query[1], key[1], size, halo),
             "masks/halonet.mlir", "H=32,W=40,size=8,halo=3", {H, W});
}

} // namespace
