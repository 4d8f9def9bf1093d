// SPDX-License-Identifier: Apache-2.0
// By POSIX: threads of the standard library have the stack that the system gives all.
#include "compiler/library/DeepStack.h"

#include <pthread.h>

namespace attune {

static void *callBody(void *body) {
  (*static_cast<llvm::function_ref<void()> *>(body))();
  return nullptr;
}

void runWithDeepStack(llvm::function_ref<void()> body) {
  constexpr size_t stackBytes = size_t(256) << 20;
  pthread_attr_t attributes;
  pthread_t thread;
  bool isMade = pthread_attr_init(&attributes) == 0;
  bool runs = isMade && pthread_attr_setstacksize(&attributes, stackBytes) == 0 &&
              pthread_create(&thread, &attributes, callBody, &body) == 0;
  if (isMade)
    pthread_attr_destroy(&attributes);
  if (runs)
    pthread_join(thread, nullptr);
  else
    body();
}

} // namespace attune
