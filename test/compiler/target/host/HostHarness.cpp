// SPDX-License-Identifier: Apache-2.0
// Running tile kernels in tests.
#include "test/compiler/target/host/HostHarness.h"

#include "compiler/target/Signature.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Parser/Parser.h"
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

namespace attune::test {

const char *getTypeName(Dtype dtype) {
  static const char *names[] = {"f32", "bf16", "f16", "i64", "i32", "i8"};
  return names[int(dtype)];
}

int64_t getBytes(Dtype dtype) {
  static const int64_t bytes[] = {4, 2, 2, 8, 4, 1};
  return bytes[int(dtype)];
}

//===--- Tensor --------------------------------------------------------------------------------===//

struct GuardedPages {
  std::shared_ptr<void> owner;
  char *data;
};

/// `size` bytes whose end is followed by a page that traps.
static GuardedPages mapBeforeGuard(int64_t size) {
  int64_t page = sysconf(_SC_PAGESIZE), readable = (size + page - 1) / page * page;
  char *base = static_cast<char *>(
      mmap(nullptr, readable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  EXPECT_NE(base, MAP_FAILED);
  EXPECT_EQ(mprotect(base + readable, page, PROT_NONE), 0);
  auto unmap = [=](void *start) { munmap(start, readable + page); };
  return {std::shared_ptr<void>(base, unmap), base + readable - size};
}

Tensor::Tensor(Dtype dtype, std::vector<int64_t> shape, std::vector<int> order, int64_t spread)
    : dtype(dtype), shape(shape), strides(shape.size()) {
  if (order.empty())
    for (size_t dim = 0; dim < shape.size(); ++dim)
      order.push_back(dim);
  int64_t extent = spread;
  for (auto dim = order.rbegin(); dim != order.rend(); ++dim) {
    strides[*dim] = extent;
    extent *= shape[*dim];
  }
  int64_t bytes = getBytes(dtype);
  // The last element ends the readable part: what `spread` would leave behind it is not there.
  int64_t size = extent > 0 ? (extent - spread + 1) * bytes : 0;
  GuardedPages memory = mapBeforeGuard(size);
  pages = memory.owner;
  data = memory.data;
}

/// The bits of the bf16 nearest to a finite value.
static uint16_t roundToBFloat(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

char *Tensor::address(const std::vector<int64_t> &index) const {
  int64_t offset = 0;
  for (size_t dim = 0; dim < shape.size(); ++dim)
    offset += index[dim] * strides[dim];
  return data + offset * getBytes(dtype);
}

double Tensor::get(std::vector<int64_t> index) const {
  char *place = address(index);
  switch (dtype) {
  case Dtype::F32: return *reinterpret_cast<float *>(place);
  case Dtype::Bf16: {
    uint32_t bits = uint32_t(*reinterpret_cast<uint16_t *>(place)) << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
  }
  case Dtype::F16: return *reinterpret_cast<_Float16 *>(place);
  case Dtype::I64: return *reinterpret_cast<int64_t *>(place);
  case Dtype::I32: return *reinterpret_cast<int32_t *>(place);
  case Dtype::I8: return *place;
  }
  return 0;
}

void Tensor::set(std::vector<int64_t> index, double value) {
  char *place = address(index);
  switch (dtype) {
  case Dtype::F32: *reinterpret_cast<float *>(place) = value; return;
  case Dtype::Bf16: *reinterpret_cast<uint16_t *>(place) = roundToBFloat(value); return;
  case Dtype::F16: *reinterpret_cast<_Float16 *>(place) = static_cast<_Float16>(value); return;
  case Dtype::I64: *reinterpret_cast<int64_t *>(place) = value; return;
  case Dtype::I32: *reinterpret_cast<int32_t *>(place) = value; return;
  case Dtype::I8: *place = value; return;
  }
}

void Tensor::each(const std::function<void(std::vector<int64_t>)> &body) const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  for (int64_t linear = 0; linear < count; ++linear) {
    std::vector<int64_t> index(shape.size());
    int64_t rest = linear;
    for (int dim = shape.size() - 1; dim >= 0; --dim) {
      index[dim] = rest % shape[dim];
      rest /= shape[dim];
    }
    body(index);
  }
}

void Tensor::fill(unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  each([&](std::vector<int64_t> index) { set(index, uniform(random)); });
}

void Tensor::fillWith(double value) {
  each([&](std::vector<int64_t> index) { set(index, value); });
}

//===--- Kernel --------------------------------------------------------------------------------===//

std::vector<HostLevel> getRunnableLevels() {
  std::vector<HostLevel> levels = {HostLevel::X86_64};
  if (__builtin_cpu_supports("x86-64-v3"))
    levels.push_back(HostLevel::V3);
  if (__builtin_cpu_supports("x86-64-v4"))
    levels.push_back(HostLevel::V4);
  return levels;
}

static mlir::DialectRegistry &getRegistry() {
  static mlir::DialectRegistry registry = [] {
    mlir::DialectRegistry made;
    made.insert<tile::TileDialect, mlir::arith::ArithDialect, mlir::math::MathDialect,
                mlir::scf::SCFDialect, mlir::memref::MemRefDialect, mlir::affine::AffineDialect>();
    registerHostTarget(made);
    return made;
  }();
  return registry;
}

Kernel::Kernel(const std::string &text, HostLevel level, const std::string &name)
    : context(getRegistry(), mlir::MLIRContext::Threading::DISABLED) {
  module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module) {
    ADD_FAILURE() << "the test's own IR is refused:\n" << text;
    return;
  }
  for (auto candidate : module->getOps<tile::KernelOp>())
    if (!kernel && (name.empty() || candidate.getSymName() == name))
      kernel = candidate;
  if (!kernel) {
    ADD_FAILURE() << "there is no kernel '" << name << "'";
    return;
  }
  mlir::FailureOr<HostCode> compiled = compileForHost(kernel, level);
  if (failed(compiled)) {
    ADD_FAILURE() << "the kernel does not compile for " << getHostFacts(level).name;
    return;
  }
  code = std::move(*compiled);
  file = memfd_create("kernel", 0);
  EXPECT_EQ(write(file, code.elf.data(), code.elf.size()), ssize_t(code.elf.size()));
  // The file stays open: the loader takes an object of the same path for the same object.
  library = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    ADD_FAILURE() << dlerror();
    return;
  }
  entry = reinterpret_cast<decltype(entry)>(dlsym(library, code.entry.c_str()));
  EXPECT_NE(entry, nullptr);
}

Kernel::~Kernel() {
  if (library)
    dlclose(library);
  if (file >= 0)
    close(file);
}

int64_t Kernel::countTasks(const std::map<std::string, Tensor> &tensors,
                           const std::map<std::string, double> &scalars) const {
  tile::KernelOp op = kernel;
  std::string name = op.getArgumentName(op.getNumArguments() - op.getResultCount()).str();
  const std::vector<int64_t> &shape = tensors.at(name).shape;
  int64_t queries = op.getConfig().getQueries(), tiles = (shape[2] + queries - 1) / queries;
  if (mlir::DenseI64ArrayAttr box = op.getConfig().getQueryBox()) {
    auto coordinates = *op.getBody().getOps<tile::CoordinatesOp>().begin();
    tiles = 1;
    for (auto [size, extent] : llvm::zip(box.asArrayRef(), coordinates.getGrid())) {
      unsigned argument = mlir::cast<mlir::BlockArgument>(extent).getArgNumber();
      tiles *= (int64_t(scalars.at(op.getArgumentName(argument).str())) + size - 1) / size;
    }
  }
  return tiles * shape[1] * shape[0];
}

void Kernel::run(const std::map<std::string, Tensor> &tensors,
                 const std::map<std::string, double> &scalars) {
  if (!entry)
    return;
  std::vector<uint64_t> parameters = packParameters(tensors, scalars);
  runTasks(parameters, 0, countTasks(tensors, scalars), makeScratch().get());
}

std::vector<uint64_t> Kernel::packParameters(const std::map<std::string, Tensor> &tensors,
                                             const std::map<std::string, double> &scalars) const {
  tile::KernelOp op = kernel;
  std::vector<uint64_t> slots;
  for (const LaunchParameter &parameter : getLaunchParameters(op)) {
    std::string name = op.getArgumentName(parameter.argument).str();
    uint64_t slot = 0;
    if (parameter.kind == ParameterKind::Pointer) {
      slot = reinterpret_cast<uint64_t>(tensors.at(name).data);
    } else if (parameter.kind == ParameterKind::Size) {
      slot = tensors.at(name).shape[parameter.dim];
    } else if (parameter.kind == ParameterKind::Stride) {
      slot = tensors.at(name).strides[parameter.dim];
    } else if (parameter.type.isF32()) {
      float value = scalars.at(name);
      memcpy(&slot, &value, sizeof(value));
    } else {
      slot = int64_t(scalars.at(name));
    }
    slots.push_back(slot);
  }
  return slots;
}

/// Leaves ones, which are NaN in every float type, where code that reads what it has not written would
/// find them: in vector and mask registers, and on the stack below.
__attribute__((target("avx512f,avx512bw"))) static void soilWideRegisters() {
  asm volatile("vpternlogd $255, %%zmm0, %%zmm0, %%zmm0\n"
               "vmovdqa64 %%zmm0, %%zmm1\n vmovdqa64 %%zmm0, %%zmm2\n vmovdqa64 %%zmm0, %%zmm3\n"
               "vmovdqa64 %%zmm0, %%zmm4\n vmovdqa64 %%zmm0, %%zmm5\n vmovdqa64 %%zmm0, %%zmm6\n"
               "vmovdqa64 %%zmm0, %%zmm7\n vmovdqa64 %%zmm0, %%zmm8\n vmovdqa64 %%zmm0, %%zmm9\n"
               "vmovdqa64 %%zmm0, %%zmm10\n vmovdqa64 %%zmm0, %%zmm11\n vmovdqa64 %%zmm0, %%zmm12\n"
               "vmovdqa64 %%zmm0, %%zmm13\n vmovdqa64 %%zmm0, %%zmm14\n vmovdqa64 %%zmm0, %%zmm15\n"
               "vmovdqa64 %%zmm0, %%zmm16\n vmovdqa64 %%zmm0, %%zmm17\n vmovdqa64 %%zmm0, %%zmm18\n"
               "vmovdqa64 %%zmm0, %%zmm19\n vmovdqa64 %%zmm0, %%zmm20\n vmovdqa64 %%zmm0, %%zmm21\n"
               "vmovdqa64 %%zmm0, %%zmm22\n vmovdqa64 %%zmm0, %%zmm23\n vmovdqa64 %%zmm0, %%zmm24\n"
               "vmovdqa64 %%zmm0, %%zmm25\n vmovdqa64 %%zmm0, %%zmm26\n vmovdqa64 %%zmm0, %%zmm27\n"
               "vmovdqa64 %%zmm0, %%zmm28\n vmovdqa64 %%zmm0, %%zmm29\n vmovdqa64 %%zmm0, %%zmm30\n"
               "vmovdqa64 %%zmm0, %%zmm31\n"
               "kxnorq %%k1, %%k1, %%k1\n kxnorq %%k2, %%k2, %%k2\n kxnorq %%k3, %%k3, %%k3\n"
               "kxnorq %%k4, %%k4, %%k4\n kxnorq %%k5, %%k5, %%k5\n kxnorq %%k6, %%k6, %%k6\n"
               "kxnorq %%k7, %%k7, %%k7\n"
               :
               :
               : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                 "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17",
                 "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26",
                 "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6",
                 "k7");
}

__attribute__((noinline)) static void soil() {
  volatile char stack[1 << 16];
  for (volatile char &byte : stack)
    byte = char(0xff);
  if (__builtin_cpu_supports("x86-64-v4"))
    soilWideRegisters();
}

void Kernel::runTasks(std::vector<uint64_t> &parameters, int64_t begin, int64_t end,
                      void *scratch) {
  std::vector<void *> pointers;
  for (uint64_t &slot : parameters)
    pointers.push_back(&slot);
  soil();
  entry(pointers.data(), begin, end, scratch);
}

std::shared_ptr<void> Kernel::makeScratch() const {
  GuardedPages pages = mapBeforeGuard(code.scratchBytes);
  memset(pages.data, 0xff, code.scratchBytes);
  return std::shared_ptr<void>(pages.owner, pages.data);
}

std::string fillIn(std::string text, const std::map<std::string, std::string> &replacements) {
  for (const auto &[key, value] : replacements)
    for (size_t at = 0; (at = text.find("{" + key + "}", at)) != std::string::npos;)
      text.replace(at, key.size() + 2, value);
  return text;
}

} // namespace attune::test
