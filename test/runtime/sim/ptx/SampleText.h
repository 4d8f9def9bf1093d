// SPDX-License-Identifier: Apache-2.0
// What does a small module look like, for tests that are about a few statements of it?
#pragma once

#include <string>

namespace attune::sim {

/// One entry `k` with registers %p0-7, %h0-7, %r0-15, %d0-15, %q0-3, parameters p0 (u64) and p1
/// (u32), and variables: gv (.global, 16 bytes), sv (.shared, 64), lv (.local, 64), dyn (.shared
/// without size). `body` begins in line 12.
inline std::string sampleModule(const std::string &body, const std::string &target = "sm_90a",
                                const std::string &version = "8.6") {
  return ".version " + version + "\n.target " + target + R"(
.address_size 64
.extern .shared .align 16 .b8 dyn[];
.global .align 8 .b32 gv[4];
.visible .entry k(.param .u64 p0, .param .u32 p1)
{
  .reg .pred %p<8>; .reg .b16 %h<8>; .reg .b32 %r<16>; .reg .b64 %d<16>;
  .reg .b128 %q<4>;
  .shared .align 8 .b8 sv[64];
  .local .align 8 .b8 lv[64];
)" + body +
         "\n  ret;\n}\n";
}
inline constexpr unsigned sampleBodyLine = 12;

} // namespace attune::sim
