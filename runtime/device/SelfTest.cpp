// SPDX-License-Identifier: Apache-2.0
// Makes the inputs of a self-test, launches, and compares.
#include "runtime/device/SelfTest.h"

#include "runtime/bundle/Sha256.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>

namespace attune::device {

using namespace bundle;

namespace {

bool isFloat(ElementType type) { return type <= ElementType::BF16; }

/// What rounding to the type changes at most, as a share of the number.
double unitOf(ElementType type) {
  switch (type) {
  case ElementType::BF16: return 0x1p-8;
  case ElementType::F16: return 0x1p-11;
  default: return 0x1p-23; // the numbers that are expected are f32
  }
}

/// Stores a number of selfTestNumber, which every type of floats has.
void store(double number, ElementType type, char *to) {
  if (type == ElementType::F64) {
    std::memcpy(to, &number, 8);
    return;
  }
  float single = float(number);
  uint32_t bits;
  std::memcpy(&bits, &single, 4);
  if (type == ElementType::BF16)
    bits >>= 16;
  // The exponent has a smaller bias; below its range only zero occurs.
  if (type == ElementType::F16)
    bits = number == 0 ? 0 : (bits >> 16 & 0x8000) | ((bits & 0x7fffffff) - (112 << 23)) >> 13;
  std::memcpy(to, &bits, size_t(byteSize(type)));
}

double read(const char *from, ElementType type) {
  uint64_t bits = 0;
  std::memcpy(&bits, from, size_t(byteSize(type)));
  switch (type) {
  case ElementType::F64: {
    double number;
    std::memcpy(&number, &bits, 8);
    return number;
  }
  case ElementType::F16: {
    int exponent = int(bits >> 10 & 31), fraction = int(bits & 1023);
    double size = exponent == 31 ? (fraction ? NAN : INFINITY)
                  : exponent     ? std::ldexp(1024 + fraction, exponent - 25)
                                 : std::ldexp(fraction, -24);
    return bits & 0x8000 ? -size : size;
  }
  case ElementType::BF16: bits <<= 16; [[fallthrough]];
  case ElementType::F32: {
    float number;
    uint32_t low = uint32_t(bits);
    std::memcpy(&number, &low, 4);
    return number;
  }
  case ElementType::I64:
  case ElementType::Index: return double(int64_t(bits));
  case ElementType::I32: return int32_t(bits);
  case ElementType::I8: return int8_t(bits);
  case ElementType::I1: break;
  }
  return double(bits);
}

DLDataType dlpackType(ElementType type) {
  uint8_t bits = uint8_t(8 * byteSize(type));
  if (type == ElementType::BF16)
    return {kDLBfloat, bits, 1};
  if (type == ElementType::I1)
    return {kDLUInt, bits, 1};
  return {uint8_t(isFloat(type) ? kDLFloat : kDLInt), bits, 1};
}

/// Cuts the blob in pieces.
class Data {
public:
  explicit Data(const std::string &bytes) : bytes(bytes) {}
  const char *take(size_t count) {
    if (count > bytes.size() - at)
      fail(ATTUNE_BAD_BUNDLE,
           "the self-test has no more than " + std::to_string(bytes.size()) + " bytes of numbers");
    at += count;
    return bytes.data() + at - count;
  }
  template <typename T> T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)), sizeof(T));
    return value;
  }

private:
  const std::string &bytes;
  size_t at = 0;
};

class Test {
public:
  Test(Device &device, const KernelInfo &kernel, const std::string &data)
      : device(device), kernel(kernel), data(data) {}
  Test(const Test &) = delete;
  ~Test() {
    for (void *pointer : pointers)
      try {
        device.free(pointer);
      } catch (const StatusError &) {
        // What went wrong before this is what to report.
      }
  }

  void prepare();
  /// What is wrong with the first result that is; "" when all are right.
  std::string compare();

  std::vector<attune_argument> arguments;

private:
  const OperandInfo &info(size_t index) const {
    size_t count = kernel.operands.size();
    return index < count ? kernel.operands[index] : kernel.results[index - count];
  }
  size_t elements(size_t index) const {
    size_t count = 1;
    for (int64_t size : kernel.selfTest->shapes[index])
      count *= size_t(size);
    return count;
  }
  void addTensor(size_t index, const std::string &bytes);
  std::string compare(size_t index);

  Device &device;
  const KernelInfo &kernel;
  Data data;
  std::vector<DLTensor> tensors;
  std::vector<void *> pointers;
};

void Test::addTensor(size_t index, const std::string &bytes) {
  pointers.push_back(nullptr);
  pointers.back() = device.allocate(bytes.size());
  device.copyTo(pointers.back(), bytes.data(), bytes.size(), nullptr);
  // The kernel does not write to the sizes, but DLPack has no const.
  auto &shape = const_cast<std::vector<int64_t> &>(kernel.selfTest->shapes[index]);
  tensors.push_back({pointers.back(), device.dlpack(), int(shape.size()),
                     dlpackType(info(index).dtype), shape.data(), nullptr, 0});
  arguments[index].kind = ATTUNE_TENSOR;
  arguments[index].value.tensor = &tensors.back();
}

void Test::prepare() {
  size_t count = kernel.operands.size() + kernel.results.size();
  arguments.resize(count);
  tensors.reserve(count);
  pointers.reserve(count);
  for (size_t i = 0; i < kernel.operands.size(); ++i) {
    if (info(i).isTensor())
      continue;
    bool real = isFloat(info(i).dtype);
    arguments[i].kind = real ? ATTUNE_REAL : ATTUNE_INTEGER;
    // Both are 8 bytes.
    arguments[i].value.integer = data.number<int64_t>();
  }
  for (size_t i = 0; i < count; ++i) {
    if (!info(i).isTensor())
      continue;
    size_t width = size_t(byteSize(info(i).dtype)), size = elements(i);
    // What a kernel leaves alone is no number, or a strange one.
    std::string bytes(size * width, '\xff');
    if (i < kernel.operands.size() && !isFloat(info(i).dtype))
      bytes.assign(data.take(bytes.size()), bytes.size());
    else if (i < kernel.operands.size())
      for (size_t e = 0; e < size; ++e)
        store(selfTestNumber(info(i).role, i, e), info(i).dtype, &bytes[e * width]);
    addTensor(i, bytes);
  }
}

std::string Test::compare(size_t index) {
  const OperandInfo &result = info(index);
  size_t width = size_t(byteSize(result.dtype)), size = elements(index);
  std::string bytes(size * width, '\0');
  device.copyFrom(bytes.data(), arguments[index].value.tensor->data, bytes.size(), nullptr);
  double allowed = data.number<double>();
  for (size_t e = 0; e < size; e += size_t(kernel.selfTest->step)) {
    double wanted = data.number<float>(), found = read(&bytes[e * width], result.dtype);
    double most = allowed + unitOf(result.dtype) * std::abs(wanted);
    if (found == wanted || (std::isnan(found) && std::isnan(wanted)) ||
        std::abs(found - wanted) <= most)
      continue;
    return "element " + std::to_string(e) + " of result '" + result.name + "': expected " +
           std::to_string(wanted) + " within " + std::to_string(most) + ", but got " +
           std::to_string(found);
  }
  return "";
}

std::string Test::compare() {
  std::string wrong;
  for (size_t i = kernel.operands.size(); i < arguments.size() && wrong.empty(); ++i)
    wrong = compare(i);
  return wrong;
}

std::mutex passedMutex;
std::set<std::string> &passed() {
  static std::set<std::string> keys;
  return keys;
}

} // namespace

void runSelfTest(Device &device, const KernelInfo &kernel, const Variant &variant,
                 const std::string &data, const SelfTestLaunch &launch) {
  Test test(device, kernel, data);
  test.prepare();
  launch(test.arguments.data(), test.arguments.size());
  device.synchronize(nullptr);
  std::string wrong = test.compare();
  if (wrong.empty())
    return;
  std::string tool = variant.tool.empty() ? "" : ", made by " + variant.tool + ",";
  fail(ATTUNE_DEVICE_ERROR,
       "the " + std::string(spelling(variant.format)) + " for " + variant.target + tool +
           " fails its self-test on device " + device.name() + " (" + device.description() +
           "): " + wrong +
           "; it is not launched: compile with another ptxas or install another "
           "driver (ATTUNE_SELF_TEST=off loads it all the same)");
}

bool needsSelfTest(const Device &device, const Bundle &bundle, const KernelInfo &kernel,
                   const Variant &variant, std::string &key) {
  const char *chosen = std::getenv("ATTUNE_SELF_TEST");
  std::string choice = chosen ? chosen : "";
  if (!kernel.selfTest || choice == "off")
    return false;
  std::string driver = device.selfTestKey();
  if (driver.empty() && choice != "on")
    return false;
  key = device.name() + " " + driver + " " + kernel.name;
  for (const Variant &pass : variant.before)
    key += toHex(sha256(bundle.blobs[pass.blob]));
  key += toHex(sha256(bundle.blobs[variant.blob])) +
         toHex(sha256(bundle.blobs[kernel.selfTest->blob]));
  std::lock_guard lock(passedMutex);
  return !passed().count(key);
}

void selfTestPassed(const std::string &key) {
  std::lock_guard lock(passedMutex);
  passed().insert(key);
}

} // namespace attune::device
