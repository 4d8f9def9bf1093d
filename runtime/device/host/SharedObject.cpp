// SPDX-License-Identifier: Apache-2.0
// The bytes go into an anonymous file, which the dynamic loader opens through /proc.
#include "runtime/device/host/SharedObject.h"

#include "runtime/device/Status.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
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

SharedObject::SharedObject(std::string_view bytes, const std::string &name) {
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
    fail(ATTUNE_DEVICE_ERROR, "kernel '" + name + "': its host code cannot be loaded: " + words);
  }
}

SharedObject::~SharedObject() {
  dlclose(handle);
  close(descriptor);
}

void *SharedObject::find(const std::string &symbol) const { return dlsym(handle, symbol.c_str()); }

} // namespace attune::device
