// SPDX-License-Identifier: Apache-2.0
// A kernel that lists the keys of its rows, and what it writes: pair (i, j) is listed where (5 i + 3 j) % m is 0 or 1.
#ifndef ATTUNE_TEST_COMPILER_TARGET_APPENDTEXT_H
#define ATTUNE_TEST_COMPILER_TARGET_APPENDTEXT_H

#include <cstdint>
#include <string>
#include <vector>

namespace attune::test {

struct AppendShape {
  int64_t queries, keys, threads;
  bool hasValues;
};

/// A kernel, and a launch of it whose lists have room for so many entries.
struct AppendSample {
  AppendShape shape;
  int64_t rows, keys, entries, m;
};

inline bool isListed(int64_t row, int64_t key, int64_t m) { return (5 * row + 3 * key) % m < 2; }
inline double listedValue(int64_t row, int64_t key) { return double(1000 * row + key); }

inline std::vector<int64_t> listOf(int64_t row, int64_t keys, int64_t m) {
  std::vector<int64_t> list;
  for (int64_t key = 0; key < keys; ++key)
    if (isListed(row, key, m))
      list.push_back(key);
  return list;
}

/// Operands: scalars m and keys; results count, list and values.
inline std::string appendText(const AppendShape &shape) {
  std::string text = R"(
!l = memref<?x?x?x?xi32, strided<[?, ?, ?, ?]>>
!v = memref<?x?x?x?xf32, strided<[?, ?, ?, ?]>>
!c = memref<?x?x?xi32, strided<[?, ?, ?]>>
!rows = !tile.rows<@Q, i32>
!pairs = !tile.matrix<@Q, @K, f32>
tile.kernel @append(%m: index {tile.name = "m"}, %keys: index {tile.name = "keys"}, %count: !c {tile.name = "count"},
                    %list: !l {tile.name = "list"}, %values: !v {tile.name = "values"})
    attributes {config = #tile.config<queries = @Q, keys = @K, threads = @T, stages = 1>, result_count = 3 : i64} {
  %b, %h, %i0 = tile.coordinates
  %zero = arith.constant 0 : index
  %two = arith.constant 2 : index
  %three = arith.constant 3 : index
  %five = arith.constant 5 : index
  %size = arith.constant @K : index
  %none = arith.constant 0 : i32
  %true = arith.constant true
  %one = arith.constant 1.0 : f32
  %hidden = arith.constant 0.0 : f32
  %thousand = arith.constant 1000 : index
  %tiles = arith.ceildivui %keys, %size : index
  %n0 = tile.splat %none : i32 -> !rows
  %n = tile.sweep %zero to %tiles carry (%n0) classify {
  ^bb0(%t: index):
    tile.yield %true, %true : i1, i1
  } do {
  ^bb0(%t: index, %partial: i1, %before: !rows):
    %j0 = arith.muli %t, %size : index
    %marks = tile.map () at (%i, %j) from (%i0, %j0) : () -> !pairs {
      %u = arith.muli %i, %five : index
      %w = arith.muli %j, %three : index
      %s = arith.addi %u, %w : index
      %r = arith.remui %s, %m : index
      %near = arith.cmpi ult, %r, %two : index
      %inside = arith.cmpi ult, %j, %keys : index
      %is = arith.andi %near, %inside : i1
      %y = arith.select %is, %one, %hidden : f32
      tile.yield %y : f32
    }
    %x = tile.map () at (%i, %j) from (%i0, %j0) : () -> !pairs {
      %u = arith.muli %i, %thousand : index
      %s = arith.addi %u, %j : index
      %w = arith.index_cast %s : index to i32
      %y = arith.uitofp %w : i32 to f32
      tile.yield %y : f32
    }
    %next = tile.append %marks, %before, %list[%b, %h, %i0] from %j0@VALUES
    tile.yield %next : !rows
  } : !rows
  tile.store %n, %count[%b, %h, %i0] : !rows, !c
  tile.return
}
)";
  auto replace = [&](const std::string &key, const std::string &value) {
    for (size_t at = 0; (at = text.find(key, at)) != std::string::npos; at += value.size())
      text.replace(at, key.size(), value);
  };
  replace("@VALUES", shape.hasValues ? " values %x, %values : !pairs, !rows, !l, !pairs, !v"
                                     : " : !pairs, !rows, !l");
  replace("@Q", std::to_string(shape.queries));
  replace("@K", std::to_string(shape.keys));
  replace("@T", std::to_string(shape.threads));
  return text;
}

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_TARGET_APPENDTEXT_H
