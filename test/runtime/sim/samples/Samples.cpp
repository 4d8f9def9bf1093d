// SPDX-License-Identifier: Apache-2.0
// Made-up tensors, launches as the kernels want them, and attention in double precision.
#include "test/runtime/sim/samples/Samples.h"

#include "runtime/sim/TensorMap.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <random>
#include <sstream>
#include <stdexcept>
#include <tuple>

namespace attune::sim::test {
namespace {

using Matrix = std::vector<double>;

float roundToBf16(double value) {
  uint32_t bits = std::bit_cast<uint32_t>(float(value));
  bits += 0x7fff + (bits >> 16 & 1);
  return std::bit_cast<float>(bits & 0xffff0000u);
}

/// Contiguous (batch, head, token, component).
struct Shape {
  uint32_t batch, heads, tokens, components;
  auto operator<=>(const Shape &) const = default;
  size_t elements() const { return size_t(batch) * heads * tokens * components; }
  size_t at(uint32_t b, uint32_t h, uint32_t token) const {
    return ((size_t(b) * heads + h) * tokens + token) * components;
  }
};

/// Numbers that bf16 holds exactly, the same whenever asked for.
const Matrix &randomMatrix(const Shape &shape, uint64_t seed) {
  static std::map<std::pair<Shape, uint64_t>, Matrix> known;
  auto [at, isNew] = known.try_emplace({shape, seed}, shape.elements());
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  for (size_t i = 0; isNew && i < shape.elements(); ++i)
    at->second[i] = roundToBf16(normal(random));
  return at->second;
}

/// The memory of one launch.
class Buffers {
public:
  uint64_t bf16(const Matrix &numbers) {
    std::vector<uint16_t> halves;
    for (double number : numbers)
      halves.push_back(uint16_t(std::bit_cast<uint32_t>(float(number)) >> 16));
    return upload(halves.data(), halves.size() * sizeof(uint16_t));
  }
  uint64_t f32(const std::vector<float> &numbers) {
    return upload(numbers.data(), numbers.size() * sizeof(float));
  }
  /// Room for a result.
  uint64_t room(size_t bytes) { return memory.allocate(bytes); }
  std::vector<uint8_t> bytes(uint64_t address, size_t count) {
    std::vector<uint8_t> copy(count);
    if (!memory.copyFrom(copy.data(), address, count))
      throw std::logic_error("no such memory");
    return copy;
  }
  Matrix readBf16(uint64_t address, size_t count) {
    std::vector<uint8_t> raw = bytes(address, count * 2);
    Matrix numbers;
    for (size_t i = 0; i < count; ++i)
      numbers.push_back(
          std::bit_cast<float>(uint32_t(raw[2 * i]) << 16 | uint32_t(raw[2 * i + 1]) << 24));
    return numbers;
  }
  std::vector<float> readF32(uint64_t address, size_t count) {
    std::vector<uint8_t> raw = bytes(address, count * 4);
    std::vector<float> numbers(count);
    std::memcpy(numbers.data(), raw.data(), raw.size());
    return numbers;
  }
  GlobalMemory memory;

private:
  uint64_t upload(const void *data, size_t count) {
    uint64_t address = memory.allocate(count);
    memory.copyTo(address, data, count);
    return address;
  }
};

/// The parameters of a launch, in order.
class Parameters {
public:
  Parameters &pointer(uint64_t address) { return add(&address, sizeof(address)); }
  Parameters &number(float value) { return add(&value, sizeof(value)); }
  Parameters &number(uint32_t value) { return add(&value, sizeof(value)); }
  /// bf16 (D, N, H, B) with a box of 64 components and `rows` tokens, swizzled by 128 bytes.
  Parameters &map(uint64_t address, const Shape &shape, uint32_t rows) {
    TensorMap tensor;
    tensor.element = TensorMap::Element::BF16;
    tensor.rank = 4;
    tensor.address = address;
    tensor.sizes = {shape.components, shape.tokens, shape.heads, shape.batch};
    uint64_t row = shape.components * 2;
    tensor.strides = {0, row, row * shape.tokens, row * shape.tokens * shape.heads};
    tensor.box = {64, rows, 1, 1};
    tensor.swizzle = Swizzle::Bytes128;
    alignas(64) uint8_t bytes[tensorMapBytes];
    encodeTensorMap(tensor, bytes);
    return add(bytes, sizeof(bytes));
  }
  std::vector<std::vector<uint8_t>> values;

private:
  Parameters &add(const void *value, size_t count) {
    const auto *first = static_cast<const uint8_t *>(value);
    values.emplace_back(first, first + count);
    return *this;
  }
};

constexpr float logTwoOfE = 1.44269504088896340736f;

/// softmax over visible keys of one query; weights and natural log of their sum.
struct Row {
  std::vector<double> weights;
  double logSum = -std::numeric_limits<double>::infinity();
};

Row softmaxRow(const double *query, const Matrix &keys, const Shape &shape, uint32_t b,
               uint32_t head, uint32_t visible, double scale) {
  Row row;
  std::vector<double> scores(visible);
  double most = -std::numeric_limits<double>::infinity(), sum = 0;
  for (uint32_t j = 0; j < visible; ++j) {
    const double *key = &keys[shape.at(b, head, j)];
    for (uint32_t c = 0; c < shape.components; ++c)
      scores[j] += query[c] * key[c];
    scores[j] *= scale;
    most = std::max(most, scores[j]);
  }
  for (double score : scores)
    sum += std::exp(score - most);
  for (double score : scores)
    row.weights.push_back(std::exp(score - most) / sum);
  if (visible)
    row.logSum = most + std::log(sum);
  return row;
}

/// Keys that query i sees: those up to i + keys - queries.
uint32_t visibleKeys(uint32_t i, uint32_t queries, uint32_t keys, bool causal) {
  if (!causal)
    return keys;
  int64_t last = int64_t(i) + keys - queries;
  return uint32_t(std::max<int64_t>(0, std::min<int64_t>(last + 1, keys)));
}

void worsen(double &worst, double error, double allowed) {
  double share = error / allowed;
  if (!(share <= worst))
    worst = std::isnan(share) ? std::numeric_limits<double>::infinity() : share;
}

//===-- Forward ---===//

/// The sizes of a forward run: ragged, and with two query heads to a key head.
struct Forward {
  Shape q, k;
  bool causal;
  double scale() const { return 1 / std::sqrt(double(q.components)); }
};

// What the makers of the samples state for numbers of N(0, 1).
constexpr double allowedLogSum = 1e-6, allowedGradient = 0.006;

/// 0.007 is for outputs below 2. Beyond, the spacing of bf16 doubles with each power of two, and half of
/// it alone is 0.0078.
double allowedOutput(double expected) {
  double magnitude = std::max(1.0, std::abs(expected));
  return 0.007 * std::exp2(std::floor(std::log2(magnitude)));
}

/// Outputs and natural logarithms of sums.
struct Expected {
  std::vector<double> output, logSums;
};

Expected evaluateForward(const Forward &sizes, const Matrix &q, const Matrix &k, const Matrix &v) {
  uint32_t group = sizes.q.heads / sizes.k.heads, components = sizes.q.components;
  Expected expected{std::vector<double>(sizes.q.elements()),
                    std::vector<double>(sizes.q.elements() / components)};
  for (uint32_t b = 0; b < sizes.q.batch; ++b)
    for (uint32_t h = 0; h < sizes.q.heads; ++h)
      for (uint32_t i = 0; i < sizes.q.tokens; ++i) {
        size_t at = sizes.q.at(b, h, i);
        uint32_t visible = visibleKeys(i, sizes.q.tokens, sizes.k.tokens, sizes.causal);
        Row row = softmaxRow(&q[at], k, sizes.k, b, h / group, visible, sizes.scale());
        for (uint32_t j = 0; j < visible; ++j)
          for (uint32_t c = 0; c < components; ++c)
            expected.output[at + c] += row.weights[j] * v[sizes.k.at(b, h / group, j) + c];
        expected.logSums[at / components] = row.logSum;
      }
  return expected;
}

/// Worst errors of an output (and of log sums, when there are any) against the evaluation, which is
/// made once for runs of the same sizes: they have the same inputs.
void compareForward(const Forward &sizes, const Matrix &q, const Matrix &k, const Matrix &v,
                    const Matrix &output, const std::vector<float> &logSums, SampleRun &run) {
  static std::map<std::tuple<Shape, Shape, bool>, Expected> known;
  auto [at, isNew] = known.try_emplace({sizes.q, sizes.k, sizes.causal});
  if (isNew)
    at->second = evaluateForward(sizes, q, k, v);
  const Expected &expected = at->second;
  for (size_t i = 0; i < output.size(); ++i)
    worsen(run.worst, std::abs(output[i] - expected.output[i]), allowedOutput(expected.output[i]));
  for (size_t i = 0; i < logSums.size(); ++i)
    worsen(run.worstLogSum, std::abs(logSums[i] - expected.logSums[i]), allowedLogSum);
}

SampleRun runForwardAmpere(const LoadedModule &module, const Options &options) {
  Forward sizes{{1, 2, 150, 128}, {1, 1, 200, 128}, true};
  const Matrix &q = randomMatrix(sizes.q, 1), &k = randomMatrix(sizes.k, 2),
               &v = randomMatrix(sizes.k, 3);
  Buffers buffers;
  uint32_t tiles = (sizes.q.tokens + 127) / 128;
  uint64_t output = buffers.room(sizes.q.elements() * 2);
  Parameters parameters;
  parameters.pointer(buffers.bf16(q)).pointer(buffers.bf16(k)).pointer(buffers.bf16(v));
  parameters.pointer(output).number(float(sizes.scale()) * logTwoOfE);
  parameters.number(sizes.q.tokens).number(sizes.k.tokens).number(sizes.q.heads);
  parameters.number(sizes.q.heads / sizes.k.heads).number(tiles);
  LaunchRequest request{
      {tiles, sizes.q.heads, sizes.q.batch}, {256, 1, 1}, {1, 1, 1}, 65536, parameters.values};
  SampleRun run;
  run.result = launch(module, *module.entry("fwd80"), buffers.memory, request, options);
  run.bits = buffers.bytes(output, sizes.q.elements() * 2);
  compareForward(sizes, q, k, v, buffers.readBf16(output, sizes.q.elements()), {}, run);
  return run;
}

SampleRun runForwardHopper(const LoadedModule &module, const Options &options, const Forward &sizes,
                           uint32_t rows, uint32_t threads, uint32_t sharedBytes) {
  constexpr uint32_t columns = 128, rowsOfOutput = 64, blocks = 2;
  const Matrix &q = randomMatrix(sizes.q, 1), &k = randomMatrix(sizes.k, 2),
               &v = randomMatrix(sizes.k, 3);
  Buffers buffers;
  uint32_t tiles = (sizes.q.tokens + rows - 1) / rows;
  uint64_t output = buffers.room(sizes.q.elements() * 2);
  size_t queries = sizes.q.elements() / sizes.q.components;
  uint64_t logSums = buffers.room(queries * 4);
  Parameters parameters;
  parameters.map(buffers.bf16(q), sizes.q, rows).map(buffers.bf16(k), sizes.k, columns);
  parameters.map(buffers.bf16(v), sizes.k, columns).map(output, sizes.q, rowsOfOutput);
  parameters.pointer(logSums).number(float(sizes.scale()) * logTwoOfE);
  parameters.number(sizes.q.tokens).number(sizes.k.tokens).number(sizes.q.heads);
  parameters.number(sizes.q.batch).number(sizes.q.heads / sizes.k.heads).number(tiles);
  parameters.number(tiles * sizes.q.heads * sizes.q.batch);
  LaunchRequest request{{blocks, 1, 1}, {threads, 1, 1}, {1, 1, 1}, sharedBytes, parameters.values};
  SampleRun run;
  run.result = launch(module, *module.entry("fwd"), buffers.memory, request, options);
  run.bits = buffers.bytes(output, sizes.q.elements() * 2);
  std::vector<uint8_t> sumBits = buffers.bytes(logSums, queries * 4);
  run.bits.insert(run.bits.end(), sumBits.begin(), sumBits.end());
  compareForward(sizes, q, k, v, buffers.readBf16(output, sizes.q.elements()),
                 buffers.readF32(logSums, queries), run);
  return run;
}

SampleRun runForwardCausal(const LoadedModule &module, const Options &options) {
  // The diagonal crosses two tiles of keys, so that every loop of the kernel runs.
  Forward sizes{{2, 2, 300, 128}, {2, 1, 390, 128}, true};
  return runForwardHopper(module, options, sizes, 128, 384, 163920);
}

SampleRun runForwardDense(const LoadedModule &module, const Options &options) {
  Forward sizes{{2, 2, 200, 64}, {2, 1, 300, 64}, false};
  return runForwardHopper(module, options, sizes, 192, 512, 90192);
}

//===-- Backward ---===//

/// Gradients of one head, by the chain rule in double.
struct Gradients {
  Matrix q, k, v;
  /// Of each query: natural log of the sum, and sum over components of dO times O.
  std::vector<double> logSum, delta;
};

void addGradients(const Shape &shape, uint32_t h, const Matrix &q, const Matrix &k, const Matrix &v,
                  const Matrix &dOutput, Gradients &gradients) {
  uint32_t tokens = shape.tokens, components = shape.components;
  double scale = 1 / std::sqrt(double(components));
  for (uint32_t i = 0; i < tokens; ++i) {
    size_t at = shape.at(0, h, i);
    Row row = softmaxRow(&q[at], k, shape, 0, h, i + 1, scale);
    std::vector<double> products(i + 1);
    double delta = 0;
    for (uint32_t j = 0; j <= i; ++j) {
      for (uint32_t c = 0; c < components; ++c)
        products[j] += dOutput[at + c] * v[shape.at(0, h, j) + c];
      delta += row.weights[j] * products[j];
    }
    gradients.logSum[at / components] = row.logSum;
    gradients.delta[at / components] = delta;
    for (uint32_t j = 0; j <= i; ++j) {
      size_t key = shape.at(0, h, j);
      double slope = row.weights[j] * (products[j] - delta) * scale;
      for (uint32_t c = 0; c < components; ++c) {
        gradients.q[at + c] += slope * k[key + c];
        gradients.k[key + c] += slope * q[at + c];
        gradients.v[key + c] += row.weights[j] * dOutput[at + c];
      }
    }
  }
}

Gradients evaluateBackward(const Shape &shape, const Matrix &q, const Matrix &k, const Matrix &v,
                           const Matrix &dOutput) {
  size_t queries = shape.elements() / shape.components;
  Gradients expected{Matrix(shape.elements()), Matrix(shape.elements()), Matrix(shape.elements()),
                     std::vector<double>(queries), std::vector<double>(queries)};
  for (uint32_t h = 0; h < shape.heads; ++h)
    addGradients(shape, h, q, k, v, dOutput, expected);
  return expected;
}

double compareGradient(const Matrix &found, const Matrix &expected) {
  double most = 0, worst = 0;
  for (double number : expected)
    most = std::max(most, std::abs(number));
  for (size_t i = 0; i < expected.size(); ++i)
    worsen(worst, std::abs(found[i] - expected[i]), allowedGradient * most);
  return worst;
}

/// dQ from the fragments that the kernel adds into: for each tile of 64 queries and each of two
/// warpgroups 64 components, as wgmma lays its accumulators out over 128 threads.
Matrix gatherQueryGradient(const Shape &shape, const std::vector<float> &partials, double scale) {
  Matrix gradient(shape.elements());
  uint32_t tiles = (shape.tokens + 63) / 64;
  for (size_t index = 0; index < partials.size(); ++index) {
    size_t within = index % 4096, group = index / 4096 % 2, tile = index / 8192 % tiles;
    size_t head = index / 8192 / tiles;
    size_t element = within / 512 * 4 + within % 4, thread = within / 4 % 128, lane = thread % 32;
    size_t row = tile * 64 + thread / 32 * 16 + lane / 4 + 8 * (element / 2 % 2);
    size_t column = group * 64 + element / 4 * 8 + lane % 4 * 2 + element % 2;
    if (row < shape.tokens)
      gradient[shape.at(0, uint32_t(head), uint32_t(row)) + column] = scale * partials[index];
  }
  return gradient;
}

SampleRun runBackward(const LoadedModule &module, const Options &options) {
  const Shape shape{1, 2, 330, 128};
  double scale = 1 / std::sqrt(double(shape.components));
  const Matrix &q = randomMatrix(shape, 1), &k = randomMatrix(shape, 2),
               &v = randomMatrix(shape, 3), &dOutput = randomMatrix(shape, 4);
  static const Gradients expected = evaluateBackward(shape, q, k, v, dOutput);
  uint32_t tiles = (shape.tokens + 63) / 64, padded = tiles * 64;
  std::vector<float> logSums(size_t(shape.heads) * padded, std::numeric_limits<float>::infinity()),
      deltas(size_t(shape.heads) * padded, 0.0f);
  for (uint32_t h = 0; h < shape.heads; ++h)
    for (uint32_t i = 0; i < shape.tokens; ++i) {
      logSums[h * padded + i] = float(expected.logSum[h * shape.tokens + i] * double(logTwoOfE));
      deltas[h * padded + i] = float(expected.delta[h * shape.tokens + i]);
    }
  Buffers buffers;
  size_t partialCount = size_t(shape.heads) * tiles * 2 * 4096;
  uint64_t dKey = buffers.room(shape.elements() * 2), dValue = buffers.room(shape.elements() * 2);
  uint64_t partials = buffers.f32(std::vector<float>(partialCount, 0.0f));
  Parameters parameters;
  parameters.map(buffers.bf16(q), shape, 64).map(buffers.bf16(k), shape, 128);
  parameters.map(buffers.bf16(v), shape, 128).map(buffers.bf16(dOutput), shape, 64);
  parameters.map(dKey, shape, 64).map(dValue, shape, 64);
  parameters.pointer(buffers.f32(logSums)).pointer(buffers.f32(deltas)).pointer(partials);
  parameters.number(float(scale) * logTwoOfE).number(float(scale));
  parameters.number(shape.tokens).number(padded).number(shape.tokens).number(shape.heads);
  LaunchRequest request{{(shape.tokens + 127) / 128, shape.heads, 1},
                        {384, 1, 1},
                        {1, 1, 1},
                        197704,
                        parameters.values};
  SampleRun run;
  run.result = launch(module, *module.entry("bwd"), buffers.memory, request, options);
  Matrix foundQ = gatherQueryGradient(shape, buffers.readF32(partials, partialCount), scale);
  run.worst = std::max({compareGradient(foundQ, expected.q),
                        compareGradient(buffers.readBf16(dKey, shape.elements()), expected.k),
                        compareGradient(buffers.readBf16(dValue, shape.elements()), expected.v)});
  // dQ is added up in the order in which blocks get there, so its bits are not compared.
  run.bits = buffers.bytes(dKey, shape.elements() * 2);
  std::vector<uint8_t> valueBits = buffers.bytes(dValue, shape.elements() * 2);
  run.bits.insert(run.bits.end(), valueBits.begin(), valueBits.end());
  return run;
}

} // namespace

const std::vector<Sample> &samples() {
  static const std::vector<Sample> all = {{"fwd_d128_causal_sm80.ptx", runForwardAmpere},
                                          {"fwd_d128_causal.ptx", runForwardCausal},
                                          {"fwd_d64_dense.ptx", runForwardDense},
                                          {"bwd_d128_causal.ptx", runBackward}};
  return all;
}

std::string readSample(const std::string &file) {
  std::string path = std::string(ATTUNE_SIM_SAMPLES) + "/" + file;
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream)
    throw std::runtime_error("cannot read " + path);
  return text.str();
}

} // namespace attune::sim::test
