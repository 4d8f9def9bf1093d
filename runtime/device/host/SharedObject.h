// SPDX-License-Identifier: Apache-2.0
// How does an ELF shared object that is only in memory get loaded?
#pragma once

#include <string>
#include <string_view>

namespace attune::device {

/// A shared object loaded from bytes; unloaded with this object.
class SharedObject {
public:
  /// `name` is what /proc/<pid>/maps shows. Throws StatusError.
  SharedObject(std::string_view bytes, const std::string &name);
  SharedObject(const SharedObject &) = delete;
  ~SharedObject();

  /// The address of a symbol, or null.
  void *find(const std::string &symbol) const;

private:
  int descriptor = -1;
  void *handle = nullptr;
};

} // namespace attune::device
