// SPDX-License-Identifier: Apache-2.0
// Which examples are there, and what do they need beyond q, k and v?
#ifndef ATTUNE_TEST_E2E_EXAMPLES_H
#define ATTUNE_TEST_E2E_EXAMPLES_H

#include "test/e2e/Harness.h"

#include <algorithm>

namespace attune::test {

struct Example {
  std::string name;
  std::vector<Argument> scalars = {};
  int64_t heads = 2, kvHeads = 2;
  /// Keys for n queries: factor * n + more.
  int64_t factor = 1, more = 0;
};

inline const Example examples[] = {{"alibi"},
                                   {"alibi-window", {int64_t(100)}},
                                   {"causal"},
                                   {"causal-offset", {int64_t(37)}, 2, 2, 1, 37},
                                   {"cross-attention", {}, 2, 2, 2, 3},
                                   {"dense"},
                                   {"gqa", {}, 8, 1},
                                   {"key-bias"},
                                   {"prefix-kv"},
                                   {"sigmoid", {-3.5}},
                                   {"sink"},
                                   {"sliding-window", {int64_t(100)}},
                                   {"softcap", {20.0}},
                                   {"value-size"}};

/// An element type and a head size.
struct Form {
  std::string element;
  int64_t size;
};

inline Shape shapeOf(const Example &example, int64_t tokens) {
  Shape shape;
  shape.heads = example.heads;
  shape.kvHeads = example.kvHeads;
  shape.queries = tokens;
  shape.keys = tokens ? example.factor * tokens + example.more : 0;
  return shape;
}

/// As a part of a test's name.
inline std::string nameOf(const Example &example) {
  std::string name = example.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

inline std::string nameOf(const Form &form) {
  return form.element + "_" + std::to_string(form.size);
}

} // namespace attune::test

#endif // ATTUNE_TEST_E2E_EXAMPLES_H
