// SPDX-License-Identifier: Apache-2.0
// How is an evaluation spread over threads?
#ifndef ATTUNE_COMPILER_REFERENCE_TASKS_H
#define ATTUNE_COMPILER_REFERENCE_TASKS_H

#include "compiler/reference/Reference.h"

namespace attune::reference {

/// Tasks of an evaluation, on all threads. A task returns why it failed, or nothing.
class Tasks {
public:
  Tasks(const Options &options) : options(options) {}

  /// Runs task 0 to count - 1; `makeWorker` makes a thread's own function of a task. Fails with
  /// the message of the first task that fails, in the order of tasks.
  llvm::Error run(int64_t count,
                  llvm::function_ref<std::function<std::string(int64_t)>()> makeWorker) const;

private:
  const Options &options;
};

} // namespace attune::reference

#endif // ATTUNE_COMPILER_REFERENCE_TASKS_H
