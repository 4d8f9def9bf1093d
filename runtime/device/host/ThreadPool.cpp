// SPDX-License-Identifier: Apache-2.0
// A launch is published by counting `launches` up; its tasks are taken from one counter.
#include "runtime/device/host/ThreadPool.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace attune::device {
namespace {

/// Some tens of microseconds: longer than the gap between two launches of a loop, shorter than a
/// time slice that another process could use.
constexpr int spins = 1000;

void pauseBriefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Waits until the value is no longer `old`; returns the new one.
int32_t waitForChange(const std::atomic<int32_t> &value, int32_t old) {
  for (int i = 0; i < spins; ++i) {
    int32_t now = value.load(std::memory_order_acquire);
    if (now != old)
      return now;
    pauseBriefly();
  }
  int32_t now;
  while ((now = value.load(std::memory_order_acquire)) == old)
    value.wait(old, std::memory_order_acquire);
  return now;
}

} // namespace

void FreeAligned::operator()(void *pointer) const { std::free(pointer); }

AlignedMemory allocateAligned(size_t bytes) {
  constexpr size_t alignment = 64;
  if (bytes > SIZE_MAX - alignment)
    throw std::bad_alloc();
  size_t rounded = std::max((bytes + alignment - 1) / alignment * alignment, alignment);
  void *pointer = std::aligned_alloc(alignment, rounded);
  if (!pointer)
    throw std::bad_alloc();
  return AlignedMemory(pointer);
}

ThreadPool::ThreadPool(int threads) : scratch(size_t(std::max(threads, 1))) {
  try {
    for (size_t index = 1; index < scratch.size(); ++index)
      workers.emplace_back([this, index] { workerMain(index); });
  } catch (...) {
    // Not all threads could be started: end those that were, for no destructor will.
    launches.store(-1, std::memory_order_release);
    launches.notify_all();
    for (std::thread &worker : workers)
      worker.join();
    throw;
  }
}

ThreadPool::~ThreadPool() {
  launches.store(-1, std::memory_order_release);
  launches.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

void ThreadPool::reserveScratch(size_t bytes) {
  std::lock_guard<std::mutex> lock(turn);
  if (bytes <= scratchBytes)
    return;
  std::vector<AlignedMemory> larger;
  for (size_t i = 0; i < scratch.size(); ++i)
    larger.push_back(allocateAligned(bytes));
  scratch.swap(larger);
  scratchBytes = bytes;
}

void ThreadPool::run(int64_t count, TaskFunction taskFunction, void *taskContext) {
  std::lock_guard<std::mutex> lock(turn);
  function = taskFunction;
  context = taskContext;
  tasks = count;
  // Small enough that no thread is left with much to do while the others wait.
  chunk = std::max<int64_t>(1, count / (int64_t(scratch.size()) * 32));
  taken.value.store(0, std::memory_order_relaxed);
  bool alone = workers.empty() || count <= chunk;
  if (alone) {
    work(0);
    return;
  }
  busy.store(int32_t(workers.size()), std::memory_order_relaxed);
  int32_t last = launches.load(std::memory_order_relaxed);
  launches.store(last == INT32_MAX ? 0 : last + 1, std::memory_order_release);
  launches.notify_all();
  work(0);
  for (int32_t left = busy.load(std::memory_order_acquire); left != 0;)
    left = waitForChange(busy, left);
}

void ThreadPool::work(size_t index) {
  void *memory = scratch[index].get();
  for (;;) {
    int64_t end = tasks - taken.value.fetch_add(chunk, std::memory_order_relaxed);
    if (end <= 0)
      return;
    // From the last to the first: under a causal mask the last tiles are the longest, and long ones
    // are better begun early.
    function(context, std::max<int64_t>(end - chunk, 0), end, memory);
  }
}

void ThreadPool::workerMain(size_t index) {
  int32_t seen = 0;
  while ((seen = waitForChange(launches, seen)) >= 0) {
    work(index);
    if (busy.fetch_sub(1, std::memory_order_acq_rel) == 1)
      busy.notify_one();
  }
}

} // namespace attune::device
