// SPDX-License-Identifier: Apache-2.0
// Linking where LLVM's tools are not: HostLink.cpp is compiled here with no folder of its own to look
// in, so that an empty PATH leaves no linker.
#include "compiler/target/host/HostStages.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

using namespace mlir;

namespace attune {
namespace {

TEST(HostLink, saysWhatIsMissing) {
  MLIRContext context;
  std::vector<std::string> messages;
  ScopedDiagnosticHandler handler(
      &context, [&](Diagnostic &diagnostic) { messages.push_back(diagnostic.str()); });
  ASSERT_EQ(setenv("PATH", "", /*replace=*/1), 0);
  EXPECT_TRUE(failed(linkForHost(UnknownLoc::get(&context), "an object")));
  EXPECT_EQ(messages,
            std::vector<std::string>{"expected ld.lld on PATH to link code for the host, but found "
                                     "none; install lld-22"});
}

} // namespace
} // namespace attune
