// SPDX-License-Identifier: Apache-2.0
// The kernel of TileSumsKernel.c, which has workspaces and pre-passes: its manifest, its PTX, and
// arguments to launch it with.
#pragma once

#include "test/runtime/device/ScaleAdd.h"

namespace attune::testing {

/// The same three entries for a GPU; a block is one thread.
inline const char *const tileSumsPtx = R"(.version 8.0
.target sm_80
.address_size 64
.visible .entry tile_sums(.param .u64 n, .param .u64 size, .param .u64 tile, .param .u64 sums,
                          .param .u64 stride)
{
  .reg .pred %p<2>;
  .reg .b32 %r<2>;
  .reg .b64 %rd<12>;
  ld.param.u64 %rd0, [n];
  ld.param.u64 %rd1, [size];
  ld.param.u64 %rd2, [tile];
  ld.param.u64 %rd3, [sums];
  ld.param.u64 %rd4, [stride];
  mov.u32 %r0, %ctaid.x;
  cvt.u64.u32 %rd5, %r0;
  mul.lo.u64 %rd6, %rd5, %rd4;
  shl.b64 %rd6, %rd6, 3;
  add.u64 %rd3, %rd3, %rd6;
  mul.lo.u64 %rd6, %rd5, %rd2;
  add.u64 %rd7, %rd6, %rd2;
  min.u64 %rd7, %rd7, %rd1;
  shl.b64 %rd8, %rd6, 2;
  add.u64 %rd0, %rd0, %rd8;
  mov.b64 %rd9, 0;
  mov.b64 %rd10, 0;
NEXT:
  setp.ge.u64 %p0, %rd6, %rd7;
  @%p0 bra DONE;
  ld.global.s32 %rd10, [%rd0];
  add.s64 %rd9, %rd9, %rd10;
  add.u64 %rd0, %rd0, 4;
  add.u64 %rd6, %rd6, 1;
  bra NEXT;
DONE:
  st.global.u64 [%rd3], %rd9;
  st.global.u64 [%rd3+8], %rd10;
  ret;
}
.visible .entry all_sums(.param .u64 sums, .param .u64 tiles, .param .u32 width,
                         .param .u64 stride, .param .u64 total)
{
  .reg .pred %p<2>;
  .reg .b64 %rd<8>;
  ld.param.u64 %rd0, [sums];
  ld.param.u64 %rd1, [tiles];
  ld.param.u64 %rd2, [stride];
  ld.param.u64 %rd3, [total];
  shl.b64 %rd2, %rd2, 3;
  mov.b64 %rd4, 0;
NEXT:
  setp.eq.u64 %p0, %rd1, 0;
  @%p0 bra DONE;
  ld.global.u64 %rd5, [%rd0];
  add.s64 %rd4, %rd4, %rd5;
  add.u64 %rd0, %rd0, %rd2;
  sub.u64 %rd1, %rd1, 1;
  bra NEXT;
DONE:
  st.global.u64 [%rd3], %rd4;
  ret;
}
.visible .entry spread_sums(.param .u64 o, .param .u64 size, .param .u64 tile, .param .u64 sums,
                            .param .u64 total)
{
  .reg .pred %p<2>;
  .reg .b32 %r<2>;
  .reg .b64 %rd<12>;
  ld.param.u64 %rd0, [o];
  ld.param.u64 %rd1, [size];
  ld.param.u64 %rd2, [tile];
  ld.param.u64 %rd3, [sums];
  ld.param.u64 %rd4, [total];
  mov.u32 %r0, %ctaid.x;
  cvt.u64.u32 %rd5, %r0;
  shl.b64 %rd6, %rd5, 4;
  add.u64 %rd3, %rd3, %rd6;
  ld.global.u64 %rd8, [%rd3];
  ld.global.u64 %rd9, [%rd3+8];
  ld.global.u64 %rd10, [%rd4];
  mad.lo.u64 %rd9, %rd8, 1000, %rd9;
  mad.lo.u64 %rd9, %rd10, 1000000, %rd9;
  mul.lo.u64 %rd6, %rd5, %rd2;
  add.u64 %rd7, %rd6, %rd2;
  min.u64 %rd7, %rd7, %rd1;
  shl.b64 %rd8, %rd6, 3;
  add.u64 %rd0, %rd0, %rd8;
NEXT:
  setp.ge.u64 %p0, %rd6, %rd7;
  @%p0 bra DONE;
  st.global.u64 [%rd0], %rd9;
  add.u64 %rd0, %rd0, 8;
  add.u64 %rd6, %rd6, 1;
  bra NEXT;
DONE:
  ret;
}
)";

/// One code of "tile_sums_kernel"; its grid is one task.
inline bundle::Variant tileSumsCode(const std::string &entry, bundle::BlobFormat format) {
  using bundle::Expression;
  bundle::Variant code;
  code.target = format == bundle::BlobFormat::Elf ? "x86-64" : "sm_80";
  code.format = format;
  code.entry = entry;
  code.threads = 1;
  code.grid = {Expression::constant(1), Expression::constant(1), Expression::constant(1)};
  return code;
}

/// Kernel "tiles" of n (i32) and tile, with result o (i64); `blob` is the code of all three entries.
inline bundle::Bundle tileSums(bundle::BlobFormat format, std::string blob) {
  using bundle::ElementType, bundle::Expression, bundle::OperandRole, bundle::Parameter;
  bundle::KernelInfo kernel;
  kernel.name = "tiles";
  kernel.operands = {{"n", OperandRole::Table, "", ElementType::I32, {bundle::dynamicSize}},
                     {"tile", OperandRole::Scalar, "", ElementType::Index, {}}};
  kernel.results = {{"o", OperandRole::Table, "", ElementType::I64, {bundle::dynamicSize}}};
  Expression tiles = Expression::ceilDiv(Expression::size("n", 0), Expression::scalar("tile"));
  Parameter tile = Parameter::scalar("tile", ElementType::Index);

  bundle::Variant main = tileSumsCode("spread_sums", format);
  main.grid[0] = tiles;
  main.parameters = {Parameter::pointer("o"), Parameter::size("o", 0), tile,
                     Parameter::pointer("sums"), Parameter::pointer("total")};
  main.workspaces = {{"sums", ElementType::I64, {tiles, Expression::constant(2)}},
                     {"total", ElementType::I64, {}}};
  bundle::Variant sums = tileSumsCode("tile_sums", format);
  sums.grid[0] = tiles;
  sums.parameters = {Parameter::pointer("n"), Parameter::size("n", 0), tile,
                     Parameter::pointer("sums"), Parameter::stride("sums", 0)};
  bundle::Variant all = tileSumsCode("all_sums", format);
  all.parameters = {Parameter::pointer("sums"), Parameter::size("sums", 0),
                    Parameter::size("sums", 1), Parameter::stride("sums", 0),
                    Parameter::pointer("total")};
  all.parameters[2].type = bundle::ParameterType::I32;
  main.before = {sums, all};
  kernel.variants = {main};
  bundle::Bundle result;
  result.manifest = {"attune test", {kernel}};
  result.addBlob(std::move(blob));
  return result;
}

/// n = 1, 2, 3, ... and a place for o, in the memory of a device.
struct TileSumsProblem {
  explicit TileSumsProblem(Device &device, int64_t size = 10, int64_t tile = 4)
      : size(size), tile(tile), n(device.allocate(size_t(size) * 4)),
        o(device.allocate(size_t(size) * 8)),
        nView(n.data(), device.dlpack(), {kDLInt, 32, 1}, {size}),
        oView(o.data(), device.dlpack(), {kDLInt, 64, 1}, {size}) {
    for (int64_t i = 0; i < size; ++i)
      numbers.push_back(int32_t(i + 1));
    n.copyFrom(numbers.data());
  }

  std::vector<Argument> arguments() const { return {Argument(nView), tile, Argument(oView)}; }

  void expectRight() const {
    std::vector<int64_t> found(static_cast<size_t>(size));
    o.copyTo(found.data());
    int64_t total = size * (size + 1) / 2;
    for (int64_t i = 0; i < size; ++i) {
      int64_t begin = i / tile * tile, end = std::min(begin + tile, size), sum = 0;
      for (int64_t j = begin; j < end; ++j)
        sum += numbers[size_t(j)];
      EXPECT_EQ(found[size_t(i)], total * 1000000 + sum * 1000 + numbers[size_t(end - 1)]) << i;
    }
  }

  int64_t size, tile;
  std::vector<int32_t> numbers;
  Memory n, o;
  TensorView nView, oView;
};

} // namespace attune::testing
