// SPDX-License-Identifier: Apache-2.0
// Does a launch allocate memory? Every operator new of this program counts.
#include "test/runtime/device/ScaleAdd.h"

#include <atomic>
#include <cstdlib>
#include <new>

using namespace attune;
using namespace attune::testing;

static std::atomic<int64_t> allocations{0};

static void *countedAllocation(size_t size) {
  ++allocations;
  if (void *pointer = std::malloc(size ? size : 1))
    return pointer;
  throw std::bad_alloc();
}

void *operator new(size_t size) { return countedAllocation(size); }
void *operator new[](size_t size) { return countedAllocation(size); }
void operator delete(void *pointer) noexcept { std::free(pointer); }
void operator delete[](void *pointer) noexcept { std::free(pointer); }
void operator delete(void *pointer, size_t) noexcept { std::free(pointer); }
void operator delete[](void *pointer, size_t) noexcept { std::free(pointer); }

TEST(Allocation, NoneInALaunch) {
  bundle::Bundle contents = scaleAddWithoutCode();
  contents.addBlob(readAll(ATTUNE_TEST_KERNEL));
  contents.manifest.kernels[0].variants = {scaleAddVariant("x86-64", bundle::BlobFormat::Elf)};
  using bundle::Expression;
  contents.manifest.kernels[0].conditions = {
      {Expression::binary(Expression::Kind::Lt, Expression::scalar("w"), Expression::size("a", 2)),
       "w < size q"}};
  Device device("host:2");
  Kernel kernel(device, openBundle(contents), "scale_add");
  ScaleAddProblem problem;
  std::vector<Argument> arguments = problem.arguments();
  int64_t before = allocations;
  for (int i = 0; i < 10; ++i)
    kernel.launch(arguments);
  EXPECT_EQ(allocations, before);
  problem.expectRight();
  // The counter counts: a message is allocated.
  EXPECT_THROW(kernel.launch({1}), Error);
  EXPECT_GT(allocations, before);
}
