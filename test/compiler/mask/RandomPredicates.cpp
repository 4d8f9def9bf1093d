// SPDX-License-Identifier: Apache-2.0
#include "test/compiler/mask/RandomPredicates.h"
#include <algorithm>

namespace attune::mask::test {

RandomPredicates::RandomPredicates(uint64_t seed) : random(seed) {
  numbers.queries = pick(0, 9) ? pick(1, 120) : pick(120, 259);
  numbers.keys = pick(0, 2) ? pick(1, 160) : numbers.queries;
}

int64_t RandomPredicates::pick(int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

Mask RandomPredicates::token() { return pick(0, 1) ? query() : key(); }

Mask RandomPredicates::someScalar() {
  std::string name = "s" + std::to_string(pick(0, 3));
  numbers.scalars.try_emplace(name, pick(0, 1) ? pick(-20, 100) : pick(-3, 9));
  return scalar(name);
}

Mask RandomPredicates::divisor() {
  if (pick(0, 2))
    return oneOf({1, 2, 3, 5, 7, 8, 16, 20, 64});
  std::string name = "n" + std::to_string(pick(0, 2));
  numbers.scalars.try_emplace(name, oneOf({1, 2, 3, 7, 10, 16, 33}));
  return scalar(name);
}

Mask RandomPredicates::table(Mask index) {
  int64_t kind = pick(0, 5);
  std::string name = "t" + std::to_string(kind);
  auto [place, isNew] = numbers.tables.try_emplace(name);
  if (isNew) {
    int64_t longest = std::max(numbers.queries, numbers.keys);
    int64_t size = pick(0, 2) ? longest : pick(1, longest + 20);
    for (int64_t entry = 0, last = 0; entry < size; ++entry) {
      last = kind == 0   ? last + (pick(0, 9) == 0)
             : kind == 1 ? last + pick(0, 2)
             : kind == 2 ? pick(0, 3)
             : kind == 3 ? pick(-5, longest)
             : kind == 4 ? entry / 13 % 4
                         : pick(0, longest);
      place->second.push_back(last);
    }
    if (kind <= 1 && pick(0, 1))
      for (int64_t &entry : place->second)
        entry -= 5;
  }
  return entry(name, index, /*isSorted=*/kind <= 1);
}

Mask RandomPredicates::flags(Mask index) {
  auto [place, isNew] = numbers.tables.try_emplace("f");
  if (isNew)
    for (int64_t entry = 0; entry < std::max(numbers.queries, numbers.keys); ++entry)
      place->second.push_back(pick(0, 3) == 0);
  return flag("f", index);
}

Mask RandomPredicates::number(int depth) {
  if (depth > 0 && pick(0, 4))
    return operation(depth - 1);
  switch (pick(0, 6)) {
  case 0:
  case 1: return query();
  case 2:
  case 3: return key();
  case 4: return pick(-10, 120);
  case 5: return someScalar();
  default: return table(pick(0, 3) ? token() : token() + pick(-4, 4));
  }
}

Mask RandomPredicates::operation(int depth) {
  Mask a = number(depth);
  switch (pick(0, 13)) {
  case 0:
  case 1: return a + number(depth);
  case 2:
  case 3: return a - number(depth);
  case 4: return a * pick(-3, 5);
  case 5:
  case 6: return a / divisor();
  case 7:
  case 8: return a % divisor();
  case 9: return min(a, number(depth));
  case 10: return max(a, number(depth));
  case 11: return magnitude(a);
  case 12: return choose(comparison(depth - 1), a, number(depth));
  default: return table(a);
  }
}

Mask RandomPredicates::comparison(int depth) {
  Mask a = number(std::max(depth, 0)), b = number(std::max(depth, 0));
  switch (pick(0, 7)) {
  case 0: return a == b;
  case 1: return a != b;
  case 2: return a < b;
  case 3: return flags(token());
  default: return a <= b;
  }
}

Mask RandomPredicates::truth(int depth) {
  if (depth == 0)
    return comparison(int(pick(0, 2)));
  switch (pick(0, 6)) {
  case 0:
  case 1:
  case 2: return truth(depth - 1) & truth(depth - 1);
  case 3:
  case 4: return truth(depth - 1) | truth(depth - 1);
  case 5: return truth(depth - 1) ^ truth(depth - 1);
  default: return !truth(depth - 1);
  }
}

Mask RandomPredicates::predicate() { return truth(int(pick(0, 3))); }

Mask RandomPredicates::family() {
  Mask i = query(), j = key(), n = divisor(), w = someScalar();
  switch (pick(0, 11)) {
  case 0: return (j <= i + w) & (i - j <= pick(0, 90));
  case 1: return (i / n == j / n) & (j <= i);
  case 2: return (j <= i) & ((i - j) % n == pick(0, 3));
  case 3: return table(i) == table(j);
  case 4: return (table(i) == table(j)) & (j <= i) & (i - j <= w);
  case 5: return (magnitude(i / n - j / n) <= 2) & (magnitude(i % n - j % n) <= pick(1, 4));
  case 6: return (j < w) | ((j <= i) & (i - j < pick(1, 60)));
  case 7: return flags(j) | (j <= i);
  case 8: return (table(j) <= i) & (j <= i);
  case 9: return flags(i) & flags(j) & (j <= i + w);
  case 10: {
    Mask start = min(max(i % n - 2, 0), max(n - 5, 0));
    return (j % n >= start) & (j % n < start + 5) & (i / n == j / n);
  }
  default: return j / n <= i / divisor();
  }
}

Mask RandomPredicates::flipped(const Mask &base) {
  int64_t atQuery = pick(0, numbers.queries - 1), atKey = pick(0, numbers.keys - 1);
  Mask i = query(), j = key();
  switch (pick(0, 3)) {
  case 0: return base ^ ((i == atQuery) & (j == atKey));
  case 1: return base ^ (i * numbers.keys + j == atQuery * numbers.keys + atKey);
  case 2: return base ^ ((i - j == atQuery - atKey) & (i + j == atQuery + atKey));
  default: {
    std::vector<int64_t> rows(numbers.queries), columns(numbers.keys);
    rows[atQuery] = columns[atKey] = 1;
    numbers.tables["onrow"] = rows;
    numbers.tables["oncolumn"] = columns;
    return base ^ (flag("onrow", i) & flag("oncolumn", j));
  }
  }
}

} // namespace attune::mask::test
