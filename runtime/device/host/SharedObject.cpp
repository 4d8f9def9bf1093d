// SPDX-License-Identifier: Apache-2.0
// The bytes go into an anonymous file, which the dynamic loader opens through /proc.
#include "runtime/device/host/SharedObject.h"

#include "runtime/device/Status.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

namespace attune::device {

static bool writeAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR)
      return false;
    bytes.remove_prefix(count < 0 ? 0 : size_t(count));
  }
  return true;
}

/// The dynamic loader believes the headers, and a segment that is not there ends the process; so
/// they are checked first. Returns what is wrong, or null.
static const char *findFault(std::string_view bytes) {
  Elf64_Ehdr header;
  if (bytes.size() < sizeof(header))
    return "it is too short to be an ELF object";
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return "it is not an ELF object";
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_X86_64 || header.e_type != ET_DYN)
    return "it is not a shared object for x86-64";
  uint64_t tableSize = uint64_t(header.e_phnum) * sizeof(Elf64_Phdr);
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > bytes.size() ||
      tableSize > bytes.size() - header.e_phoff)
    return "it ends before its table of segments";
  for (size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, bytes.data() + header.e_phoff + i * sizeof(segment), sizeof(segment));
    if (segment.p_offset > bytes.size() || segment.p_filesz > bytes.size() - segment.p_offset)
      return "it ends before its last segment";
  }
  return nullptr;
}

SharedObject::SharedObject(std::string_view bytes, const std::string &name) {
  if (const char *fault = findFault(bytes))
    fail(ATTUNE_DEVICE_ERROR, std::string("the host code cannot be loaded: ") + fault);
  descriptor = memfd_create(name.substr(0, 200).c_str(), MFD_CLOEXEC);
  if (descriptor < 0 || !writeAll(descriptor, bytes)) {
    int error = errno;
    if (descriptor >= 0)
      close(descriptor);
    fail(error == ENOMEM || error == ENOSPC ? ATTUNE_OUT_OF_MEMORY : ATTUNE_DEVICE_ERROR,
         "kernel '" + name +
             "': cannot put its code into an anonymous file: " + std::strerror(error));
  }
  // The loader knows objects by their path, and takes an equal path for the same object. So the
  // descriptor, and with it the path, stays taken as long as the object is loaded.
  std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *reason = dlerror();
    std::string words = reason ? reason : "no reason given";
    close(descriptor);
    fail(ATTUNE_DEVICE_ERROR, "the host code cannot be loaded: " + words);
  }
}

SharedObject::~SharedObject() {
  dlclose(handle);
  close(descriptor);
}

void *SharedObject::find(const std::string &symbol) const { return dlsym(handle, symbol.c_str()); }

} // namespace attune::device
