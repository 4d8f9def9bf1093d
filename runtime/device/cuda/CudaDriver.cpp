// SPDX-License-Identifier: Apache-2.0
// Opens the library at run time and fills in the table of CudaSymbols.def.
#include "runtime/device/cuda/CudaDriver.h"

#include <cstdlib>
#include <dlfcn.h>

namespace attune::device::cuda {

std::shared_ptr<const Driver> Driver::open() {
  const char *chosen = std::getenv("ATTUNE_LIBCUDA");
  return std::shared_ptr<const Driver>(new Driver(chosen && *chosen ? chosen : "libcuda.so.1"));
}

Driver::Driver(const std::string &libraryPath) : path(libraryPath) {
  library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    fail(ATTUNE_NO_DEVICE, "no CUDA driver: " + std::string(reason ? reason : path) +
                               "; install the NVIDIA driver, or set ATTUNE_LIBCUDA to the path of "
                               "its libcuda.so.1");
  }
  try {
#define ATTUNE_CUDA_SYMBOL(name, symbol, parameters)                                               \
  name = reinterpret_cast<decltype(name)>(find(#symbol));                                          \
  if (!name)                                                                                       \
    fail(ATTUNE_NO_DEVICE, "the CUDA driver " + path +                                             \
                               " has no function " #symbol                                         \
                               "; it is too old, expected CUDA 11.0 or newer");
#define ATTUNE_CUDA_OPTIONAL(name, symbol, parameters)                                             \
  name = reinterpret_cast<decltype(name)>(find(#symbol));
#include "runtime/device/cuda/CudaSymbols.def"
#undef ATTUNE_CUDA_SYMBOL
#undef ATTUNE_CUDA_OPTIONAL
    check(init(0), "cuInit");
  } catch (...) {
    dlclose(library);
    throw;
  }
}

Driver::~Driver() { dlclose(library); }

void *Driver::find(const char *symbol) const { return dlsym(library, symbol); }

std::string Driver::describe(Result result) const {
  const char *name = nullptr, *text = nullptr;
  if (getErrorName(result, &name) != success || !name)
    return "error " + std::to_string(result);
  if (getErrorString(result, &text) != success || !text)
    return name;
  return std::string(name) + " (" + text + ")";
}

void Driver::failWith(Result result, const char *what) const {
  attune_status status = ATTUNE_DEVICE_ERROR;
  if (result == errorOutOfMemory)
    status = ATTUNE_OUT_OF_MEMORY;
  else if (result == errorNoDevice || result == errorInvalidDevice)
    status = ATTUNE_NO_DEVICE;
  fail(status, "cuda: " + std::string(what) + " failed: " + describe(result));
}

} // namespace attune::device::cuda
