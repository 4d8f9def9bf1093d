// SPDX-License-Identifier: Apache-2.0
#include "test/e2e/Masks.h"

#include <algorithm>
#include <cmath>

namespace attune::test {
namespace {

using Generator = std::mt19937_64;

/// An axis of a canvas with its window; the names of its operands end in the same letter.
struct GridAxis {
  int64_t length, window, stride, dilation;
};

/// Any window, stride and dilation that NATTEN would take.
GridAxis drawAxis(Generator &generator, int64_t length) {
  int64_t dilation = draw(generator, 1, std::min<int64_t>(3, length));
  int64_t window = draw(generator, 1, length / dilation);
  return {length, window, draw(generator, 1, window), dilation};
}

/// May x see y? By the words of the definition: the tokens a dilation apart are a sequence of their
/// own, a stride's group has one leader, and its window is pushed inside.
bool isNear(const GridAxis &axis, bool isCausal, int64_t x, int64_t y) {
  if (x % axis.dilation != y % axis.dilation || (isCausal && y > x))
    return false;
  int64_t count = 0, place = x / axis.dilation;
  for (int64_t token = x % axis.dilation; token < axis.length; token += axis.dilation)
    ++count;
  int64_t leader = place - place % axis.stride + (isCausal ? axis.stride - 1 : axis.stride / 2);
  leader = std::min(leader, count - 1);
  int64_t first = isCausal ? leader - axis.window + 1 : leader - axis.window / 2;
  while (!isCausal && first + axis.window > count)
    --first;
  while (!isCausal && first < 0)
    ++first;
  int64_t other = y / axis.dilation;
  return first <= other && other < first + axis.window;
}

/// Sizes for about this many tokens in any order, odd ones if possible.
std::vector<int64_t> drawCanvas(Generator &generator, int64_t tokens, int rank) {
  auto odd = [](double size) { return std::max<int64_t>(1, int64_t(size) | 1); };
  if (tokens == 1)
    return std::vector<int64_t>(size_t(rank), 1);
  int64_t frames = rank == 3 ? odd(std::cbrt(double(tokens)) / 2) : 1, rest = tokens / frames;
  int64_t height = odd(std::sqrt(double(rest)) / 2), width = odd(double(rest) / double(height) - 1);
  std::vector<int64_t> sizes = {height, width};
  if (rank == 3)
    sizes.push_back(frames);
  std::shuffle(sizes.begin(), sizes.end(), generator);
  return sizes;
}

/// The window of an axis among the operands of the neighborhoods: wh, sh, dh for letter h.
void store(MaskCase &launch, const std::string &letter, const GridAxis &axis) {
  launch.values["w" + letter] = axis.window;
  launch.values["s" + letter] = axis.stride;
  launch.values["d" + letter] = axis.dilation;
}
GridAxis fetch(const MaskCase &launch, const std::string &letter, int64_t length) {
  return {length, launch.number("w" + letter), launch.number("s" + letter),
          launch.number("d" + letter)};
}

MaskCase makeHalonet(int64_t tokens, Generator &generator) {
  std::vector<int64_t> sizes = drawCanvas(generator, tokens, 2);
  return {sequenceOf(sizes[0] * sizes[1]),
          {{"H", sizes[0]},
           {"W", sizes[1]},
           {"size", draw(generator, 1, 5)},
           {"halo", draw(generator, 0, 3)}}};
}
bool seesHalonet(const MaskCase &launch, int64_t, int64_t, int64_t i, int64_t j) {
  int64_t width = launch.number("W"), size = launch.number("size"), halo = launch.number("halo");
  auto isNear = [&](int64_t x, int64_t y) {
    int64_t first = x - x % size, last = first + size - 1;
    return y >= first - halo && y <= last + halo;
  };
  return isNear(i / width, j / width) && isNear(i % width, j % width);
}

MaskCase makeNeighborhood1d(int64_t tokens, Generator &generator) {
  GridAxis axis = drawAxis(generator, tokens);
  return {sequenceOf(tokens), {{"w", axis.window}, {"stride", axis.stride}, {"d", axis.dilation}}};
}
bool seesNeighborhood1d(const MaskCase &launch, int64_t, int64_t, int64_t i, int64_t j) {
  GridAxis axis = {launch.shape.keys, launch.number("w"), launch.number("stride"),
                   launch.number("d")};
  return isNear(axis, false, i, j);
}

MaskCase makeNeighborhood2d(int64_t tokens, Generator &generator) {
  std::vector<int64_t> sizes = drawCanvas(generator, tokens, 2);
  MaskCase launch = {sequenceOf(sizes[0] * sizes[1]), {{"H", sizes[0]}, {"W", sizes[1]}}};
  store(launch, "h", drawAxis(generator, sizes[0]));
  store(launch, "w", drawAxis(generator, sizes[1]));
  return launch;
}
bool seesNeighborhood2d(const MaskCase &launch, int64_t, int64_t, int64_t i, int64_t j) {
  int64_t height = launch.number("H"), width = launch.number("W");
  return isNear(fetch(launch, "h", height), false, i / width, j / width) &&
         isNear(fetch(launch, "w", width), false, i % width, j % width);
}

MaskCase makeNeighborhood3d(int64_t tokens, Generator &generator) {
  std::vector<int64_t> sizes = drawCanvas(generator, tokens, 3);
  MaskCase launch = {sequenceOf(sizes[0] * sizes[1] * sizes[2]),
                     {{"T", sizes[0]}, {"H", sizes[1]}, {"W", sizes[2]}}};
  store(launch, "t", drawAxis(generator, sizes[0]));
  store(launch, "h", drawAxis(generator, sizes[1]));
  store(launch, "w", drawAxis(generator, sizes[2]));
  return launch;
}
bool seesNeighborhood3d(const MaskCase &launch, int64_t b, int64_t h, int64_t i, int64_t j) {
  int64_t frame = launch.number("H") * launch.number("W");
  return isNear(fetch(launch, "t", launch.number("T")), true, i / frame, j / frame) &&
         seesNeighborhood2d(launch, b, h, i % frame, j % frame);
}

MaskCase makeNeighborhoodCausal(int64_t tokens, Generator &generator) {
  return makeCausalNeighborhood(tokens, int(draw(generator, 1, 3)), unsigned(draw(generator, 0, 7)),
                                generator);
}
bool seesNeighborhoodCausal(const MaskCase &launch, int64_t, int64_t, int64_t i, int64_t j) {
  int64_t height = launch.number("H"), width = launch.number("W"), frame = height * width;
  auto sees = [&](const std::string &letter, int64_t length, int64_t x, int64_t y) {
    return isNear(fetch(launch, letter, length), launch.number("c" + letter) != 0, x, y);
  };
  return sees("t", launch.number("T"), i / frame, j / frame) &&
         sees("h", height, i % frame / width, j % frame / width) &&
         sees("w", width, i % width, j % width);
}

} // namespace

MaskCase makeCausalNeighborhood(int64_t tokens, int rank, unsigned causal,
                                std::mt19937_64 &generator) {
  std::vector<int64_t> sizes =
      rank == 1 ? std::vector<int64_t>{tokens} : drawCanvas(generator, tokens, rank);
  sizes.insert(sizes.begin(), size_t(3 - rank), 1);
  MaskCase launch = {sequenceOf(sizes[0] * sizes[1] * sizes[2]),
                     {{"T", sizes[0]}, {"H", sizes[1]}, {"W", sizes[2]}}};
  for (size_t axis = 0; axis < 3; ++axis) {
    std::string letter = std::vector<std::string>{"t", "h", "w"}[axis];
    store(launch, letter, drawAxis(generator, sizes[axis]));
    launch.values["c" + letter] = int64_t(causal >> axis & 1);
  }
  return launch;
}

std::vector<Mask> gridMasks() {
  return {{"masks/halonet", makeHalonet, seesHalonet},
          {"masks/neighborhood-1d", makeNeighborhood1d, seesNeighborhood1d},
          {"masks/neighborhood-2d", makeNeighborhood2d, seesNeighborhood2d},
          {"masks/neighborhood-3d", makeNeighborhood3d, seesNeighborhood3d},
          {"masks/neighborhood-causal", makeNeighborhoodCausal, seesNeighborhoodCausal}};
}

} // namespace attune::test
