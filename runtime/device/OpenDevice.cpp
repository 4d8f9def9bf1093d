// SPDX-License-Identifier: Apache-2.0
// Which device does a name mean?
#include "runtime/device/cuda/CudaDevice.h"
#include "runtime/device/host/HostDevice.h"
#include "runtime/device/sim/SimDevice.h"

#include <charconv>
#include <system_error>

namespace attune::device {

/// The number after the colon of "host:4", or `fallback` when there is none; -1 when it is not a
/// number from `low` to `high`.
static int parseNumber(const std::string &name, size_t colon, int fallback, int low, int high) {
  if (colon == std::string::npos)
    return fallback;
  int value = 0;
  const char *end = name.data() + name.size();
  auto [stopped, error] = std::from_chars(name.data() + colon + 1, end, value);
  bool sound = error == std::errc() && stopped == end && value >= low && value <= high;
  return sound ? value : -1;
}

void Device::configureSimulator(const char *) {
  failArgument("device " + name() + " is not simulated: expected sim");
}

SimulatorReport Device::simulatorReport() {
  failArgument("device " + name() + " is not simulated: expected sim");
}

/// The device "sim" or "sim:sm_90".
static std::shared_ptr<Device> openSimulated(const std::string &name, size_t colon) {
  if (colon == std::string::npos)
    return std::make_shared<SimDevice>(0);
  int capability = -1;
  if (name.compare(colon + 1, 3, "sm_") == 0)
    capability = parseNumber(name, colon + 3, 0, 50, 199);
  if (capability < 0)
    failArgument("device '" + name + "': expected a GPU such as sm_80 after 'sim:'");
  return std::make_shared<SimDevice>(capability);
}

std::shared_ptr<Device> openDevice(const std::string &name) {
  size_t colon = name.find(':');
  std::string kind = name.substr(0, colon);
  if (kind == "host") {
    int threads = parseNumber(name, colon, 0, 1, 1024);
    if (threads < 0)
      failArgument("device '" + name + "': expected from 1 to 1024 threads after 'host:'");
    return std::make_shared<HostDevice>(threads);
  }
  if (kind == "cuda") {
    int ordinal = parseNumber(name, colon, 0, 0, 1023);
    if (ordinal < 0)
      failArgument("device '" + name + "': expected the ordinal of a GPU after 'cuda:'");
    return std::make_shared<cuda::CudaDevice>(ordinal);
  }
  if (kind == "sim")
    return openSimulated(name, colon);
  failArgument("device '" + name +
               "': expected host, host:<threads>, cuda, cuda:<ordinal>, sim or sim:sm_<number>");
}

} // namespace attune::device
