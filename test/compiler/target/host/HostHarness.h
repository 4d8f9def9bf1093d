// SPDX-License-Identifier: Apache-2.0
// How do tests run a tile kernel on this machine? Tensors that end at an unreadable page, and a
// launch of the compiled entry without the runtime.
#ifndef ATTUNE_TEST_COMPILER_TARGET_HOST_HOSTHARNESS_H
#define ATTUNE_TEST_COMPILER_TARGET_HOST_HOSTHARNESS_H

#include "compiler/target/host/HostTarget.h"
#include "mlir/IR/MLIRContext.h"
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace attune::test {

enum class Dtype { F32, Bf16, F16, I64, I32, I8 };

const char *getTypeName(Dtype dtype);
int64_t getBytes(Dtype dtype);

/// A strided array of numbers whose last byte is followed by a page that traps.
class Tensor {
public:
  Tensor() = default;
  /// `order`: the dims from outermost to innermost in memory; empty: as they stand. `spread` is the
  /// stride of the innermost one.
  Tensor(Dtype dtype, std::vector<int64_t> shape, std::vector<int> order = {}, int64_t spread = 1);

  double get(std::vector<int64_t> index) const;
  /// Stores the nearest number of the type.
  void set(std::vector<int64_t> index, double value);
  /// Uniform numbers of [-1, 1), the same for a given seed.
  void fill(unsigned seed);
  void fillWith(double value);

  Dtype dtype = Dtype::F32;
  std::vector<int64_t> shape, strides;
  char *data = nullptr;

private:
  char *address(const std::vector<int64_t> &index) const;
  void each(const std::function<void(std::vector<int64_t>)> &body) const;
  std::shared_ptr<void> pages;
};

/// Levels that this machine executes.
std::vector<HostLevel> getRunnableLevels();

/// A compiled kernel, opened.
class Kernel {
public:
  /// Parses the text of a module and compiles its tile kernel `name`, or the first one; fails the test
  /// on an error.
  Kernel(const std::string &text, HostLevel level, const std::string &name = "");
  ~Kernel();
  Kernel(const Kernel &) = delete;

  /// Runs all tasks of `grid` = (query tiles, heads, batch). Arguments by name: tensors and scalars.
  void run(const std::map<std::string, Tensor> &tensors,
           const std::map<std::string, double> &scalars = {});
  /// The values of the launch parameters, one 8-byte slot each.
  std::vector<uint64_t> packParameters(const std::map<std::string, Tensor> &tensors,
                                       const std::map<std::string, double> &scalars) const;
  /// Runs tasks [begin, end) in `scratch`.
  void runTasks(std::vector<uint64_t> &parameters, int64_t begin, int64_t end, void *scratch);
  /// Scratch memory full of NaNs, since nothing may rely on its contents; what follows it traps.
  std::shared_ptr<void> makeScratch() const;
  /// Where tiles are boxes of a grid, its sizes are scalars of the kernel.
  int64_t countTasks(const std::map<std::string, Tensor> &tensors,
                     const std::map<std::string, double> &scalars = {}) const;

  HostCode code;

private:
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  tile::KernelOp kernel;
  int file = -1;
  void *library = nullptr;
  void (*entry)(void *const *, int64_t, int64_t, void *) = nullptr;
};

/// `text` with each `{key}` replaced by its value.
std::string fillIn(std::string text, const std::map<std::string, std::string> &replacements);

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_TARGET_HOST_HOSTHARNESS_H
