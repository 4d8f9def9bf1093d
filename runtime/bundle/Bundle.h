// SPDX-License-Identifier: Apache-2.0
// What is a bundle, in memory and as a file?
//
// A bundle file holds one compilation. All numbers are little endian; there is nothing in it that
// this grammar does not name, so every byte is checked.
//
//   file     := header manifest-digest entry{blob-count} manifest blob{blob-count}
//   header   := "ATTNBNDL"            8 bytes
//               version       u32     1
//               manifest-size u32     bytes, at most 16 MiB
//               blob-count    u32     at most 65536
//               reserved      u32     0
//   manifest-digest := 32 bytes       SHA-256 of the manifest's bytes
//   entry    := offset u64            of the blob from the start of the file, a multiple of 64
//               size   u64            of the blob in bytes
//               digest 32 bytes       SHA-256 of the blob's bytes
//   manifest := manifest-size bytes   JSON, see Manifest.h; not terminated
//   blob     := padding bytes         padding: fewer than 64 zero bytes, up to the entry's offset
//
// Blobs lie in the order of their entries, each at the first multiple of 64 after what comes before
// it, and the file ends with the last of them. The digests tell damage, not malice: a bundle is
// code, so open only bundles that you would run.
#pragma once

#include "runtime/bundle/Manifest.h"

#include <string>
#include <string_view>
#include <vector>

namespace attune::bundle {

struct Bundle {
  Manifest manifest;
  /// The bytes of each blob.
  std::vector<std::string> blobs;

  bool operator==(const Bundle &) const = default;
  /// Adds a blob, or finds the equal one that is there already; returns its index.
  uint32_t addBlob(std::string bytes);
};

/// The bytes of a bundle file. Fails when the manifest is not consistent (checkManifest).
Result<std::string> serializeBundle(const Bundle &bundle);

/// The bundle that these bytes are. Never trusts them: sizes are checked before they are used, and
/// digests before the contents. Copies what it keeps.
Result<Bundle> parseBundle(std::string_view bytes);

/// Writes a bundle file: to a new file beside `path` that then takes its place, so `path` never
/// holds half a bundle.
Result<void> writeBundle(const Bundle &bundle, const std::string &path);

/// Reads a bundle file. The message of a failure begins with the path.
Result<Bundle> readBundle(const std::string &path);

} // namespace attune::bundle
