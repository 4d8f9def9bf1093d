// SPDX-License-Identifier: Apache-2.0
// Does every mask of the examples show the pairs that its definition shows, and does the host
// compute with it what the reference says?
#include "test/e2e/Masks.h"

#include "compiler/Describe.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

using namespace attune::test;

namespace {

class Masks : public testing::TestWithParam<Mask> {};

mlir::OwningOpRef<mlir::ModuleOp> parseWhole(const std::string &text) {
  return mlir::parseSourceString<mlir::ModuleOp>(text, &context());
}

/// Which weights of the reference are above 0, against the definition, pair by pair.
void expectDefinition(const Mask &mask, const MaskCase &launch) {
  std::string text = example(mask.name, "f32", 64);
  auto module = parseWhole(withWeights(text)), whole = parseWhole(text);
  ASSERT_TRUE(module && whole);
  auto info = attune::describeKernel(kernelOf(*whole));
  ASSERT_TRUE(succeeded(info));
  auto inputs = makeInputs(*info, launch.shape, launch.values);
  auto weights = attune::reference::evaluate(kernelOf(*module), inputs);
  ASSERT_TRUE(bool(weights)) << llvm::toString(weights.takeError());
  int64_t place = 0, wrong = 0;
  for (int64_t b = 0; b < launch.shape.batch; ++b)
    for (int64_t h = 0; h < launch.shape.heads; ++h)
      for (int64_t i = 0; i < launch.shape.queries; ++i)
        for (int64_t j = 0; j < launch.shape.keys; ++j, ++place) {
          bool sees = weights->front().real(place) > 0;
          if (sees != mask.sees(launch, b, h, i, j) && ++wrong <= 3)
            ADD_FAILURE() << "query " << i << (sees ? " sees" : " does not see") << " key " << j
                          << " in head " << h << " of sequence " << b;
        }
  EXPECT_EQ(place, weights->front().numElements());
  EXPECT_EQ(wrong, 0);
}

TEST_P(Masks, showWhatTheirDefinitionShows) {
  std::mt19937_64 generator(7);
  for (int64_t tokens : {1, 2, 17, 17, 64, 128, 150})
    for (int repeat = 0; repeat < (tokens < 100 ? 4 : 1); ++repeat) {
      SCOPED_TRACE(std::to_string(tokens) + " tokens, repeat " + std::to_string(repeat));
      expectDefinition(GetParam(), GetParam().make(tokens, generator));
    }
}

TEST(CausalNeighborhood, anyAxesOfLinesImagesAndVideosAreCausal) {
  auto all = masks();
  auto mask = std::find_if(all.begin(), all.end(), [](const Mask &each) {
    return each.name == "masks/neighborhood-causal";
  });
  ASSERT_NE(mask, all.end());
  std::mt19937_64 generator(11);
  for (int rank : {1, 2, 3})
    for (unsigned causal = 0; causal < 1u << rank; ++causal)
      for (int repeat = 0; repeat < 3; ++repeat) {
        SCOPED_TRACE(std::to_string(rank) + " axes, causal " + std::to_string(causal));
        expectDefinition(*mask, makeCausalNeighborhood(60, rank, causal << (3 - rank), generator));
      }
}

TEST_P(Masks, hostAgreesWithTheReference) {
  std::mt19937_64 generator(3);
  for (std::string element : {"f32", "bf16"}) {
    Compiled &compiled = Compiled::of(withRowSums(example(GetParam().name, element, 64)));
    ASSERT_TRUE(compiled.ok);
    auto lengths = element == "f32" ? std::vector<int64_t>{1, 17, 128, 300}
                                    : std::vector<int64_t>{1, 130, 420};
    for (int64_t tokens : lengths) {
      SCOPED_TRACE(element + ", " + std::to_string(tokens) + " tokens");
      MaskCase launched = GetParam().make(tokens, generator);
      if (tokens > 300) { // less work for the reference
        launched.shape.batch = 1;
        launched.shape.heads = launched.shape.kvHeads;
      }
      auto inputs = makeInputs(compiled.info, launched.shape, launched.values);
      auto results = launch(compiled, inputs);
      expectAgreement(compiled, inputs, results);
      expectEmptyRows(GetParam(), launched, results);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Host, Masks, testing::ValuesIn(masks()),
                         [](const testing::TestParamInfo<Mask> &info) {
                           return nameOf(info.param);
                         });

} // namespace
