// SPDX-License-Identifier: Apache-2.0
// What does a cubin say of its entries? Only as much as a driver needs to copy a launch's
// parameters.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace attune::testing {

struct CubinEntry {
  /// Bytes of each parameter, in order.
  std::vector<size_t> parameterSizes;
  /// Threads of a block that the entry was compiled for; 0 when it is not said.
  unsigned requiredThreads = 0;
};

/// Whether an image is an ELF object for CUDA. The image is trusted.
bool isCubin(const char *image);

/// All bytes of a cubin.
std::string copyCubin(const char *image);

/// What a cubin says of the entry of this name; nothing when it has none.
std::optional<CubinEntry> findCubinEntry(const std::string &cubin, const std::string &name);

} // namespace attune::testing
