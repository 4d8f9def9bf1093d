// SPDX-License-Identifier: Apache-2.0
#include "tools/attn-run/Progress.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace attune::run {

Progress::Progress(std::string what) : what(std::move(what)), isTerminal(isatty(STDERR_FILENO)) {
  next = Clock::now() + (isTerminal ? std::chrono::milliseconds(300) : std::chrono::seconds(5));
}

Progress::~Progress() {
  if (drawn && isTerminal)
    std::fprintf(stderr, "\r\033[K"); // an empty line for what comes next
}

void Progress::update(double share) {
  Clock::time_point now = Clock::now();
  if (now < next)
    return;
  next = now + (isTerminal ? std::chrono::milliseconds(100) : std::chrono::seconds(5));
  drawn = true;
  int percent = int(std::clamp(share, 0.0, 1.0) * 100);
  if (!isTerminal) {
    std::fprintf(stderr, "%s: %d %%\n", what.c_str(), percent);
    return;
  }
  constexpr int width = 40;
  std::string bar(size_t(width * percent / 100), '#');
  bar.resize(width, '.');
  std::fprintf(stderr, "\r%s [%s] %3d %%", what.c_str(), bar.c_str(), percent);
  std::fflush(stderr);
}

} // namespace attune::run
