// SPDX-License-Identifier: Apache-2.0
// Can any bytes make the reader crash, hang, or accept a bundle that it cannot write back?
//
// The first byte of an input chooses the road. The rest is taken as it is, or as edits (two bytes
// of position, one of value) of a sound bundle, whose digests are then made right so that the
// fuzzer gets past them.
#include "runtime/bundle/FileLayout.h"
#include "runtime/bundle/Sha256.h"
#include "test/runtime/bundle/SampleBundle.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace attune::bundle;

namespace {

void expect(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "expected: %s\n", what);
  std::abort();
}

void tryBundle(std::string_view bytes) {
  Result<Bundle> bundle = parseBundle(bytes);
  if (!bundle) {
    expect(!bundle.message().empty(), "a message for what is refused");
    return;
  }
  Result<std::string> again = serializeBundle(*bundle);
  expect(bool(again), "an accepted bundle can be written");
  Result<Bundle> second = parseBundle(*again);
  expect(second && *second == *bundle, "what was written is read again as the same");
}

void tryManifest(std::string_view text) {
  Result<Manifest> manifest = parseManifest(text);
  if (!manifest)
    return;
  (void)bool(checkManifest(*manifest, 3));
  Result<std::string> printed = printManifest(*manifest);
  expect(bool(printed), "a manifest that was read can be printed");
  Result<Manifest> again = parseManifest(*printed);
  expect(again && *again == *manifest, "a printed manifest is read again as the same");
}

std::string edited(std::string bytes, std::string_view edits) {
  for (; edits.size() >= 3; edits.remove_prefix(3)) {
    size_t position = uint8_t(edits[0]) | size_t(uint8_t(edits[1])) << 8;
    bytes[position % bytes.size()] = edits[2];
  }
  return bytes;
}

uint64_t number(const std::string &bytes, size_t offset, size_t size) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + offset, size);
  return value;
}

void storeDigest(std::string &bytes, size_t at, uint64_t offset, uint64_t size) {
  if (at + digestSize > bytes.size() || offset > bytes.size() || size > bytes.size() - offset)
    return;
  Digest digest = sha256(std::string_view(bytes).substr(offset, size));
  std::memcpy(bytes.data() + at, digest.data(), digestSize);
}

std::string withDigests(std::string bytes) {
  uint64_t manifestSize = number(bytes, 12, 4), blobCount = number(bytes, 16, 4);
  uint64_t table = headerSize + digestSize;
  for (uint64_t i = 0; i < blobCount && table + (i + 1) * entrySize <= bytes.size(); ++i) {
    uint64_t entry = table + i * entrySize;
    storeDigest(bytes, entry + 16, number(bytes, entry, 8), number(bytes, entry + 8, 8));
  }
  storeDigest(bytes, headerSize, table + blobCount * entrySize, manifestSize);
  return bytes;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::string bundle = *serializeBundle(sampleBundle());
  static const std::string manifest = *printManifest(sampleBundle().manifest);
  if (size == 0)
    return 0;
  std::string_view rest(reinterpret_cast<const char *>(data) + 1, size - 1);
  switch (data[0] % 4) {
  case 0: tryBundle(rest); break;
  case 1: tryManifest(rest); break;
  case 2: tryBundle(withDigests(edited(bundle, rest))); break;
  case 3: tryManifest(edited(manifest, rest)); break;
  }
  return 0;
}
