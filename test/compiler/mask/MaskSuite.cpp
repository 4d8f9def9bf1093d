// SPDX-License-Identifier: Apache-2.0
#include "test/compiler/mask/MaskSuite.h"
#include <algorithm>
#include <numeric>
#include <random>

namespace attune::mask::test {

namespace {

/// An axis of a neighborhood: NATTEN's meaning.
struct NeighborAxis {
  Mask size, window, stride = 1, dilation = 1;
  bool isCausal = false;
};

Mask near(Mask x, Mask y, const NeighborAxis &axis) {
  Mask group = x / axis.dilation, other = y / axis.dilation, rest = x % axis.dilation;
  Mask length = (axis.size - rest + axis.dilation - 1) / axis.dilation;
  Mask leader = min(group / axis.stride * axis.stride + axis.stride / 2, length - 1);
  Mask sameRest = rest == y % axis.dilation;
  if (axis.isCausal) {
    Mask last = min(group / axis.stride * axis.stride + axis.stride - 1, length - 1);
    return sameRest & (other <= group) & (other >= max(last - axis.window + 1, 0));
  }
  Mask start = max(min(leader - axis.window / 2, length - axis.window), 0);
  return sameRest & (other >= start) & (other < start + axis.window);
}

class Suite {
public:
  explicit Suite(int64_t tokens) : tokens(tokens), random(7) {}

  std::vector<SuiteMask> run() {
    windows();
    prefixes();
    blocks();
    strides();
    documents();
    perToken();
    flags();
    neighborhoods();
    volumes();
    orders();
    odd();
    return std::move(masks);
  }

private:
  /// Square and aligned, or ragged and not square, by turns.
  MaskNumbers numbers() {
    bool isRagged = masks.size() % 2;
    return {isRagged ? tokens - tokens / 7 - 1 : tokens, isRagged ? tokens - 29 : tokens, {}, {}};
  }
  void add(std::string name, Mask mask, std::map<std::string, int64_t> scalars = {},
           std::map<std::string, std::vector<int64_t>> tables = {}) {
    MaskNumbers at = numbers();
    at.scalars = std::move(scalars);
    at.tables = std::move(tables);
    masks.push_back({std::move(name), std::move(mask), std::move(at)});
  }
  /// On a canvas: both sides have exactly its tokens.
  void addSquare(std::string name, Mask mask, int64_t size,
                 std::map<std::string, int64_t> scalars = {}) {
    masks.push_back({std::move(name), std::move(mask), {size, size, std::move(scalars), {}}});
  }
  /// With a constant, and with a scalar of that value.
  template <typename Make> void addBoth(const std::string &name, int64_t value, Make &&make) {
    add(name + " " + std::to_string(value), make(Mask(value)));
    add(name + " n = " + std::to_string(value), make(scalar("n")), {{"n", value}});
  }
  std::vector<int64_t> table(const std::function<int64_t(int64_t)> &function) {
    std::vector<int64_t> entries;
    for (int64_t token = 0; token < tokens; ++token)
      entries.push_back(function(token));
    return entries;
  }
  int64_t pick(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  }

  void windows();
  void prefixes();
  void blocks();
  void strides();
  void documents();
  void perToken();
  void flags();
  void neighborhoods();
  void volumes();
  void orders();
  void odd();

  int64_t tokens;
  std::mt19937_64 random;
  std::vector<SuiteMask> masks;
  Mask i = query(), j = key();
};

void Suite::windows() {
  add("everything", j >= 0);
  add("causal", j <= i);
  add("strictly causal", j < i);
  add("anticausal", j >= i);
  add("causal at the end", j <= i + keys() - queries());
  add("diagonal", i == j);
  for (int64_t offset : {-200, -1, 64})
    addBoth("causal offset", offset, [&](Mask n) { return j <= i + n; });
  for (int64_t width : {0, 17, 128, 300})
    addBoth("causal window", width, [&](Mask n) { return (j <= i) & (i - j <= n); });
  for (int64_t width : {64, 200})
    addBoth("two-sided window", width, [&](Mask n) { return magnitude(i - j) <= n; });
  addBoth("window, uneven", 150, [&](Mask n) { return (i - j <= n) & (j - i <= n / 3); });
  addBoth("outside of a window", 150, [&](Mask n) { return !(magnitude(i - j) <= n); });
  addBoth("window at the end", 96, [&](Mask n) {
    Mask at = i + keys() - queries();
    return (j <= at) & (at - j < n);
  });
}

void Suite::prefixes() {
  addBoth("prefix", 300, [&](Mask n) { return (j < n) | (j <= i); });
  addBoth("prefix window", 100,
          [&](Mask n) { return ((j < n) & (i < n)) | ((j <= i) & (i - j < 64)); });
  addBoth("sink and window", 200, [&](Mask n) { return (j <= i) & ((i - j < n) | (j < 4)); });
  addBoth("sink of a tile and window", 130,
          [&](Mask n) { return (j <= i) & ((i - j < 70) | (j < n)); });
  addBoth("length of keys", 333, [&](Mask n) { return j < n; });
  addBoth("length of queries", 222, [&](Mask n) { return (i < n) & (j <= i); });
  add("two lengths", (i < scalar("a")) & (j < scalar("b")), {{"a", 150}, {"b", 260}});
  add("split of context", ((j < scalar("a")) == (i < scalar("a"))) & (j <= i), {{"a", 200}});
}

void Suite::blocks() {
  for (int64_t size : {64, 100, 192}) {
    addBoth("block diagonal", size, [&](Mask n) { return i / n == j / n; });
    addBoth("chunked causal", size, [&](Mask n) { return (i / n == j / n) & (j <= i); });
    addBoth("block causal", size, [&](Mask n) { return j / n <= i / n; });
  }
  addBoth("this and the last chunk", 80,
          [&](Mask n) { return (j / n <= i / n) & (i / n - j / n <= 1); });
  addBoth("halo", 64, [&](Mask n) { return (j >= i / n * n - 16) & (j < i / n * n + n + 16); });
  addBoth("frames of a video", 130,
          [&](Mask n) { return (j / n <= i / n) & (i / n - j / n <= 2); });
  addBoth("first frame and its own", 90, [&](Mask n) { return (j / n == 0) | (i / n == j / n); });
  addBoth("block diffusion", 64, [&](Mask n) {
    Mask half = queries() / 2;
    Mask noisyQuery = i < half, noisyKey = j < half;
    Mask blockQuery = choose(noisyQuery, i, i - half) / n;
    Mask blockKey = choose(noisyKey, j, j - half) / n;
    return ((blockQuery == blockKey) & (noisyQuery == noisyKey)) |
           ((blockQuery > blockKey) & noisyQuery & !noisyKey) |
           ((blockQuery >= blockKey) & !noisyQuery & !noisyKey);
  });
  addBoth("packed batches", 200,
          [&](Mask n) { return (i / n == j / n) & (i % n < n - 40) & (j % n < n - 40); });
  addBoth("packed causal batches", 160,
          [&](Mask n) { return (i / n == j / n) & (i % n >= j % n); });
}

void Suite::strides() {
  addBoth("dilated window", 4,
          [&](Mask n) { return (j <= i) & ((i - j) % n == 0) & (i - j <= n * 40); });
  addBoth("strided, sparse", 200, [&](Mask n) { return (j <= i) & ((i - j) % n == 0); });
  addBoth("window or stride", 128,
          [&](Mask n) { return (j <= i) & ((i - j < n) | (j % n == n - 1)); });
  addBoth("fixed pattern", 96,
          [&](Mask n) { return (j <= i) & ((i / n == j / n) | (j % n >= n - 8)); });
  add("powers of two",
      (j <= i) & ((i - j == 0) | (i - j == 1) | (i - j == 2) | (i - j == 4) | (i - j == 8) |
                  (i - j == 16) | (i - j == 32) | (i - j == 64) | (i - j == 128) | (i - j == 256)));
  addBoth("blocks a power of two back", 64, [&](Mask n) {
    Mask back = i / n - j / n;
    return (j <= i) & ((Mask(MaskOperation::BitAnd, {back, back - 1}) == 0) | (i - j <= 40));
  });
  addBoth("blocks a power of two away", 8, [&](Mask n) {
    Mask back = i / n - j / n;
    return Mask(MaskOperation::BitAnd, {back, back - 1}) == 0;
  });
  add("hash", ((i * 7 + j * 13) % 5) == 2);
  addBoth("every other tile", 128, [&](Mask n) { return (i / n + j / n) % 2 == 0; });
  addBoth("columns of tiles", 128, [&](Mask n) { return (j / n % 2 == 0) & (j <= i); });
}

void Suite::documents() {
  std::vector<int64_t> sorted, few, gaps;
  for (int64_t token = 0, id = 0; token < tokens; ++token) {
    sorted.push_back(id += pick(0, 99) == 0);
    few.push_back(token * 3 / tokens);
    gaps.push_back(token / 97 * 5 - 3);
  }
  std::vector<int64_t> shuffled = table([&](int64_t t) { return (t / 128 * 5) % 7; });
  std::vector<int64_t> recurring = table([&](int64_t t) { return t / 50 % 4; });
  for (bool declared : {true, false})
    for (auto &[name, ids] : {std::pair("documents", sorted), std::pair("few documents", few),
                              std::pair("documents, gaps", gaps)}) {
      std::string kind = std::string(name) + (declared ? ", declared sorted" : "");
      Mask same = entry("d", i, declared) == entry("d", j, declared);
      add(kind, same, {}, {{"d", ids}});
      add(kind + ", causal", same & (j <= i), {}, {{"d", ids}});
      add(kind + ", causal, window", same & (j <= i) & (i - j <= scalar("w")), {{"w", 100}},
          {{"d", ids}});
    }
  Mask same = entry("d", i) == entry("d", j);
  add("shuffled documents", same, {}, {{"d", shuffled}});
  add("recurring documents, causal", same & (j <= i), {}, {{"d", recurring}});
  add("documents of queries and keys", entry("a", i, true) == entry("b", j, true), {},
      {{"a", sorted}, {"b", table([&](int64_t t) { return t / 60; })}});
  add("documents and padding", same & (entry("d", j) >= 0) & (entry("d", i) >= 0), {},
      {{"d", table([&](int64_t t) { return t > tokens * 3 / 4 ? -1 : t / 80; })}});
  std::vector<int64_t> starts, ends;
  for (int64_t t = 0; t < tokens; ++t) {
    starts.push_back(t && sorted[t] == sorted[t - 1] ? starts.back() : t);
    ends.push_back(std::upper_bound(sorted.begin(), sorted.end(), sorted[t]) - sorted.begin());
  }
  add("start of the document", (entry("start", i) <= j) & (j <= i), {}, {{"start", starts}});
  add("start, declared sorted", (entry("start", i, true) <= j) & (j <= i), {}, {{"start", starts}});
  add("start and end", (entry("start", i) <= j) & (j < entry("end", i)), {},
      {{"start", starts}, {"end", ends}});
  add("offset of the document", (entry("first", entry("d", i, true)) <= j) & (j <= i), {},
      {{"d", sorted}, {"first", starts}});
  add("prefix of each document",
      (entry("d", i, true) == entry("d", j, true)) & ((j <= i) | (j - entry("start", j) < 20)), {},
      {{"d", sorted}, {"start", starts}});
}

void Suite::perToken() {
  add("window of each query", (j <= i) & (i - j <= entry("w", i)), {},
      {{"w", table([&](int64_t t) { return 20 + t % 5 * 10; })}});
  add("end of each key", (j <= i) & (i <= entry("end", j)), {},
      {{"end", table([&](int64_t t) { return t + 30 + t * 37 % 60; })}});
  add("end of each key, few live", (j <= i) & (i <= entry("end", j)), {},
      {{"end", table([&](int64_t t) { return t / 64 % 3 ? t + 10 : tokens; })}});
  add("guarded interval", (entry("live", j) > 0) & (entry("low", j) <= i), {},
      {{"live", table([&](int64_t t) { return t / 100 % 2; })},
       {"low", table([&](int64_t t) { return t / 100 % 2 ? t : 0; })}});
  add("tree by intervals", (entry("in", j) <= entry("in", i)) & (entry("in", i) < entry("out", j)),
      {},
      {{"in", table([](int64_t t) { return t; })},
       {"out", table([&](int64_t t) { return t == 0 ? tokens : t + 1 + (t * 7919 % 64); })}});
  add("two bounds of one query", (j < entry("a", i)) & (j < entry("b", i)), {},
      {{"a", table([&](int64_t t) { return t % 2 ? 100 : tokens; })},
       {"b", table([&](int64_t t) { return t % 2 ? tokens : 120; })}});
  add("window of a head", (j <= i) & (i - j <= entry("heads", 2)), {},
      {{"heads", {500, 10, 75, 3}}});
  add("length of a batch", (j < entry("lengths", 1)) & (j <= i), {}, {{"lengths", {77, 301}}});
}

void Suite::flags() {
  std::vector<int64_t> rare = table([&](int64_t t) { return t == 5 || t == tokens / 2; });
  std::vector<int64_t> many = table([&](int64_t) { return pick(0, 1); });
  std::vector<int64_t> half = table([&](int64_t t) { return t < tokens / 2; });
  add("global tokens", flag("g", i) | flag("g", j) | (magnitude(i - j) <= 64), {}, {{"g", rare}});
  add("gist tokens", (j <= i) & (flag("g", j) | (i - j < 100)), {}, {{"g", rare}});
  add("live keys", flag("g", j) & (j <= i), {}, {{"g", half}});
  add("live pairs", flag("g", j) & flag("g", i), {}, {{"g", half}});
  add("random keys", flag("g", j), {}, {{"g", many}});
  add("either kind", flag("g", i) == flag("g", j), {}, {{"g", half}});
  add("kinds of tokens", (entry("kind", i) >= entry("kind", j)) & (j <= i), {},
      {{"kind", table([&](int64_t t) { return t / 150 % 3; })}});
}

void Suite::neighborhoods() {
  int64_t side = 32, wide = 40, high = 19;
  for (int64_t window : {7, 13})
    addBoth("neighborhood 1-D", window * 9, [&](Mask n) { return near(i, j, {queries(), n}); });
  add("neighborhood 1-D, stride", near(i, j, {queries(), 64, 16}));
  add("neighborhood 1-D, dilation", near(i, j, {queries(), 33, 1, 5}));
  add("neighborhood 1-D, causal", near(i, j, {queries(), 100, 1, 1, true}));
  for (bool isSymbolic : {false, true})
    for (auto [h, w] :
         {std::pair(side, side), std::pair(high, wide), std::pair(int64_t(11), int64_t(80))}) {
      std::string kind = std::string(isSymbolic ? ", symbolic " : ", ") + std::to_string(h) +
                         " x " + std::to_string(w);
      std::map<std::string, int64_t> scalars;
      auto number = [&](const char *name, int64_t value) {
        if (!isSymbolic)
          return Mask(value);
        scalars[name] = value;
        return scalar(name);
      };
      Mask rows = number("h", h), columns = number("w", w), window = number("k", 7);
      Mask y = i / columns, x = i % columns, v = j / columns, u = j % columns;
      auto addCanvas = [&](const std::string &name, Mask mask) {
        addSquare(name + kind, mask, h * w, scalars);
      };
      addCanvas("neighborhood", near(y, v, {rows, window}) & near(x, u, {columns, window}));
      addCanvas("neighborhood, stride",
                near(y, v, {rows, window, 2}) & near(x, u, {columns, window, 3}));
      addCanvas("neighborhood, causal axis",
                near(y, v, {rows, window, 1, 1, true}) & near(x, u, {columns, window}));
      addCanvas("window on a canvas", (magnitude(y - v) <= 3) & (magnitude(x - u) <= 5));
      addCanvas("axial", (y == v) | (x == u));
      addCanvas("rows of a canvas", y == v);
      addCanvas("raster causal in a window", (j <= i) & (magnitude(x - u) <= 5) & (y - v <= 4));
    }
  Mask y = i / 40, x = i % 40, v = j / 40, u = j % 40;
  addSquare("neighborhood, dilation",
            near(y, v, {Mask(19), Mask(5), 1, 2}) & near(x, u, {Mask(40), Mask(7), 1, 3}), 19 * 40);
}

void Suite::volumes() {
  int64_t t = 4, h = 12, w = 16;
  Mask z = i / (h * w), y = i / w % h, x = i % w, c = j / (h * w), v = j / w % h, u = j % w;
  addSquare("neighborhood 3-D",
            near(z, c, {Mask(t), 3}) & near(y, v, {Mask(h), 5}) & near(x, u, {Mask(w), 7}),
            t * h * w);
  addSquare("frames, causal", (c <= z) & (magnitude(y - v) <= 3) & (magnitude(x - u) <= 3),
            t * h * w);
  addSquare("time or space", (z == c) | ((y == v) & (x == u)), t * h * w);
  Mask n = scalar("n"), m = scalar("m");
  Mask z2 = i / (n * m), y2 = i / m % n, c2 = j / (n * m), v2 = j / m % n;
  addSquare("frames, symbolic", (c2 <= z2) & (z2 - c2 <= 1) & (magnitude(y2 - v2) <= 3), t * h * w,
            {{"n", h}, {"m", w}});
  addSquare("3-D, stride",
            near(z, c, {Mask(t), 2}) & near(y, v, {Mask(h), 6, 2}) & near(x, u, {Mask(w), 8, 4}),
            t * h * w);
}

void Suite::orders() {
  // Tiles of 8 x 8 one after the other on a canvas 32 wide.
  auto tileY = [](Mask t) { return t / 256; };
  auto tileX = [](Mask t) { return t / 64 % 4; };
  addSquare("sliding tile",
            (magnitude(tileY(i) - tileY(j)) <= 1) & (magnitude(tileX(i) - tileX(j)) <= 1), 1024);
  auto y = [&](Mask t) { return t / 256 * 8 + t % 64 / 8; };
  auto x = [&](Mask t) { return t / 64 % 4 * 8 + t % 8; };
  addSquare("window in tile order", (magnitude(y(i) - y(j)) <= 5) & (magnitude(x(i) - x(j)) <= 5),
            1024);
}

void Suite::odd() {
  add("nothing", j < 0);
  add("a tautology", (j <= i) | !(j <= i));
  add("a contradiction", (j <= i) & (i < j));
  add("one pair", (i == 300) & (j == 200));
  add("all but one pair", !((i == 300) & (j == 200)));
  add("causal but one pair", (j <= i) ^ ((i == 300) & (j == 200)));
  add("antidiagonal", i + j <= scalar("s"), {{"s", 700}});
  add("rising start", (j >= i / 2) & (j <= i));
  add("triangle", (j <= 2 * i) & (j <= 500 - i));
  add("two of three", ((j <= i) & (j < 200)) | ((j <= i) & (i < 400)) | ((j < 200) & (i < 400)));
  add("implication", !(i < 200) | (j < 200));
  add("exclusive", (j <= i) ^ (j < 200));
  add("bits of a matrix", flag("bits", (i * 64 + j) % 4096), {},
      {{"bits", [&] {
          std::vector<int64_t> bits(4096);
          for (int64_t &bit : bits)
            bit = pick(0, 1);
          return bits;
        }()}});
}

} // namespace

std::vector<SuiteMask> maskSuite(int64_t tokens) { return Suite(tokens).run(); }

} // namespace attune::mask::test
