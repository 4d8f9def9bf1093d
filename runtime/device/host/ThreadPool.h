// SPDX-License-Identifier: Apache-2.0
// How are the tasks of a launch spread over threads that are already there?
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace attune::device {

/// Memory aligned to 64 bytes, one piece a thread.
struct FreeAligned {
  void operator()(void *pointer) const;
};
using AlignedMemory = std::unique_ptr<void, FreeAligned>;

/// At least `bytes` bytes aligned to 64; throws std::bad_alloc.
AlignedMemory allocateAligned(size_t bytes);

/// Threads that live as long as the pool. They spin for a moment after the work is done, for
/// launches tend to follow one another, and then sleep.
class ThreadPool {
public:
  /// Runs tasks [begin, end) with the calling thread's scratch memory.
  using TaskFunction = void (*)(void *context, int64_t begin, int64_t end, void *scratch);

  /// `threads` counts the caller of run, which works too; at least 1.
  explicit ThreadPool(int threads);
  ThreadPool(const ThreadPool &) = delete;
  ~ThreadPool();

  int size() const { return int(scratch.size()); }

  /// Makes sure that each thread has that much scratch memory.
  void reserveScratch(size_t bytes);

  /// Runs `function` until it has been given each task of [0, tasks) once, in small ranges from the
  /// last to the first; returns when all are done. Several callers take turns. Allocates nothing.
  void run(int64_t tasks, TaskFunction function, void *context);

private:
  struct alignas(64) Counter {
    std::atomic<int64_t> value{0};
  };

  void workerMain(size_t index);
  void work(size_t index);

  std::mutex turn;
  std::vector<AlignedMemory> scratch;
  size_t scratchBytes = 0;

  // The launch in progress: written before `launches` counts up, read after that is seen.
  TaskFunction function = nullptr;
  void *context = nullptr;
  int64_t tasks = 0;
  int64_t chunk = 1;

  Counter taken;
  /// Counts launches up, and wakes the workers; negative once they are to leave.
  alignas(64) std::atomic<int32_t> launches{0};
  /// Workers that have not finished the launch.
  alignas(64) std::atomic<int32_t> busy{0};

  std::vector<std::thread> workers;
};

} // namespace attune::device
