// SPDX-License-Identifier: Apache-2.0
// Does a bundle survive being written and read, and is every damaged one refused?
#include "test/runtime/bundle/SampleBundle.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sys/stat.h>
#include <unistd.h>

using namespace attune::bundle;

namespace {

std::string sampleBytes() {
  Result<std::string> bytes = serializeBundle(sampleBundle());
  EXPECT_TRUE(bytes) << bytes.message();
  return *bytes;
}

/// Stores a little-endian number over the bytes from `offset`.
void poke(std::string &bytes, size_t offset, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i)
    bytes[offset + i] = char(value >> (8 * i));
}

std::string messageOf(const std::string &bytes) {
  Result<Bundle> bundle = parseBundle(bytes);
  EXPECT_FALSE(bundle);
  return bundle.message();
}

/// A folder of its own that goes away with the test.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "attune-bundle-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string file(const char *name) const { return (path / name).string(); }
  size_t count() const {
    return size_t(std::distance(std::filesystem::directory_iterator(path), {}));
  }

private:
  std::filesystem::path path;
};

// Offsets of the header's fields, from the grammar in Bundle.h.
constexpr size_t versionAt = 8, manifestSizeAt = 12, blobCountAt = 16, reservedAt = 20,
                 firstEntryAt = 56;

TEST(Bundle, RoundTripKeepsEverything) {
  Result<Bundle> read = parseBundle(sampleBytes());
  ASSERT_TRUE(read) << read.message();
  EXPECT_TRUE(*read == sampleBundle());
}

TEST(Bundle, SameBundleSameBytes) { EXPECT_EQ(sampleBytes(), sampleBytes()); }

TEST(Bundle, WithoutKernelsOrBlobs) {
  Bundle empty;
  Result<std::string> bytes = serializeBundle(empty);
  ASSERT_TRUE(bytes) << bytes.message();
  Result<Bundle> read = parseBundle(*bytes);
  ASSERT_TRUE(read) << read.message();
  EXPECT_TRUE(*read == empty);
}

TEST(Bundle, BlobsStartAtMultiplesOf64) {
  std::string bytes = sampleBytes();
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(uint8_t(bytes[firstEntryAt + 48 * i]) % 64, 0);
}

TEST(Bundle, EqualBlobsAreStoredOnce) {
  Bundle bundle;
  EXPECT_EQ(bundle.addBlob("a"), 0u);
  EXPECT_EQ(bundle.addBlob("b"), 1u);
  EXPECT_EQ(bundle.addBlob("a"), 0u);
  EXPECT_EQ(bundle.blobs.size(), 2u);
}

TEST(Bundle, WriterRefusesInconsistentManifest) {
  Bundle bundle = sampleBundle();
  bundle.blobs.resize(1);
  EXPECT_EQ(serializeBundle(bundle).message(),
            "manifest: kernels[0].variants[1].blob: expected an index below 1, but got 1");
}

TEST(Bundle, WriterRefusesTextThatIsNotUtf8) {
  Bundle bundle = sampleBundle();
  bundle.manifest.producer = "\xff";
  EXPECT_EQ(serializeBundle(bundle).message().rfind("manifest cannot be written as JSON: ", 0), 0u);
}

TEST(BundleDamage, EveryTruncationIsRefused) {
  std::string bytes = sampleBytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    // A heap copy of just this size, so that a sanitizer sees a read past the end.
    std::string shorter(bytes.data(), size);
    shorter.shrink_to_fit();
    EXPECT_FALSE(parseBundle(shorter)) << "at " << size;
  }
}

TEST(BundleDamage, SingleBitFlipsAreRefused) {
  std::string bytes = sampleBytes();
  // Every bit of the header and the table; of the digested bytes behind them one a byte.
  size_t table = (firstEntryAt + 3 * 48) * 8;
  for (size_t bit = 0; bit < bytes.size() * 8; bit += bit < table ? 1 : 9) {
    bytes[bit / 8] ^= char(1 << (bit % 8));
    EXPECT_FALSE(parseBundle(bytes)) << "bit " << bit;
    bytes[bit / 8] ^= char(1 << (bit % 8));
  }
}

TEST(BundleDamage, RandomDamageIsRefused) {
  const std::string whole = sampleBytes();
  std::mt19937 random(20240607);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = whole;
    size_t edits = 1 + random() % 8;
    for (size_t i = 0; i < edits; ++i) {
      // Half of the damage goes into the header and the table, where sizes are.
      size_t range = random() % 2 ? bytes.size() : firstEntryAt + 3 * 48;
      bytes[random() % range] = char(random());
    }
    if (bytes != whole) {
      EXPECT_FALSE(parseBundle(bytes)) << "round " << round;
    }
  }
}

TEST(BundleDamage, NothingAtAll) {
  EXPECT_EQ(messageOf(""), "bundle: expected a bundle, but the file is empty");
}

TEST(BundleDamage, AnotherKindOfFile) {
  EXPECT_EQ(messageOf("#!/bin/sh\n"),
            "bundle: expected the file to begin with ATTNBNDL; this is not a bundle");
}

TEST(BundleDamage, EndsInTheHeader) {
  EXPECT_EQ(messageOf(sampleBytes().substr(0, 20)),
            "bundle: expected a header of 56 bytes, but the file ends after 20");
}

TEST(BundleDamage, AnotherVersion) {
  std::string bytes = sampleBytes();
  poke(bytes, versionAt, 2, 4);
  EXPECT_EQ(messageOf(bytes), "bundle: expected version 1, but got 2; compile it again with this "
                              "version of attune");
}

TEST(BundleDamage, ManifestLargerThanTheLimit) {
  std::string bytes = sampleBytes();
  poke(bytes, manifestSizeAt, 0xffffffff, 4);
  EXPECT_EQ(messageOf(bytes), "bundle: expected a manifest of at most this many bytes: 16777216, "
                              "but got 4294967295");
}

TEST(BundleDamage, ManifestLargerThanTheFile) {
  std::string bytes = sampleBytes();
  poke(bytes, manifestSizeAt, 16 << 20, 4);
  EXPECT_EQ(messageOf(bytes),
            "bundle: expected the table and the manifest to end at byte 16777416, but the file "
            "ends after " +
                std::to_string(bytes.size()));
}

TEST(BundleDamage, MoreBlobsThanTheLimit) {
  std::string bytes = sampleBytes();
  poke(bytes, blobCountAt, 0xffffffff, 4);
  EXPECT_EQ(messageOf(bytes),
            "bundle: expected a number of blobs of at most 65536, but got 4294967295");
}

TEST(BundleDamage, MoreBlobsThanTheFile) {
  std::string bytes = sampleBytes();
  poke(bytes, blobCountAt, 65536, 4);
  EXPECT_EQ(messageOf(bytes).rfind("bundle: expected the table and the manifest to end at", 0), 0u);
}

TEST(BundleDamage, ReservedFieldInUse) {
  std::string bytes = sampleBytes();
  poke(bytes, reservedAt, 7, 4);
  EXPECT_EQ(messageOf(bytes), "bundle: expected the reserved field to be 0, but got 7");
}

TEST(BundleDamage, BlobSizeThatOverflows) {
  std::string bytes = sampleBytes();
  poke(bytes, firstEntryAt + 8, UINT64_MAX, 8);
  EXPECT_EQ(messageOf(bytes).rfind("bundle: expected blob 0 to take 18446744073709551615 bytes", 0),
            0u);
}

TEST(BundleDamage, BlobSizeThatWrapsToItself) {
  std::string bytes = sampleBytes();
  uint64_t offset = uint8_t(bytes[firstEntryAt]) | uint64_t(uint8_t(bytes[firstEntryAt + 1])) << 8;
  poke(bytes, firstEntryAt + 8, 0 - offset, 8);
  EXPECT_EQ(messageOf(bytes).rfind("bundle: expected blob 0 to take ", 0), 0u);
}

TEST(BundleDamage, BlobSomewhereElse) {
  std::string bytes = sampleBytes();
  poke(bytes, firstEntryAt, UINT64_MAX - 63, 8);
  EXPECT_EQ(messageOf(bytes).rfind("bundle: expected blob 0 at byte ", 0), 0u);
}

TEST(BundleDamage, BlobBytes) {
  std::string bytes = sampleBytes();
  bytes[bytes.find("not really")] = 'N';
  EXPECT_EQ(messageOf(bytes), "bundle: the digest of blob 0 does not match: the file is damaged");
}

TEST(BundleDamage, ManifestBytes) {
  std::string bytes = sampleBytes();
  bytes[bytes.find("alibi_window")] = 'A';
  EXPECT_EQ(messageOf(bytes),
            "bundle: the digest of the manifest does not match: the file is damaged");
}

TEST(BundleDamage, PaddingThatIsNotZero) {
  std::string bytes = sampleBytes();
  bytes[bytes.find("// not really") - 1] = 'x';
  EXPECT_EQ(messageOf(bytes), "bundle: expected zeros before blob 0, but got something else");
}

TEST(BundleDamage, BytesAfterTheEnd) {
  std::string bytes = sampleBytes();
  EXPECT_EQ(messageOf(bytes + "x"), "bundle: expected the file to end at byte " +
                                        std::to_string(bytes.size()) + ", but got " +
                                        std::to_string(bytes.size() + 1));
}

TEST(BundleFile, RoundTripLeavesNothingElse) {
  TemporaryFolder folder;
  Result<void> written = writeBundle(sampleBundle(), folder.file("kernel.attn"));
  ASSERT_TRUE(written) << written.message();
  Result<Bundle> read = readBundle(folder.file("kernel.attn"));
  ASSERT_TRUE(read) << read.message();
  EXPECT_TRUE(*read == sampleBundle());
  EXPECT_EQ(folder.count(), 1u);
}

TEST(BundleFile, ReplacesWhatIsThere) {
  TemporaryFolder folder;
  std::ofstream(folder.file("kernel.attn")) << "something older";
  ASSERT_TRUE(writeBundle(sampleBundle(), folder.file("kernel.attn")));
  EXPECT_TRUE(readBundle(folder.file("kernel.attn")));
}

TEST(BundleFile, FailedWriteLeavesTheOldFile) {
  TemporaryFolder folder;
  std::ofstream(folder.file("kernel.attn")) << "something older";
  Bundle broken = sampleBundle();
  broken.blobs.clear();
  EXPECT_FALSE(writeBundle(broken, folder.file("kernel.attn")));
  EXPECT_EQ(std::filesystem::file_size(folder.file("kernel.attn")), 15u);
  EXPECT_EQ(folder.count(), 1u);
}

TEST(BundleFile, FullDevice) {
  if (access("/dev/full", W_OK) != 0)
    GTEST_SKIP() << "there is no /dev/full";
  EXPECT_EQ(writeBundle(sampleBundle(), "/dev/full").message(),
            "/dev/full: cannot write: No space left on device");
}

TEST(BundleFile, FolderThatIsNotThere) {
  TemporaryFolder folder;
  std::string path = folder.file("missing") + "/kernel.attn";
  EXPECT_EQ(writeBundle(sampleBundle(), path).message(),
            path + ": cannot write: No such file or directory");
  EXPECT_EQ(readBundle(path).message(), path + ": cannot open: No such file or directory");
}

TEST(BundleFile, FolderInsteadOfFile) {
  TemporaryFolder folder;
  std::string path = folder.file("");
  EXPECT_EQ(writeBundle(sampleBundle(), path).message(), path + ": cannot write: it is a folder");
  EXPECT_EQ(readBundle(path).message(), path + ": cannot read: Is a directory");
}

TEST(BundleFile, FolderWithoutPermission) {
  TemporaryFolder folder;
  ASSERT_EQ(chmod(folder.file("").c_str(), 0500), 0);
  // Root may write everywhere, so it has to be somebody else for a moment.
  bool root = geteuid() == 0;
  if (root && seteuid(65534) != 0)
    GTEST_SKIP() << "root cannot become somebody else here";
  std::string message = writeBundle(sampleBundle(), folder.file("kernel.attn")).message();
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  chmod(folder.file("").c_str(), 0700);
  EXPECT_EQ(message, folder.file("kernel.attn") + ": cannot write: Permission denied");
}

} // namespace
