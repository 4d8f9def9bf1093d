// SPDX-License-Identifier: Apache-2.0
// What is the SHA-256 digest (FIPS 180-4) of some bytes?
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace attune::bundle {

using Digest = std::array<uint8_t, 32>;

Digest sha256(std::string_view bytes);

/// 64 lower-case hexadecimal digits.
std::string toHex(const Digest &digest);

} // namespace attune::bundle
