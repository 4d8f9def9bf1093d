// SPDX-License-Identifier: Apache-2.0
// How are kernels over boxes of a grid of any rank written, and what do they compute? Pieces of their
// text, whose grid is the scalars %g0, %g1, ..., and coordinates.
#ifndef ATTUNE_TEST_COMPILER_TARGET_BOXTEXT_H
#define ATTUNE_TEST_COMPILER_TARGET_BOXTEXT_H

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace attune::test {

using Sizes = std::vector<int64_t>;

inline int64_t product(const Sizes &sizes) {
  int64_t result = 1;
  for (int64_t size : sizes)
    result *= size;
  return result;
}

/// `text` with each `{key}` replaced by its value.
inline std::string fillKeys(std::string text,
                            const std::vector<std::pair<std::string, std::string>> &replacements) {
  for (const auto &[key, value] : replacements)
    for (size_t at = 0; (at = text.find("{" + key + "}", at)) != std::string::npos;)
      text.replace(at, key.size() + 2, value);
  return text;
}

/// `pattern` for each dimension, `#` replaced by its number.
inline std::string each(size_t rank, const std::string &pattern,
                        const std::string &separator = ", ") {
  std::string text;
  for (size_t dim = 0; dim < rank; ++dim) {
    text += dim ? separator : "";
    for (char letter : pattern)
      text += letter == '#' ? std::to_string(dim) : std::string(1, letter);
  }
  return text;
}

inline std::string join(const Sizes &sizes) {
  std::string text;
  for (int64_t size : sizes)
    text += (text.empty() ? "" : ", ") + std::to_string(size);
  return text;
}

/// `%{name}_o#`: the origin of box `number` of `box` in the grid.
inline std::string boxOrigin(const Sizes &box, const std::string &name, const std::string &number) {
  std::string text, rest = number;
  for (size_t dim = box.size(); dim-- > 0;) {
    std::string d = std::to_string(dim), tag = name + d;
    text += "%" + tag + "_size = arith.constant " + std::to_string(box[dim]) + " : index\n";
    text += "%" + tag + "_n = arith.ceildivui %g" + d + ", %" + tag + "_size : index\n";
    text += "%" + tag + "_t = arith.remui " + rest + ", %" + tag + "_n : index\n";
    text += "%" + tag + "_r = arith.divui " + rest + ", %" + tag + "_n : index\n";
    text += "%" + name + "_o" + d + " = arith.muli %" + tag + "_t, %" + tag + "_size : index\n";
    rest = "%" + tag + "_r";
  }
  return text + "%" + name + " = tile.box(" + each(box.size(), "%" + name + "_o#") + ") of(" +
         each(box.size(), "%g#") + ") : !" + name + "\n";
}

/// `%f`: sum of (dim + 1) * `index`#, a float.
inline std::string weighIndices(size_t rank, const std::string &index) {
  std::string text = "%sum_0 = arith.constant 0 : index\n";
  for (size_t dim = 0; dim < rank; ++dim) {
    std::string d = std::to_string(dim), next = std::to_string(dim + 1);
    text += "%scale_" + d + " = arith.constant " + next + " : index\n";
    text += "%part_" + d + " = arith.muli %" + index + d + ", %scale_" + d + " : index\n";
    text += "%sum_" + next + " = arith.addi %sum_" + d + ", %part_" + d + " : index\n";
  }
  return text + "%narrow = arith.index_cast %sum_" + std::to_string(rank) +
         " : index to i32\n%f = arith.sitofp %narrow : i32 to f32\n";
}

/// `%near`: the key exists, and is at most 1 away from the query in each dimension.
inline std::string isNear(size_t rank) {
  std::string text = "%near_0 = arith.constant true\n%one_away = arith.constant 1 : i32\n";
  for (size_t dim = 0; dim < rank; ++dim) {
    text += fillKeys(R"(
      %in_{d} = arith.cmpi slt, %j{d}, %g{d} : index
      %q_{d} = arith.index_cast %i{d} : index to i32
      %k_{d} = arith.index_cast %j{d} : index to i32
      %right_{d} = arith.subi %q_{d}, %k_{d} : i32
      %left_{d} = arith.subi %k_{d}, %q_{d} : i32
      %far_{d} = arith.maxsi %right_{d}, %left_{d} : i32
      %ok_{d} = arith.cmpi sle, %far_{d}, %one_away : i32
      %both_{d} = arith.andi %in_{d}, %ok_{d} : i1
      %near_{n} = arith.andi %near_{d}, %both_{d} : i1)",
                     {{"d", std::to_string(dim)}, {"n", std::to_string(dim + 1)}});
  }
  return text;
}

inline Sizes coordinatesOf(const Sizes &grid, int64_t token) {
  Sizes coordinates(grid.size());
  for (size_t dim = grid.size(); dim-- > 0; token /= grid[dim])
    coordinates[dim] = token % grid[dim];
  return coordinates;
}

inline bool areNear(const Sizes &left, const Sizes &right) {
  for (size_t dim = 0; dim < left.size(); ++dim)
    if (std::abs(left[dim] - right[dim]) > 1)
      return false;
  return true;
}

inline double weigh(const Sizes &coordinates) {
  double sum = 0;
  for (size_t dim = 0; dim < coordinates.size(); ++dim)
    sum += (dim + 1) * coordinates[dim];
  return sum;
}

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_TARGET_BOXTEXT_H
