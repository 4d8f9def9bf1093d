// SPDX-License-Identifier: Apache-2.0
// The C API: checks pointers, calls the compiler, and turns what is thrown into a status and a message.
#include "compiler/attune_compiler.h"

#include "compiler/explain/Explain.h"
#include "compiler/explain/ProblemText.h"
#include "compiler/library/DeepStack.h"
#include "compiler/library/Request.h"
#include "llvm/Support/Error.h"
#include <exception>
#include <new>

using namespace attune;

struct attune_output {
  std::string bytes;
};

namespace {

thread_local std::string lastMessage;

[[noreturn]] void failArgument(const std::string &message) {
  throw RequestError{ATTUNE_COMPILER_INVALID_ARGUMENT, message};
}

/// Runs `body` and puts what it returns where the caller wants it.
template <typename Body>
attune_compiler_status guard(attune_output **output, std::string &message, Body body) {
  attune_compiler_status status = ATTUNE_COMPILER_INTERNAL;
  try {
    if (!output)
      failArgument("expected where to put the output, but got a null pointer");
    *output = new attune_output{body()};
    return ATTUNE_COMPILER_OK;
  } catch (RequestError &error) {
    status = error.status;
    message = std::move(error.message);
  } catch (const std::bad_alloc &) {
    message = "out of memory"; // short enough to need none
  } catch (...) {
    message = "unknown fault";
  }
  return status;
}

template <typename Body> attune_compiler_status answer(attune_output **output, Body body) {
  attune_compiler_status status = ATTUNE_COMPILER_INTERNAL;
  std::string message;
  runWithDeepStack([&] { status = guard(output, message, body); });
  if (status != ATTUNE_COMPILER_OK)
    lastMessage = std::move(message); // of the caller's thread
  return status;
}

const StageInfo &findStage(const char *name) {
  if (!name)
    failArgument("stage: expected a name, but got a null pointer");
  std::string known;
  for (const StageInfo &info : getStages()) {
    if (info.stage == Stage::Bundle)
      continue;
    if (llvm::StringRef(name) == info.name)
      return info;
    known += (known.empty() ? "" : ", ") + std::string(info.name);
  }
  failArgument("stage: expected one of " + known + ", but got '" + name + "'");
}

std::string compileStage(Request &request, const StageInfo &stage) {
  auto artifacts = request.take(emitStage(request.module(), stage.stage, request.options()));
  if (stage.binary && artifacts.size() != 1)
    failArgument(std::string("stage '") + stage.name + "' is bytes of one kernel and target, but " +
                 std::to_string(artifacts.size()) + " were asked for");
  return joinArtifacts(artifacts);
}

/// The launch that `problem` tells of.
ProblemSizes readProblem(Request &request, const char *problem) {
  auto kernels = request.take(selectKernels(request.module(), request.options()));
  auto sizes = parseProblem(problem ? problem : "", kernels);
  if (!sizes)
    failArgument("problem: " + llvm::toString(sizes.takeError()));
  return std::move(*sizes);
}

} // namespace

const char *attune_compiler_version(void) { return ATTUNE_VERSION; }

const char *attune_compiler_last_message(void) { return lastMessage.c_str(); }

const void *attune_output_data(const attune_output *output) {
  return output ? output->bytes.c_str() : "";
}

size_t attune_output_size(const attune_output *output) { return output ? output->bytes.size() : 0; }

void attune_output_free(attune_output *output) { delete output; }

attune_compiler_status attune_compile(const char *source, size_t size,
                                      const attune_compile_options *options,
                                      attune_output **bundle) {
  return answer(bundle, [&] {
    Request request(source, size, options);
    auto made = request.take(compile(request.module(), request.options()));
    auto bytes = bundle::serializeBundle(made);
    if (!bytes)
      throw RequestError{ATTUNE_COMPILER_INTERNAL, bytes.message()};
    return std::move(*bytes);
  });
}

attune_compiler_status attune_compile_stage(const char *source, size_t size, const char *stage,
                                            const attune_compile_options *options,
                                            attune_output **text) {
  return answer(text, [&] {
    const StageInfo &info = findStage(stage);
    Request request(source, size, options);
    return compileStage(request, info);
  });
}

attune_compiler_status attune_explain(const char *source, size_t size,
                                      const attune_compile_options *options, const char *problem,
                                      attune_output **text) {
  return answer(text, [&] {
    Request request(source, size, options);
    ProblemSizes sizes = readProblem(request, problem);
    std::string words;
    llvm::raw_string_ostream stream(words);
    if (failed(explainModule(request.module(), request.options(), sizes, stream)))
      request.refuse();
    return words;
  });
}

attune_compiler_status attune_picture(const char *source, size_t size,
                                      const attune_compile_options *options, const char *problem,
                                      attune_output **svg) {
  return answer(svg, [&] {
    Request request(source, size, options);
    ProblemSizes sizes = readProblem(request, problem);
    return request.take(drawModule(request.module(), request.options(), sizes));
  });
}
