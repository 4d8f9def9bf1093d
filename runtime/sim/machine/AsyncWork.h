// SPDX-License-Identifier: Apache-2.0
// Which asynchronous work is under way, and when does it take effect? As the user's choice of
// Completion says: at once, when it must, or any time between.
#pragma once

#include "runtime/sim/Options.h"

#include <cstdint>
#include <list>
#include <memory>
#include <random>
#include <vector>

namespace attune::sim {

/// A copy or product that was issued and has not taken effect.
class AsyncWork {
public:
  virtual ~AsyncWork() = default;
  /// Takes effect: moves the bytes, signals mbarriers, wakes warps. Called once.
  virtual void complete() = 0;
  /// Whether it may complete now (work of one group may have to follow other work).
  virtual bool ready() const { return true; }
  /// Completed when nothing else in the cluster can run, although no wait covers it: bulk copies
  /// that signal mbarriers. False for work that only its own wait completes.
  virtual bool completesUnasked() const { return true; }
};

/// The pending work of a cluster.
class AsyncQueue {
public:
  using Handle = std::list<std::shared_ptr<AsyncWork>>::iterator;

  AsyncQueue(Completion completion, uint64_t seed) : completion(completion), random(seed) {}

  /// Issues work: completed at once under Completion::Early (when ready), kept otherwise. The
  /// caller may keep a pointer to complete it from a wait.
  void issue(std::shared_ptr<AsyncWork> work);
  /// Completes this work now if it has not been; a wait covers it.
  void finish(const std::shared_ptr<AsyncWork> &work);
  /// Under Completion::Random, completes some; called between the turns of warps.
  void drift();
  /// Nothing else can run: completes one piece of work (the oldest that may, or by the seed).
  /// False when there is none.
  bool completeOne();
  /// At the end of a cluster: completes everything that is ready.
  void completeAll();
  bool empty() const { return pending.empty(); }

private:
  std::vector<Handle> readyOnes(bool unaskedOnly);
  bool completeOf(const std::vector<Handle> &candidates);

  Completion completion;
  std::mt19937_64 random;
  std::list<std::shared_ptr<AsyncWork>> pending;
};

} // namespace attune::sim
