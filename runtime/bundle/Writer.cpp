// SPDX-License-Identifier: Apache-2.0
// How does a bundle become a file, whole or not at all?
#include "runtime/bundle/Bundle.h"

#include "runtime/bundle/FileLayout.h"
#include "runtime/bundle/Sha256.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace attune::bundle {
namespace {

void appendLittleEndian(std::string &bytes, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i)
    bytes += char(value >> (8 * i));
}

void appendDigest(std::string &bytes, std::string_view of) {
  Digest digest = sha256(of);
  bytes.append(reinterpret_cast<const char *>(digest.data()), digest.size());
}

Failure cannotWrite(const std::string &path) {
  return {path + ": cannot write: " + std::strerror(errno)};
}

/// A file that is being written; removed again unless it is moved to its place.
class PendingFile {
public:
  explicit PendingFile(std::string target) : target(std::move(target)) {
    for (int attempt = 0; attempt < 100 && descriptor < 0; ++attempt) {
      path = this->target + ".tmp" + std::to_string(getpid()) + "-" + std::to_string(attempt);
      descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (descriptor < 0 && errno != EEXIST)
        return;
    }
  }
  PendingFile(const PendingFile &) = delete;
  ~PendingFile() {
    if (descriptor >= 0)
      close(descriptor);
    if (created() && !moved)
      unlink(path.c_str());
  }

  bool created() const { return wasCreated || descriptor >= 0; }

  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return false;
      bytes.remove_prefix(size_t(count));
    }
    return true;
  }

  bool moveToPlace() {
    wasCreated = true;
    int result = close(descriptor);
    descriptor = -1;
    if (result != 0)
      return false;
    moved = rename(path.c_str(), target.c_str()) == 0;
    return moved;
  }

private:
  std::string target;
  std::string path;
  int descriptor = -1;
  bool wasCreated = false;
  bool moved = false;
};

/// Writes to something that a rename would destroy: a device, a pipe, a link.
Result<void> writeInPlace(const std::string &path, std::string_view bytes) {
  int descriptor = open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
  if (descriptor < 0)
    return cannotWrite(path);
  while (!bytes.empty()) {
    ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) {
      Failure failure = cannotWrite(path);
      close(descriptor);
      return failure;
    }
    bytes.remove_prefix(count < 0 ? 0 : size_t(count));
  }
  return close(descriptor) == 0 ? Result<void>() : cannotWrite(path);
}

} // namespace

uint32_t Bundle::addBlob(std::string bytes) {
  for (size_t i = 0; i < blobs.size(); ++i)
    if (blobs[i] == bytes)
      return uint32_t(i);
  blobs.push_back(std::move(bytes));
  return uint32_t(blobs.size() - 1);
}

Result<std::string> serializeBundle(const Bundle &bundle) {
  if (Result<void> sound = checkManifest(bundle.manifest, bundle.blobs.size()); !sound)
    return sound.failure();
  Result<std::string> manifest = printManifest(bundle.manifest);
  if (!manifest)
    return manifest.failure();
  if (manifest->size() > maxManifestSize)
    return Failure{"bundle: expected a manifest of at most " + std::to_string(maxManifestSize) +
                   " bytes, but got " + std::to_string(manifest->size())};
  if (bundle.blobs.size() > maxBlobCount)
    return Failure{"bundle: expected at most " + std::to_string(maxBlobCount) + " blobs, but got " +
                   std::to_string(bundle.blobs.size())};

  std::string bytes(fileMagic);
  appendLittleEndian(bytes, fileVersion, 4);
  appendLittleEndian(bytes, manifest->size(), 4);
  appendLittleEndian(bytes, bundle.blobs.size(), 4);
  appendLittleEndian(bytes, 0, 4);
  appendDigest(bytes, *manifest);
  uint64_t end = bytes.size() + bundle.blobs.size() * entrySize + manifest->size();
  for (const std::string &blob : bundle.blobs) {
    appendLittleEndian(bytes, alignBlob(end), 8);
    appendLittleEndian(bytes, blob.size(), 8);
    appendDigest(bytes, blob);
    end = alignBlob(end) + blob.size();
  }
  bytes += *manifest;
  for (const std::string &blob : bundle.blobs) {
    bytes.resize(alignBlob(bytes.size()), '\0');
    bytes += blob;
  }
  return bytes;
}

Result<void> writeBundle(const Bundle &bundle, const std::string &path) {
  Result<std::string> bytes = serializeBundle(bundle);
  if (!bytes)
    return bytes.failure();
  struct stat status;
  bool exists = lstat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode))
    return Failure{path + ": cannot write: it is a folder"};
  if (exists && !S_ISREG(status.st_mode))
    return writeInPlace(path, *bytes);
  PendingFile file(path);
  if (!file.created() || !file.write(*bytes) || !file.moveToPlace())
    return cannotWrite(path);
  return {};
}

} // namespace attune::bundle
