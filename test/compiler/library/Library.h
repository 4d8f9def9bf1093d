// SPDX-License-Identifier: Apache-2.0
// What the tests of the compiler's C API share: outputs as strings, and the examples' text.
#ifndef ATTUNE_TEST_COMPILER_LIBRARY_LIBRARY_H
#define ATTUNE_TEST_COMPILER_LIBRARY_LIBRARY_H

#include "compiler/attune_compiler.h"
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

/// The text of a file of examples/.
inline std::string readExample(const std::string &name) {
  std::ifstream stream(ATTUNE_EXAMPLES "/" + name);
  EXPECT_TRUE(stream) << name;
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// What a call gave: its status, and its output or message.
struct Outcome {
  attune_compiler_status status;
  std::string text;
};

/// Runs `call`, which puts its output where its argument points.
template <typename Call> Outcome outcomeOf(Call call) {
  attune_output *output = nullptr;
  attune_compiler_status status = call(&output);
  Outcome outcome{status, ""};
  if (status == ATTUNE_COMPILER_OK)
    outcome.text.assign(static_cast<const char *>(attune_output_data(output)),
                        attune_output_size(output));
  else
    outcome.text = attune_compiler_last_message();
  attune_output_free(output);
  return outcome;
}

inline Outcome compile(const std::string &source, const attune_compile_options *options = nullptr) {
  return outcomeOf([&](attune_output **bundle) {
    return attune_compile(source.data(), source.size(), options, bundle);
  });
}

inline Outcome compileStage(const std::string &source, const char *stage,
                            const attune_compile_options *options = nullptr) {
  return outcomeOf([&](attune_output **text) {
    return attune_compile_stage(source.data(), source.size(), stage, options, text);
  });
}

inline attune_compile_options optionsFor(const char *targets) {
  attune_compile_options options = {};
  options.struct_size = sizeof(options);
  options.targets = targets;
  return options;
}

#endif // ATTUNE_TEST_COMPILER_LIBRARY_LIBRARY_H
