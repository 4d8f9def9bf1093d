// SPDX-License-Identifier: Apache-2.0
// How does a user see that something long is going on?
#ifndef ATTUNE_TOOLS_ATTN_RUN_PROGRESS_H
#define ATTUNE_TOOLS_ATTN_RUN_PROGRESS_H

#include <chrono>
#include <string>

namespace attune::run {

/// A bar on standard error if that is a terminal, else a line every few seconds. Nothing at all for
/// what is done at once.
class Progress {
public:
  explicit Progress(std::string what);
  ~Progress();
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  /// The share that is done, 0 to 1. Cheap enough to be called often, from one thread at a time.
  void update(double share);

private:
  using Clock = std::chrono::steady_clock;

  std::string what;
  bool isTerminal;
  bool drawn = false;
  Clock::time_point next;
};

} // namespace attune::run

#endif // ATTUNE_TOOLS_ATTN_RUN_PROGRESS_H
