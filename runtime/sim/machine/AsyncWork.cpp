// SPDX-License-Identifier: Apache-2.0
// A list of what is pending; the user's choice decides when something leaves it.
#include "runtime/sim/machine/AsyncWork.h"

#include <algorithm>

namespace attune::sim {

void AsyncQueue::issue(std::shared_ptr<AsyncWork> work) {
  if (completion == Completion::Early && work->ready()) {
    work->complete();
    return;
  }
  pending.push_back(std::move(work));
}

void AsyncQueue::finish(const std::shared_ptr<AsyncWork> &work) {
  auto found = std::find(pending.begin(), pending.end(), work);
  if (found == pending.end())
    return;
  std::shared_ptr<AsyncWork> kept = *found;
  pending.erase(found);
  kept->complete();
}

bool AsyncQueue::completeOf(const std::vector<Handle> &candidates) {
  if (candidates.empty())
    return false;
  size_t which = completion == Completion::Random ? random() % candidates.size() : 0;
  std::shared_ptr<AsyncWork> work = *candidates[which];
  pending.erase(candidates[which]);
  work->complete();
  return true;
}

std::vector<AsyncQueue::Handle> AsyncQueue::readyOnes(bool unaskedOnly) {
  std::vector<Handle> ready;
  for (Handle work = pending.begin(); work != pending.end(); ++work)
    if ((!unaskedOnly || (*work)->completesUnasked()) && (*work)->ready())
      ready.push_back(work);
  return ready;
}

void AsyncQueue::drift() {
  if (pending.empty() || completion == Completion::Late)
    return;
  if (completion == Completion::Early) {
    // What was not ready when it was issued.
    while (completeOf(readyOnes(false))) {
    }
    return;
  }
  // On average a quarter of what is pending at each turn.
  for (size_t turns = pending.size(); turns != 0; --turns)
    if (random() % 4 == 0)
      completeOf(readyOnes(false));
}

bool AsyncQueue::completeOne() { return completeOf(readyOnes(true)); }

void AsyncQueue::completeAll() {
  while (completeOf(readyOnes(false))) {
  }
}

} // namespace attune::sim
