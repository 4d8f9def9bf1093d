// SPDX-License-Identifier: Apache-2.0
#include "test/e2e/Masks.h"

#include <algorithm>

namespace attune::test {
namespace {

using Generator = std::mt19937_64;

/// Some width up to half of the sequence.
int64_t drawWidth(Generator &generator, int64_t tokens) { return draw(generator, 0, tokens / 2); }

MaskCase makeCausal(int64_t tokens, Generator &) { return {sequenceOf(tokens), {}}; }
bool seesCausal(const MaskCase &, int64_t, int64_t, int64_t i, int64_t j) { return i >= j; }

/// The last query sees the last key: the offset is the difference of the lengths.
MaskCase makeCausalOffset(int64_t tokens, Generator &generator) {
  int64_t more = draw(generator, 1, 40);
  return {sequenceOf(tokens, more), {{"offset", more}}};
}
bool seesCausalOffset(const MaskCase &launch, int64_t, int64_t, int64_t i, int64_t j) {
  int64_t position = i + launch.number("offset");
  return position >= j;
}

MaskCase makeSlidingWindow(int64_t tokens, Generator &generator) {
  return {sequenceOf(tokens), {{"w", drawWidth(generator, tokens)}}};
}
bool seesSlidingWindow(const MaskCase &launch, int64_t, int64_t, int64_t i, int64_t j) {
  return j >= i - launch.number("w") && j <= i;
}

MaskCase makeTwoSidedWindow(int64_t tokens, Generator &generator) {
  return {sequenceOf(tokens, 5),
          {{"left", drawWidth(generator, tokens)}, {"right", drawWidth(generator, tokens)}}};
}
bool seesTwoSidedWindow(const MaskCase &launch, int64_t, int64_t, int64_t i, int64_t j) {
  return j >= i - launch.number("left") && j <= i + launch.number("right");
}

MaskCase makeDilatedWindow(int64_t tokens, Generator &generator) {
  return {sequenceOf(tokens, 7), {{"w", draw(generator, 0, 6)}, {"d", draw(generator, 1, 5)}}};
}
bool seesDilatedWindow(const MaskCase &launch, int64_t, int64_t, int64_t i, int64_t j) {
  for (int64_t step = 0; step <= launch.number("w"); ++step)
    if (i - step * launch.number("d") == j)
      return true;
  return false;
}

MaskCase makePrefix(int64_t tokens, Generator &generator) {
  return {sequenceOf(tokens), {{"prefix", drawTable(generator, ElementType::I32, {2}, 0, tokens)}}};
}
bool seesPrefix(const MaskCase &launch, int64_t b, int64_t, int64_t i, int64_t j) {
  return std::max(launch.entry("prefix", {b}) - 1, i) >= j;
}

MaskCase makeBlocks(int64_t tokens, Generator &generator) {
  return {sequenceOf(tokens), {{"size", draw(generator, 1, tokens / 3 + 1)}}};
}
bool seesBlocks(const MaskCase &launch, int64_t, int64_t, int64_t i, int64_t j) {
  int64_t size = launch.number("size"), first = 0;
  while (first + size <= i)
    first += size;
  return first <= j && j < first + size;
}

MaskCase makePower(int64_t tokens, Generator &generator) {
  return {sequenceOf(tokens),
          {{"size", draw(generator, 1, 9)}, {"w", draw(generator, 0, tokens / 20)}}};
}
bool seesPower(const MaskCase &launch, int64_t, int64_t, int64_t i, int64_t j) {
  if (j > i)
    return false;
  int64_t back = i / launch.number("size") - j / launch.number("size");
  bool isPower = back == 0;
  for (int64_t power = 1; power <= back; power *= 2)
    isPower |= power == back;
  return isPower || i - j <= launch.number("w");
}

/// The first head sees nothing.
MaskCase makeHeadWindows(int64_t tokens, Generator &generator) {
  Tensor window = drawTable(generator, ElementType::I32, {4}, 0, tokens);
  window.set(0, int64_t(-1));
  return {sequenceOf(tokens), {{"window", window}}};
}
bool seesHeadWindows(const MaskCase &launch, int64_t, int64_t h, int64_t i, int64_t j) {
  return j <= i && i - j <= launch.entry("window", {h});
}

MaskCase makeDuo(int64_t tokens, Generator &generator) {
  return {sequenceOf(tokens),
          {{"retrieval", drawTable(generator, ElementType::I1, {4}, 0, 1)},
           {"sinks", draw(generator, 0, 4)},
           {"w", drawWidth(generator, tokens)}}};
}
bool seesDuo(const MaskCase &launch, int64_t, int64_t h, int64_t i, int64_t j) {
  if (j > i)
    return false;
  if (launch.entry("retrieval", {h}))
    return true;
  return j < launch.number("sinks") || j >= i - launch.number("w");
}

MaskCase makeStreaming(int64_t tokens, Generator &generator) {
  return {sequenceOf(tokens),
          {{"sinks", draw(generator, 0, 4)}, {"w", drawWidth(generator, tokens)}}};
}
bool seesStreaming(const MaskCase &launch, int64_t, int64_t, int64_t i, int64_t j) {
  return j <= i && (j < launch.number("sinks") || j >= i - launch.number("w"));
}

/// Some keys are never seen, some by nobody but themselves, some for good.
MaskCase makeNats(int64_t tokens, Generator &generator) {
  Shape shape = sequenceOf(tokens);
  Tensor end = Tensor::zeros(ElementType::I32, {shape.batch, shape.kvHeads, tokens});
  for (int64_t at = 0; at < end.numElements(); ++at) {
    int64_t reach[] = {-1, 0, 3, 17, tokens};
    end.set(at, at % tokens + reach[draw(generator, 0, 4)]);
  }
  return {shape, {{"end", end}}};
}
bool seesNats(const MaskCase &launch, int64_t b, int64_t h, int64_t i, int64_t j) {
  int64_t shared = launch.shape.heads / launch.shape.kvHeads;
  return j <= i && i <= launch.entry("end", {b, h / shared, j});
}

MaskCase makeUnigist(int64_t tokens, Generator &generator) {
  return {sequenceOf(tokens), {{"period", draw(generator, 1, 11)}, {"w", draw(generator, -1, 20)}}};
}
bool seesUnigist(const MaskCase &launch, int64_t, int64_t, int64_t i, int64_t j) {
  bool isGist = (j + 1) % launch.number("period") == 0;
  return j <= i && (isGist || j >= i - launch.number("w"));
}

/// Where keys are few, some heads see none.
MaskCase makeHepos(int64_t tokens, Generator &generator) {
  Shape shape = sequenceOf(tokens);
  shape.keys = tokens == 1 ? 2 : 2 * tokens + 3;
  return {shape, {{"stride", tokens == 1 ? 7 : draw(generator, 1, 7)}}};
}
bool seesHepos(const MaskCase &launch, int64_t, int64_t h, int64_t, int64_t j) {
  return j % launch.number("stride") == h % launch.number("stride");
}

} // namespace

std::vector<Mask> sequenceMasks() {
  return {{"causal", makeCausal, seesCausal},
          {"causal-offset", makeCausalOffset, seesCausalOffset},
          {"sliding-window", makeSlidingWindow, seesSlidingWindow},
          {"masks/two-sided-window", makeTwoSidedWindow, seesTwoSidedWindow},
          {"masks/dilated-window", makeDilatedWindow, seesDilatedWindow},
          {"masks/prefix-lm", makePrefix, seesPrefix},
          {"masks/block-diagonal", makeBlocks, seesBlocks},
          {"masks/power-attention", makePower, seesPower},
          {"masks/head-windows", makeHeadWindows, seesHeadWindows},
          {"masks/duo-attention", makeDuo, seesDuo},
          {"masks/streaming-llm", makeStreaming, seesStreaming},
          {"masks/nats", makeNats, seesNats},
          {"masks/unigist", makeUnigist, seesUnigist},
          {"masks/hepos", makeHepos, seesHepos}};
}

} // namespace attune::test
