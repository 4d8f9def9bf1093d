// SPDX-License-Identifier: Apache-2.0
// The numbers of the bundle file's grammar (Bundle.h). Private to the reader and the writer.
#pragma once

#include <cstdint>
#include <string_view>

namespace attune::bundle {

inline constexpr std::string_view fileMagic = "ATTNBNDL";
inline constexpr uint32_t fileVersion = 1;
inline constexpr uint64_t headerSize = 8 + 4 * 4;
inline constexpr uint64_t digestSize = 32;
inline constexpr uint64_t entrySize = 8 + 8 + digestSize;
inline constexpr uint64_t blobAlignment = 64;
inline constexpr uint32_t maxManifestSize = 16u << 20;
inline constexpr uint32_t maxBlobCount = 65536;

/// The first multiple of the blob alignment that is not below `offset`, which is a size of
/// something in memory and so far from overflow.
constexpr uint64_t alignBlob(uint64_t offset) {
  return (offset + blobAlignment - 1) / blobAlignment * blobAlignment;
}

} // namespace attune::bundle
