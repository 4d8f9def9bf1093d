// SPDX-License-Identifier: Apache-2.0
#include "compiler/reference/Tasks.h"

#include <atomic>
#include <mutex>
#include <thread>

using llvm::createStringError;
using llvm::Error;

namespace attune::reference {

Error Tasks::run(int64_t count,
                 llvm::function_ref<std::function<std::string(int64_t)>()> makeWorker) const {
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  int64_t done = 0, failedTask = count;
  std::string failure;
  auto work = [&] {
    std::function<std::string(int64_t)> worker;
    {
      std::lock_guard lock(mutex);
      worker = makeWorker();
    }
    for (int64_t task = next++; task < count; task = next++) {
      std::string why = worker(task);
      std::lock_guard lock(mutex);
      if (!why.empty()) {
        if (task < failedTask) {
          failedTask = task;
          failure = why;
        }
        next = count;
      }
      ++done;
      if (options.progress)
        options.progress(double(done) / double(count));
    }
  };
  unsigned wanted = options.threads ? options.threads : std::thread::hardware_concurrency();
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < wanted && int64_t(i) < count; ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
  if (failedTask < count)
    return createStringError(failure);
  return Error::success();
}

} // namespace attune::reference
