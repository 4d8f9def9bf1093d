// SPDX-License-Identifier: Apache-2.0
// How do the bundle and the runtime report that something went wrong, without exceptions?
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace attune::bundle {

/// Why something did not work: one sentence, lower case, no full stop, saying what was expected and
/// what was found.
struct Failure {
  std::string message;
};

/// Either a value or the reason why there is none. Usable with -fno-exceptions: asking for the
/// value of a failed result is undefined, so test it first.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : state(std::in_place_index<0>, std::move(value)) {}
  Result(Failure failure) : state(std::in_place_index<1>, std::move(failure)) {}

  explicit operator bool() const { return state.index() == 0; }
  T &operator*() & { return *std::get_if<0>(&state); }
  const T &operator*() const & { return *std::get_if<0>(&state); }
  T &&operator*() && { return std::move(*std::get_if<0>(&state)); }
  T *operator->() { return std::get_if<0>(&state); }
  const T *operator->() const { return std::get_if<0>(&state); }

  /// The reason of a failed result; empty on success.
  const std::string &message() const {
    static const std::string none;
    const Failure *failure = std::get_if<1>(&state);
    return failure ? failure->message : none;
  }
  Failure failure() const { return {message()}; }

private:
  std::variant<T, Failure> state;
};

/// The result of something done for its effect.
template <> class [[nodiscard]] Result<void> {
public:
  Result() = default;
  Result(Failure failure) : reason(std::move(failure.message)), failed(true) {}

  explicit operator bool() const { return !failed; }
  const std::string &message() const { return reason; }
  Failure failure() const { return {reason}; }

private:
  std::string reason;
  bool failed = false;
};

} // namespace attune::bundle
