// SPDX-License-Identifier: Apache-2.0
// How does code inside the runtime say that something went wrong?
#pragma once

#include "runtime/attune.h"

#include <string>

namespace attune::device {

/// Thrown anywhere inside the runtime; the C API turns it into a status and the last message, so it
/// never leaves the library.
struct StatusError {
  attune_status status;
  std::string message;
};

/// The driver does not take the code of a variant; other code may serve.
struct RefusedCode : StatusError {};

[[noreturn]] inline void fail(attune_status status, std::string message) {
  throw StatusError{status, std::move(message)};
}

[[noreturn]] inline void failArgument(std::string message) {
  fail(ATTUNE_INVALID_ARGUMENT, std::move(message));
}

} // namespace attune::device
