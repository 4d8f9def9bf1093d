// SPDX-License-Identifier: Apache-2.0
// Is each task run exactly once, whatever the number of tasks and threads?
#include "runtime/device/host/ThreadPool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

using attune::device::ThreadPool;

namespace {

struct Counts {
  explicit Counts(int64_t tasks) : perTask(size_t(tasks)) {}
  std::vector<std::atomic<int>> perTask;
  std::atomic<int> calls{0};
};

void countTasks(void *context, int64_t begin, int64_t end, void *) {
  auto *counts = static_cast<Counts *>(context);
  ++counts->calls;
  for (int64_t task = begin; task < end; ++task)
    ++counts->perTask[size_t(task)];
}

TEST(ThreadPool, EachTaskRunsOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (int64_t tasks : {0, 1, 2, 7, 64, 1000, 100003}) {
      Counts counts(tasks);
      pool.run(tasks, countTasks, &counts);
      EXPECT_TRUE(std::all_of(counts.perTask.begin(), counts.perTask.end(),
                              [](const std::atomic<int> &count) { return count == 1; }))
          << tasks << " tasks on " << threads << " threads";
    }
  }
}

TEST(ThreadPool, TasksComeInSmallRanges) {
  ThreadPool pool(2);
  Counts counts(1 << 16);
  pool.run(1 << 16, countTasks, &counts);
  EXPECT_GE(counts.calls, 64);
  EXPECT_LE(counts.calls, 65);
}

TEST(ThreadPool, LastTasksComeFirst) {
  ThreadPool pool(1);
  std::vector<int64_t> order;
  pool.run(
      40,
      [](void *context, int64_t begin, int64_t end, void *) {
        static_cast<std::vector<int64_t> *>(context)->push_back(begin);
      },
      &order);
  EXPECT_TRUE(std::is_sorted(order.rbegin(), order.rend()));
  EXPECT_EQ(order.back(), 0);
}

TEST(ThreadPool, ManyShortLaunches) {
  ThreadPool pool(2);
  Counts counts(8);
  for (int launch = 0; launch < 20000; ++launch)
    pool.run(8, countTasks, &counts);
  for (const std::atomic<int> &count : counts.perTask)
    EXPECT_EQ(count, 20000);
}

TEST(ThreadPool, WakesThreadsThatSleep) {
  ThreadPool pool(4);
  for (int launch = 0; launch < 5; ++launch) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    Counts counts(100);
    pool.run(100, countTasks, &counts);
    for (const std::atomic<int> &count : counts.perTask)
      EXPECT_EQ(count, 1);
  }
}

TEST(ThreadPool, ManyTasksRunAtTheSameTime) {
  ThreadPool pool(3);
  struct Meeting {
    std::atomic<int> here{0};
  } meeting;
  // Each task waits for the two others, which has to end if three threads work.
  pool.run(
      3,
      [](void *context, int64_t, int64_t, void *) {
        auto *meeting = static_cast<Meeting *>(context);
        ++meeting->here;
        while (meeting->here < 3)
          std::this_thread::yield();
      },
      &meeting);
  EXPECT_EQ(meeting.here, 3);
}

TEST(ThreadPool, CallersTakeTurns) {
  ThreadPool pool(2);
  std::vector<std::thread> callers;
  Counts counts(50);
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int launch = 0; launch < 200; ++launch)
        pool.run(50, countTasks, &counts);
    });
  for (std::thread &caller : callers)
    caller.join();
  for (const std::atomic<int> &count : counts.perTask)
    EXPECT_EQ(count, 800);
}

TEST(ThreadPool, ScratchMemoryIsAlignedAndStays) {
  ThreadPool pool(3);
  pool.reserveScratch(100);
  std::mutex mutex;
  std::set<void *> seen;
  struct Context {
    std::mutex &mutex;
    std::set<void *> &seen;
  } context{mutex, seen};
  auto note = [](void *context, int64_t, int64_t, void *scratch) {
    auto *own = static_cast<Context *>(context);
    static_cast<char *>(scratch)[99] = 1;
    std::lock_guard<std::mutex> lock(own->mutex);
    own->seen.insert(scratch);
  };
  for (int launch = 0; launch < 100; ++launch) {
    pool.run(100, note, &context);
    // A smaller demand changes nothing.
    pool.reserveScratch(50);
  }
  EXPECT_LE(seen.size(), 3u);
  for (void *scratch : seen)
    EXPECT_EQ(reinterpret_cast<uintptr_t>(scratch) % 64, 0u);
}

TEST(ThreadPool, MemoryBeyondTheAddressSpace) {
  EXPECT_THROW(attune::device::allocateAligned(SIZE_MAX), std::bad_alloc);
  EXPECT_THROW(attune::device::allocateAligned(SIZE_MAX / 2), std::bad_alloc);
}

} // namespace
