// SPDX-License-Identifier: Apache-2.0
// A kernel for sm_90a that copies tokens through a tensor map: its PTX, its bundle, and tensors to
// launch it with.
#pragma once

#include "test/runtime/device/ScaleAdd.h"

#include <numeric>

namespace attune::testing {

/// Copies tiles of 4 tokens of 32 numbers through shared memory: a tensor map in, stores out.
inline const char *const copyPtx = R"(.version 8.6
.target sm_90a
.address_size 64
.extern .shared .align 128 .b8 smem[];
.visible .entry copy_tokens(.param .align 64 .b8 x[128], .param .u64 o, .param .u64 heads,
                            .param .u64 tokens)
.reqntid 128
{
  .reg .pred %p<4>;
  .reg .b32 %r<16>;
  .reg .b64 %rd<16>;
  mov.b64 %rd0, x;
  cvta.param.u64 %rd0, %rd0;
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, %ctaid.x;
  mov.u32 %r2, %ctaid.y;
  mov.u32 %r3, %ctaid.z;
  shl.b32 %r4, %r1, 2;
  setp.ne.u32 %p0, %r0, 0;
  @%p0 bra COPIED;
  mbarrier.init.shared.b64 [smem+512], 1;
  fence.mbarrier_init.release.cluster;
  fence.proxy.async.shared::cta;
  mbarrier.arrive.expect_tx.shared.b64 _, [smem+512], 512;
  cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [smem], [%rd0, {0, %r4, %r2, %r3}], [smem+512];
COPIED:
  bar.sync 0;
WAIT:
  mbarrier.try_wait.parity.shared.b64 %p1, [smem+512], 0;
  @!%p1 bra WAIT;
  mov.b64 %rd1, smem;
  mul.wide.u32 %rd2, %r0, 4;
  add.u64 %rd1, %rd1, %rd2;
  ld.shared.b32 %r5, [%rd1];
  ld.param.u64 %rd3, [o];
  ld.param.u64 %rd4, [heads];
  ld.param.u64 %rd5, [tokens];
  cvt.u64.u32 %rd6, %r3;
  cvt.u64.u32 %rd7, %r2;
  mad.lo.u64 %rd6, %rd6, %rd4, %rd7;
  shr.u32 %r6, %r0, 5;
  add.u32 %r6, %r6, %r4;
  cvt.u64.u32 %rd7, %r6;
  setp.ge.u64 %p2, %rd7, %rd5;
  @%p2 bra DONE;
  mad.lo.u64 %rd6, %rd6, %rd5, %rd7;
  and.b32 %r7, %r0, 31;
  cvt.u64.u32 %rd8, %r7;
  mad.lo.u64 %rd6, %rd6, 32, %rd8;
  shl.b64 %rd6, %rd6, 2;
  add.u64 %rd3, %rd3, %rd6;
  st.global.b32 [%rd3], %r5;
DONE:
  ret;
}
)";

inline bundle::Bundle copyBundle(const std::string &ptx = copyPtx) {
  using bundle::Expression;
  using bundle::Parameter;
  constexpr int64_t any = bundle::dynamicSize;
  bundle::Bundle made;
  bundle::KernelInfo kernel;
  kernel.name = "copy_tokens";
  kernel.operands = {
      {"x", bundle::OperandRole::Rows, "q", bundle::ElementType::F32, {any, any, any, 32}}};
  kernel.results = {
      {"o", bundle::OperandRole::Rows, "q", bundle::ElementType::F32, {any, any, any, 32}}};
  bundle::Variant variant;
  variant.target = "sm_90a";
  variant.format = bundle::BlobFormat::Ptx;
  variant.blob = made.addBlob(ptx);
  variant.entry = "copy_tokens";
  variant.threads = 128;
  variant.sharedBytes = 520;
  variant.grid = {Expression::ceilDiv(Expression::size("o", 2), Expression::constant(4)),
                  Expression::size("o", 1), Expression::size("o", 0)};
  variant.parameters = {Parameter::tensorMap("x", {1, 1, 4, 32}, bundle::Swizzle::None),
                        Parameter::pointer("o"), Parameter::size("o", 1), Parameter::size("o", 2)};
  variant.alignment = 16;
  kernel.variants = {variant};
  made.manifest.producer = "test";
  made.manifest.kernels = {kernel};
  return made;
}

/// The same by way of a workspace of tokens of `width` numbers: copied there, and from there to o.
inline bundle::Bundle copyTwiceBundle(bundle::Expression width = bundle::Expression::constant(32)) {
  using bundle::Expression;
  using bundle::Parameter;
  bundle::Bundle made = copyBundle();
  bundle::Variant &variant = made.manifest.kernels[0].variants[0];
  bundle::Variant pass = variant;
  pass.parameters[1] = Parameter::pointer("w");
  variant.parameters[0].operand = "w";
  variant.workspaces = {{"w",
                         bundle::ElementType::F32,
                         {Expression::size("o", 0), Expression::size("o", 1),
                          Expression::size("o", 2), std::move(width)}}};
  variant.before = {pass};
  return made;
}

inline constexpr DLDataType float32 = {kDLFloat, 32, 1};

/// Two sequences of three heads of ten tokens.
struct CopyProblem {
  explicit CopyProblem(Device &device)
      : numbers(2 * 3 * 10 * 32), x(device.allocate(numbers.size() * sizeof(float))),
        o(device.allocate(numbers.size() * sizeof(float))),
        xView(x.data(), device.dlpack(), float32, {2, 3, 10, 32}),
        oView(o.data(), device.dlpack(), float32, {2, 3, 10, 32}) {
    std::iota(numbers.begin(), numbers.end(), 1.0f);
    x.copyFrom(numbers.data());
  }
  std::vector<Argument> arguments() { return {Argument(xView), Argument(oView)}; }
  std::vector<float> result() {
    std::vector<float> copied(numbers.size());
    o.copyTo(copied.data());
    return copied;
  }
  std::vector<float> numbers;
  Memory x, o;
  TensorView xView, oView;
};

} // namespace attune::testing
