// SPDX-License-Identifier: Apache-2.0
// How is the CUDA driver library found, and how do its errors become ours?
#pragma once

#include "runtime/device/Status.h"
#include "runtime/device/cuda/CudaTypes.h"

#include <cstddef>
#include <memory>
#include <string>

namespace attune::device::cuda {

/// The driver library, opened and initialised; closed with this object.
class Driver {
public:
  /// Opens libcuda.so.1, or what ATTUNE_LIBCUDA names. Throws StatusError with ATTUNE_NO_DEVICE.
  static std::shared_ptr<const Driver> open();
  Driver(const Driver &) = delete;
  ~Driver();

  /// Throws unless `result` is success. `what` begins the message: "cuLaunchKernel".
  void check(Result result, const char *what) const {
    if (result != success)
      failWith(result, what);
  }
  /// "CUDA_ERROR_INVALID_VALUE (invalid argument)".
  std::string describe(Result result) const;

#define ATTUNE_CUDA_SYMBOL(name, symbol, parameters) Result(*name) parameters = nullptr;
#define ATTUNE_CUDA_OPTIONAL(name, symbol, parameters) Result(*name) parameters = nullptr;
#include "runtime/device/cuda/CudaSymbols.def"
#undef ATTUNE_CUDA_SYMBOL
#undef ATTUNE_CUDA_OPTIONAL

private:
  explicit Driver(const std::string &path);
  void *find(const char *symbol) const;
  [[noreturn]] void failWith(Result result, const char *what) const;

  void *library = nullptr;
  std::string path;
};

} // namespace attune::device::cuda
