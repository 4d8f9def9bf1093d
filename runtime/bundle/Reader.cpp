// SPDX-License-Identifier: Apache-2.0
// Are these bytes a bundle, and which? Nothing is believed before it has been checked.
#include "runtime/bundle/Bundle.h"

#include "runtime/bundle/FileLayout.h"
#include "runtime/bundle/Sha256.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace attune::bundle {
namespace {

uint64_t littleEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i)
    value = value << 8 | uint8_t(bytes[i - 1]);
  return value;
}

Failure wrong(std::string_view what, uint64_t expected, uint64_t found) {
  return {"bundle: expected " + std::string(what) + " " + std::to_string(expected) + ", but got " +
          std::to_string(found)};
}

struct Header {
  uint32_t manifestSize;
  uint32_t blobCount;
  uint64_t tableEnd() const { return headerSize + digestSize + blobCount * entrySize; }
  uint64_t manifestEnd() const { return tableEnd() + manifestSize; }
};

Result<Header> readHeader(std::string_view file) {
  size_t known = std::min(file.size(), fileMagic.size());
  if (file.empty())
    return Failure{"bundle: expected a bundle, but the file is empty"};
  if (file.substr(0, known) != fileMagic.substr(0, known))
    return Failure{"bundle: expected the file to begin with ATTNBNDL; this is not a bundle"};
  if (file.size() < headerSize + digestSize)
    return Failure{"bundle: expected a header of " + std::to_string(headerSize + digestSize) +
                   " bytes, but the file ends after " + std::to_string(file.size())};
  auto field = [&](size_t index) { return uint32_t(littleEndian(file.substr(8 + 4 * index, 4))); };
  if (field(0) != fileVersion)
    return Failure{"bundle: expected version " + std::to_string(fileVersion) + ", but got " +
                   std::to_string(field(0)) + "; compile it again with this version of attune"};
  if (field(1) > maxManifestSize)
    return wrong("a manifest of at most this many bytes:", maxManifestSize, field(1));
  if (field(2) > maxBlobCount)
    return wrong("a number of blobs of at most", maxBlobCount, field(2));
  if (field(3) != 0)
    return wrong("the reserved field to be", 0, field(3));
  Header header = {field(1), field(2)};
  if (file.size() < header.manifestEnd())
    return Failure{"bundle: expected the table and the manifest to end at byte " +
                   std::to_string(header.manifestEnd()) + ", but the file ends after " +
                   std::to_string(file.size())};
  return header;
}

bool digestMatches(std::string_view bytes, std::string_view stored) {
  Digest digest = sha256(bytes);
  return std::memcmp(digest.data(), stored.data(), digestSize) == 0;
}

/// Reads blob `index`, which has to lie right after byte `end`; moves `end` to its own end.
Result<std::string> readBlob(std::string_view file, uint32_t index, uint64_t &end) {
  std::string name = "blob " + std::to_string(index);
  std::string_view entry = file.substr(headerSize + digestSize + index * entrySize, entrySize);
  uint64_t offset = littleEndian(entry.substr(0, 8));
  uint64_t size = littleEndian(entry.substr(8, 8));
  if (offset != alignBlob(end))
    return wrong(name + " at byte", alignBlob(end), offset);
  // Not offset + size > file.size(), which could overflow.
  if (offset > file.size() || size > file.size() - offset)
    return Failure{"bundle: expected " + name + " to take " + std::to_string(size) +
                   " bytes from byte " + std::to_string(offset) + ", but the file ends after " +
                   std::to_string(file.size())};
  std::string_view padding = file.substr(end, offset - end);
  if (padding.find_first_not_of('\0') != std::string_view::npos)
    return Failure{"bundle: expected zeros before " + name + ", but got something else"};
  std::string_view bytes = file.substr(offset, size);
  if (!digestMatches(bytes, entry.substr(16)))
    return Failure{"bundle: the digest of " + name + " does not match: the file is damaged"};
  end = offset + size;
  return std::string(bytes);
}

struct CloseFile {
  void operator()(std::FILE *file) const { std::fclose(file); }
};

Result<std::string> readFile(const std::string &path) {
  std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (!file)
    return Failure{std::string("cannot open: ") + std::strerror(errno)};
  std::string bytes;
  std::unique_ptr<char[]> buffer(new char[1 << 16]);
  while (size_t count = std::fread(buffer.get(), 1, 1 << 16, file.get()))
    bytes.append(buffer.get(), count);
  if (std::ferror(file.get()))
    return Failure{std::string("cannot read: ") + std::strerror(errno)};
  return bytes;
}

} // namespace

Result<Bundle> parseBundle(std::string_view file) {
  Result<Header> header = readHeader(file);
  if (!header)
    return header.failure();
  std::string_view manifestText = file.substr(header->tableEnd(), header->manifestSize);
  if (!digestMatches(manifestText, file.substr(headerSize, digestSize)))
    return Failure{"bundle: the digest of the manifest does not match: the file is damaged"};
  Result<Manifest> manifest = parseManifest(manifestText);
  if (!manifest)
    return manifest.failure();
  if (Result<void> sound = checkManifest(*manifest, header->blobCount); !sound)
    return sound.failure();

  Bundle bundle;
  bundle.manifest = *std::move(manifest);
  uint64_t end = header->manifestEnd();
  for (uint32_t i = 0; i < header->blobCount; ++i) {
    Result<std::string> blob = readBlob(file, i, end);
    if (!blob)
      return blob.failure();
    bundle.blobs.push_back(*std::move(blob));
  }
  if (end != file.size())
    return wrong("the file to end at byte", end, file.size());
  return bundle;
}

Result<Bundle> readBundle(const std::string &path) {
  Result<std::string> bytes = readFile(path);
  if (!bytes)
    return Failure{path + ": " + bytes.message()};
  Result<Bundle> bundle = parseBundle(*bytes);
  if (!bundle)
    return Failure{path + ": " + bundle.message()};
  return bundle;
}

} // namespace attune::bundle
