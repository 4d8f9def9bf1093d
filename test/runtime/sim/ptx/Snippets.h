// SPDX-License-Identifier: Apache-2.0
// Which statements are PTX, and which are not? Bodies of the sample module; ptxas has the same
// opinion of each.
#pragma once

namespace attune::sim {

/// Good on sm_80 and later.
inline const char *const goodSnippets[] = {
    // Moves.
    "mov.b32 %r1, %r2; mov.b64 %d1, %d2; mov.b16 %h1, %h2; mov.pred %p1, %p2; mov.b128 %q1, %q2;",
    "mov.u32 %r1, 5; mov.s32 %r1, -5; mov.b32 %r1, 0xffffffff; mov.b16 %h1, 0x3C00;",
    "mov.f32 %r1, 0f3F800000; mov.b32 %r1, 0f3F800000; mov.f32 %r1, 1.5;",
    "mov.b64 %d1, 0d3FF0000000000000; mov.b64 %d1, -1; mov.f64 %d1, 1.5;",
    "mov.pred %p1, 1; mov.pred %p1, 0;",
    "mov.b64 %d1, gv; mov.b64 %d1, gv+8; mov.b64 %d1, sv; mov.b32 %r1, sv; mov.u64 %d1, dyn;",
    "mov.b64 %d1, lv; mov.b64 %d1, p0; mov.b64 %d1, p0+4;",
    "mov.u32 %r1, %tid.x; mov.b32 %r1, %ntid.y; mov.u32 %r1, %ctaid.z; mov.u32 %r1, %nctaid.x;",
    "mov.u32 %r1, %laneid; mov.u32 %r1, %warpid; mov.u32 %r1, %nwarpid; mov.u32 %r1, %lanemask_eq;",
    "mov.u32 %r1, %lanemask_le; mov.u32 %r1, %lanemask_lt; mov.u32 %r1, %lanemask_ge; "
    "mov.u32 %r1, %lanemask_gt;",
    "mov.u64 %d1, %clock64; mov.u32 %r1, %clock; mov.u32 %r1, %clock_hi; mov.u64 %d1, "
    "%globaltimer; mov.u32 %r1, %globaltimer_lo; mov.u32 %r1, %globaltimer_hi;",
    "mov.u32 %r1, %smid; mov.u32 %r1, %nsmid; mov.u64 %d1, %gridid; mov.u32 %r1, "
    "%dynamic_smem_size; mov.u32 %r1, %total_smem_size;",
    "mov.b32 %r1, {%h1, %h2}; mov.b32 {%h1, %h2}, %r1; mov.b32 {%h1, _}, %r1; mov.b32 {_, %h1}, "
    "%r1;",
    "mov.b64 %d1, {%r1, %r2}; mov.b64 {%r1, %r2}, %d1; mov.b64 {%r1, _}, %d1;",
    "mov.b64 %d1, {%h1, %h2, %h3, %h4}; mov.b64 {%h1, %h2, %h3, %h4}, %d1;",
    "mov.b128 %q1, {%d1, %d2}; mov.b128 {%d1, %d2}, %q1;",
    "cvta.shared.u64 %d1, sv; cvta.shared.u64 %d1, %d2; cvta.to.shared.u64 %d1, %d2;",
    "cvta.global.u64 %d1, gv; cvta.to.global.u64 %d1, %d2; cvta.local.u64 %d1, lv;",
    "cvta.param.u64 %d1, p0; cvta.to.local.u64 %d1, %d2; cvta.const.u64 %d1, %d2;",
    "isspacep.shared %p1, %d1; isspacep.global %p1, %d1; isspacep.local %p1, %d1;",
    "{ .reg .b64 policy; createpolicy.fractional.L2::evict_first.b64 policy, 1.0; }",
    // Integers.
    "add.s32 %r1, %r2, %r3; add.u32 %r1, %r2, -1; add.s64 %d1, %d2, 8; add.s16 %h1, %h2, %h3;",
    "add.s32 %r1, 3, %r2; add.s32 %r1, 3, 4; add.s32 %r1, %r2, WARP_SZ; add.u64 %d1, %d2, 0xffU;",
    "add.sat.s32 %r1, %r2, %r3; sub.sat.s32 %r1, %r2, %r3;",
    "sub.s32 %r1, %r2, %r3; sub.u64 %d1, %d2, %d3; mul.lo.s32 %r1, %r2, 3; mul.hi.u32 %r1, %r2, "
    "%r3; mul.wide.s32 %d1, %r1, 4; mul.wide.u16 %r1, %h1, %h2; mul.lo.s64 %d1, %d2, %d3;",
    "mad.lo.s32 %r1, %r2, %r3, %r4; mad.wide.u32 %d1, %r1, %r2, %d3; mad.hi.s32 %r1, %r2, %r3, "
    "%r4; mad.lo.s64 %d1, %d2, %d3, %d4;",
    "min.s32 %r1, %r2, %r3; max.u32 %r1, %r2, 7; min.s64 %d1, %d2, %d3; max.u16 %h1, %h2, %h3;",
    "neg.s32 %r1, %r2; abs.s64 %d1, %d2; neg.s16 %h1, %h2;",
    "div.s32 %r1, %r2, %r3; div.u64 %d1, %d2, %d3; rem.u32 %r1, %r2, 10; rem.s64 %d1, %d2, %d3;",
    "shl.b32 %r1, %r2, 3; shl.b64 %d1, %d2, %r1; shr.u32 %r1, %r2, %r3; shr.s64 %d1, %d2, 4; "
    "shl.b16 %h1, %h2, 1; shr.b32 %r1, %r2, 1;",
    "and.b32 %r1, %r2, 255; or.b64 %d1, %d2, %d3; xor.b16 %h1, %h2, %h3; not.b32 %r1, %r2;",
    "and.pred %p1, %p2, %p3; or.pred %p1, %p2, !%p3; xor.pred %p1, %p2, %p3; not.pred %p1, %p2;",
    "lop3.b32 %r1, %r2, %r3, %r4, 0xe8; bfe.u32 %r1, %r2, 5, 3; bfe.s64 %d1, %d2, %r1, %r2;",
    "bfi.b32 %r1, %r2, %r3, 8, 8; prmt.b32 %r1, %r2, %r3, 0x5410; bfi.b64 %d1, %d2, %d3, %r1, 4;",
    "shf.l.wrap.b32 %r1, %r2, %r3, %r4; shf.r.clamp.b32 %r1, %r2, %r3, 4;",
    "clz.b32 %r1, %r2; clz.b64 %r1, %d2; popc.b32 %r1, %r2; popc.b64 %r1, %d1; brev.b32 %r1, %r2;",
    // Floating point.
    "add.f32 %r1, %r2, %r3; add.rn.f32 %r1, %r2, 1.5; add.rz.ftz.f32 %r1, %r2, 0f3F800000;",
    "add.f32 %r1, %r2, 0d3FF0000000000000; add.f64 %d1, %d2, 0f3F800000; sub.ftz.f32 %r1, 1.0, "
    "2.0; sub.f64 %d1, %d2, %d3;",
    "mul.f32 %r1, %r2, %r3; mul.rn.ftz.f32 %r1, %r2, %r3; mul.f64 %d1, %d2, %d3;",
    "fma.rn.f32 %r1, %r2, 2.0, %r3; fma.rn.ftz.f32 %r1, %r2, %r3, %r4; fma.rn.f64 %d1, %d2, %d3, "
    "%d4; fma.rz.f32 %r1, %r2, %r3, %r4;",
    "min.f32 %r1, %r2, %r3; max.ftz.f32 %r1, %r2, %r3; max.NaN.f32 %r1, %r2, %r3; max.ftz.NaN.f32 "
    "%r1, %r2, %r3;",
    "neg.f32 %r1, %r2; neg.ftz.f32 %r1, %r2; abs.f32 %r1, %r2; copysign.f32 %r1, %r2, %r3;",
    "ex2.approx.f32 %r1, %r2; ex2.approx.ftz.f32 %r1, %r2; lg2.approx.ftz.f32 %r1, %r2;",
    "rcp.approx.ftz.f32 %r1, %r2; rcp.rn.f32 %r1, %r2; sqrt.rn.f32 %r1, %r2; sqrt.approx.f32 %r1, "
    "%r2; rsqrt.approx.f32 %r1, %r2; tanh.approx.f32 %r1, %r2;",
    "div.rn.f32 %r1, %r2, %r3; div.full.f32 %r1, %r2, %r3; div.approx.ftz.f32 %r1, %r2, %r3; "
    "sin.approx.f32 %r1, %r2; cos.approx.ftz.f32 %r1, %r2;",
    "add.f16 %h1, %h2, %h3; mul.rn.f16x2 %r1, %r2, %r3; fma.rn.bf16x2 %r1, %r2, %r3, %r4; "
    "fma.rn.f16 %h1, %h2, %h3, %h4; sub.f16x2 %r1, %r2, %r3;",
    "min.f16 %h1, %h2, %h3; max.bf16x2 %r1, %r2, %r3; neg.bf16 %h1, %h2; abs.f16x2 %r1, %r2;",
    "ex2.approx.f16 %h1, %h2; ex2.approx.f16x2 %r1, %r2; tanh.approx.f16x2 %r1, %r2;",
    // Conversions.
    "cvt.u64.u32 %d1, %r1; cvt.s64.s32 %d1, %r1; cvt.u32.u64 %r1, %d1; cvt.u32.u16 %r1, %h1;",
    "cvt.s32.s8 %r1, %h1; cvt.u16.u32 %h1, %r1; cvt.u32.u8 %r1, %r2; cvt.u32.u32 %r1, 5;",
    "cvt.u64.u32 %d1, %tid.x;",
    "cvt.rn.bf16x2.f32 %r1, %r2, %r3; cvt.rn.f16x2.f32 %r1, %r2, %r3; cvt.rn.f16.f32 %h1, %r1;",
    "cvt.rn.bf16.f32 %h1, %r1; cvt.f32.f16 %r1, %h1; cvt.rz.f16x2.f32 %r1, %r2, %r3;",
    "cvt.rzi.s32.f32 %r1, %r2; cvt.rni.u32.f32 %r1, %r2; cvt.rmi.ftz.s32.f32 %r1, %r2; "
    "cvt.rpi.f32.f32 %r1, %r2;",
    "cvt.rn.f32.s32 %r1, %r2; cvt.rn.f32.u64 %r1, %d1; cvt.f64.f32 %d1, %r1; cvt.rn.f32.f64 %r1, "
    "%d1; cvt.rna.tf32.f32 %r1, %r2;",
    // Comparisons.
    "setp.eq.s32 %p1, %r1, %r2; setp.lt.u64 %p1, %d1, 5; setp.ne.b16 %p1, %h1, 0;",
    "setp.eq.s32 %p1|%p2, %r1, %r2; setp.eq.s32 _|%p2, %r1, %r2; setp.eq.s32 %p1|_, %r1, %r2;",
    "setp.lt.and.s32 %p1, %r1, %r2, %p2; setp.eq.or.s32 %p1, %r1, %r2, !%p2; setp.ge.xor.u32 %p1, "
    "%r1, %r2, %p2;",
    "setp.lt.f32 %p1, %r1, %r2; setp.neu.ftz.f32 %p1, %r1, 0f00000000; setp.num.f32 %p1, %r1, "
    "%r2; setp.nan.ftz.f32 %p1, %r1, %r2; setp.gtu.f64 %p1, %d1, %d2;",
    "setp.lo.u32 %p1, %r1, %r2; setp.hs.u32 %p1, %r1, %r2; setp.lt.f16 %p1, %h1, %h2; "
    "setp.gt.f16x2 %p1|%p2, %r1, %r2;",
    "set.lt.u32.s32 %r1, %r2, %r3; set.gt.f32.f32 %r1, %r2, %r3; slct.s32.s32 %r1, %r2, %r3, %r4;",
    "selp.b32 %r1, %r2, %r3, %p1; selp.b32 %r1, 1, 0, !%p1; selp.f32 %r1, 0f3F800000, "
    "0f00000000, %p1; selp.b64 %d1, %d2, %d3, %p1; selp.b16 %h1, %h2, %h3, %p1;",
    // Control.
    "@%p1 bra L; L: bra.uni M; M:",
    "L: @!%p1 bra L;",
    "T: .branchtargets A, B; brx.idx %r1, T; A: B:",
    "@%p1 ret; @%p1 exit; @%p1 trap; brkpt;",
    "nanosleep.u32 10; nanosleep.u32 %r1;",
    "{ .reg .pred P1; W: setp.eq.s32 P1, %r1, 0; @P1 bra.uni D; bra.uni W; D: }"
    "{ .reg .pred P1; W: setp.eq.s32 P1, %r1, 1; @P1 bra.uni D; bra.uni W; D: }",
    "{ bra L; } L:",
    ".pragma \"nounroll\";",
    // Memory.
    "ld.global.b32 %r1, [gv]; ld.global.b32 %r1, [%d1+-4]; ld.global.nc.b32 %r1, [%d1];",
    "ld.shared.b32 %r1, [sv]; ld.shared.b32 %r1, [%r2]; ld.shared.v4.b32 {%r1, %r2, %r3, %r4}, "
    "[sv+16]; ld.shared::cta.b64 %d1, [%d2];",
    "ld.param.b64 %d1, [p0]; ld.param.b32 %r1, [p1]; ld.param.b32 %r1, [p0+4];",
    "ld.local.b32 %r1, [lv]; st.local.b32 [lv], %r1; ld.const.b32 %r1, [%d1]; ld.b32 %r1, [%d1];",
    "ld.global.b8 %r1, [%d2]; ld.global.u8 %h1, [%d2]; ld.global.s16 %r1, [%d2]; ld.global.b32 "
    "%d1, [%d2]; ld.global.f32 %r1, [%d2];",
    "ld.global.v2.b32 {%r1, _}, [%d2]; ld.global.v2.b64 {%d1, %d2}, [%d3]; ld.global.v4.f32 {%r1, "
    "%r2, %r3, %r4}, [%d1]; ld.global.b128 %q1, [%d1];",
    "ld.volatile.global.b32 %r1, [%d1]; ld.relaxed.gpu.global.b32 %r1, [%d1]; "
    "ld.acquire.sys.global.b32 %r1, [%d1]; ld.acquire.cta.shared.b32 %r1, [%r2];",
    "ld.global.L1::no_allocate.b32 %r1, [%d1]; ld.global.L2::128B.b32 %r1, [%d1]; "
    "ld.global.L1::evict_last.L2::256B.v4.b32 {%r1, %r2, %r3, %r4}, [%d1];",
    "st.global.b32 [%d1], %r1; st.global.b32 [gv+4], 5; st.global.f32 [%d1], 1.0; st.global.b8 "
    "[%d1], %h1; st.shared.v2.b32 [sv], {%r1, 5}; st.global.v4.b32 [%d1], {%r1, %r2, %r3, %r4};",
    "st.volatile.shared.b32 [sv], %r1; st.relaxed.gpu.global.b32 [%d1], %r1; "
    "st.release.cta.global.b32 [%d1], %r1; st.global.b128 [%d1], %q1; st.b32 [%d1], %r1;",
    "atom.global.add.u32 %r1, [%d1], 1; atom.shared.max.s32 %r1, [sv], %r2; atom.global.cas.b32 "
    "%r1, [%d1], %r2, %r3; atom.global.exch.b64 %d1, [%d2], %d3; atom.add.f32 %r1, [%d1], %r2;",
    "atom.global.add.u32 _, [%d1], 1; atom.relaxed.gpu.global.add.u64 %d1, [%d2], %d3; "
    "atom.acq_rel.gpu.global.and.b32 %r1, [%d1], %r2; atom.global.add.noftz.f16x2 %r1, [%d1], %r2;",
    "red.global.add.u32 [%d1], 1; red.shared.or.b32 [sv], %r1; red.release.gpu.global.add.u32 "
    "[%d1], %r2; red.global.add.f32 [%d1], %r1; red.global.min.s32 [%d1], %r1;",
    "prefetch.global.L2 [%d1]; prefetch.L1 [%d1]; prefetchu.L1 [%d1];",
    "membar.cta; membar.gl; membar.sys; fence.acq_rel.gpu; fence.sc.cta; fence.acq_rel.sys;",
    // Warps and blocks.
    "shfl.sync.bfly.b32 %r1, %r2, 1, 31, -1; shfl.sync.idx.b32 %r1|%p1, %r2, %r3, 31, %r4; "
    "shfl.sync.up.b32 %r1, %r2, 1, 0, -1; shfl.sync.down.b32 %r1, %r2, 1, 31, 0xffffffff;",
    "vote.sync.ballot.b32 %r1, %p1, -1; vote.sync.any.pred %p1, %p2, -1; vote.sync.all.pred %p1, "
    "!%p2, %r1; vote.sync.uni.pred %p1, %p2, -1;",
    "redux.sync.add.s32 %r1, %r2, -1; redux.sync.min.u32 %r1, %r2, -1; redux.sync.and.b32 %r1, "
    "%r2, %r3; match.any.sync.b32 %r1, %r2, -1; match.all.sync.b32 %r1|%p1, %r2, -1; "
    "activemask.b32 %r1;",
    "bar.warp.sync -1; bar.sync 0; bar.sync 1, 64; bar.arrive 1, 64; bar.sync %r1, 64; "
    "barrier.sync 0; barrier.arrive 1, 64; barrier.cta.sync.aligned 0;",
    "bar.red.popc.u32 %r1, 0, %p1; bar.red.and.pred %p1, 0, %p2; bar.red.or.pred %p1, 1, 64, !%p2;",
    // sm_80.
    "cp.async.ca.shared.global [sv], [gv], 4; cp.async.cg.shared.global [%r1], [%d1], 16; "
    "cp.async.ca.shared::cta.global.L2::128B [%d1], [%d2], 8; cp.async.cg.shared.global [%d1], "
    "[%d2], 16, %r1;",
    "cp.async.commit_group; cp.async.wait_group 2; cp.async.wait_all; "
    "cp.async.mbarrier.arrive.shared.b64 [sv]; cp.async.mbarrier.arrive.noinc.shared.b64 [%r1];",
    "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r1}, [sv]; "
    "ldmatrix.sync.aligned.m8n8.x2.shared.b16 "
    "{%r1, %r2}, [%r3]; ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%r1, %r2, %r3, %r4}, "
    "[%d1+32]; ldmatrix.sync.aligned.m8n8.x4.shared::cta.b16 {%r1, %r2, %r3, %r4}, [%r5];",
    "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%r0, %r1, %r2, %r3}, {%r4, %r5, %r6, "
    "%r7}, {%r8, %r9}, {%r0, %r1, %r2, %r3};",
    "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%r0, %r1, %r2, %r3}, {%r4, %r5, %r6, %r7}, "
    "{%r8, %r9}, {%r0, %r1, %r2, %r3}; mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%r0, "
    "%r1}, {%r4, %r5, %r6, %r7}, {%r8, %r9}, {%r2, %r3};",
    "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%r0, %r1, %r2, %r3}, {%r4, %r5, %r6, "
    "%r7}, {%r8, %r9}, {%r0, %r1, %r2, %r3}; mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 "
    "{%r0, %r1, %r2, %r3}, {%r4, %r5}, {%r8}, {%r0, %r1, %r2, %r3};",
    "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%r0, %r1, %r2, %r3}, {%r4, %r5, %r6, %r7}, "
    "{%r8, %r9}, {%r0, %r1, %r2, %r3};",
    "mbarrier.init.shared.b64 [sv], 1; mbarrier.inval.shared.b64 [sv]; mbarrier.arrive.shared.b64 "
    "%d1, [sv]; mbarrier.arrive.shared.b64 _, [%r1]; mbarrier.arrive.noComplete.shared.b64 %d1, "
    "[sv], 2; mbarrier.test_wait.shared.b64 %p1, [sv], %d1; mbarrier.arrive_drop.shared.b64 %d1, "
    "[sv];",
};

/// Good on sm_90a.
inline const char *const goodHopperSnippets[] = {
    "mov.u32 %r1, %clusterid.x; mov.u32 %r1, %nclusterid.y; mov.u32 %r1, %cluster_ctaid.z; mov.u32 "
    "%r1, %cluster_nctaid.x; mov.u32 %r1, %cluster_ctarank; mov.u32 %r1, %cluster_nctarank;",
    "cvta.shared::cluster.u64 %d1, %d2; cvta.to.shared::cluster.u64 %d1, %d2; "
    "mapa.shared::cluster.u32 "
    "%r1, %r2, %r3; mapa.u64 %d1, %d2, 1; mapa.shared::cluster.u64 %d1, sv, %r1;",
    "add.bf16x2 %r1, %r2, %r3; mul.bf16 %h1, %h2, %h3; sub.rn.bf16x2 %r1, %r2, %r3; "
    "ex2.approx.ftz.bf16x2 %r1, %r2; tanh.approx.bf16x2 %r1, %r2;",
    "cvt.f32.bf16 %r1, %h1; cvt.rn.satfinite.e4m3x2.f32 %h1, %r1, %r2; "
    "cvt.rn.satfinite.e5m2x2.f32 %h1, %r1, %r2; cvt.rn.f16x2.e4m3x2 %r1, %h1; cvt.rn.f16x2.e5m2x2 "
    "%r1, %h1;",
    "setp.lt.bf16 %p1, %h1, %h2;",
    "elect.sync %r1|%p1, -1; elect.sync _|%p1, %r1;",
    "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned; "
    "barrier.cluster.arrive.release.aligned; barrier.cluster.wait.acquire.aligned; "
    "barrier.cluster.arrive.relaxed.aligned; barrier.cluster.arrive; barrier.cluster.wait;",
    "ld.shared::cluster.b32 %r1, [%r2]; st.shared::cluster.b32 [%d1], %r1; fence.acq_rel.cluster; "
    "ld.acquire.cluster.global.b32 %r1, [%d1]; atom.shared::cluster.add.u32 %r1, [%r2], 1;",
    "fence.proxy.async; fence.proxy.async.shared::cta; fence.proxy.async.global; "
    "fence.mbarrier_init.release.cluster; fence.proxy.alias;",
    "mbarrier.arrive.expect_tx.shared.b64 _, [sv], 64; mbarrier.arrive.expect_tx.shared.b64 %d1, "
    "[sv], %r1; mbarrier.expect_tx.relaxed.cta.shared.b64 [sv], %r1; "
    "mbarrier.complete_tx.relaxed.cta.shared.b64 [sv], 16; mbarrier.arrive.release.cta.shared.b64 "
    "_, [sv], 3; mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r1];",
    "mbarrier.try_wait.parity.shared.b64 %p1, [sv], %r1; mbarrier.try_wait.parity.shared.b64 %p1, "
    "[%r2], 1, 10000; mbarrier.test_wait.parity.shared.b64 %p1, [sv], 0; "
    "mbarrier.try_wait.parity.acquire.cluster.shared.b64 %p1, [sv], %r1; "
    "mbarrier.try_wait.shared.b64 %p1, [sv], %d1;",
    "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [sv], [gv], 16, [sv]; "
    "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%d1], %r2, [%r3]; "
    "cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [%r1], [%d1], %r2, [%r3];",
    "cp.async.bulk.global.shared::cta.bulk_group [%d1], [%r1], 64; cp.async.bulk.commit_group; "
    "cp.async.bulk.wait_group 0; cp.async.bulk.wait_group.read 1; "
    "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.f32 [%d1], [%r1], 64;",
    "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%r1], [%r2], 64, "
    "[%r3];",
    "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%r1], [%d1, "
    "{%r1, %r2, %r3, %r4}], [%r5]; "
    "cp.async.bulk.tensor.1d.shared::cta.global.tile.mbarrier::complete_tx::bytes [sv], [%d1, "
    "{%r1}], [sv];",
    "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::"
    "cluster.L2::cache_hint [%r1], [%d1, {%r1, %r2}], [%r5], %h1, %d2;",
    "cp.async.bulk.tensor.5d.global.shared::cta.tile.bulk_group [%d1, {%r1, %r2, %r3, %r4, 0}], "
    "[%r5]; cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.tile.bulk_group [%d1, {%r1, "
    "%r2}], [%r5];",
    "prefetch.tensormap [%d1]; prefetch.param.tensormap [p0];",
    "wgmma.fence.sync.aligned; wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;",
    "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%r0, %r1, %r2, %r3}, %d1, %d2, %p1, 1, "
    "1, 0, 1; wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%r0, %r1, %r2, %r3}, {%r4, %r5, "
    "%r6, %r7}, %d2, 1, -1, 1, 0;",
    "{ .reg .pred p; setp.ne.b32 p, 0, 0; wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 "
    "{%r0, %r1, %r2, %r3}, 4611686293305294848, %d2, p, 1, 1, 0, 0; }",
    "stmatrix.sync.aligned.m8n8.x4.shared.b16 [sv], {%r1, %r2, %r3, %r4}; "
    "stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%r1], {%r1, %r2}; "
    "stmatrix.sync.aligned.m8n8.x1.shared.b16 [%d1], {%r1};",
    "griddepcontrol.wait; griddepcontrol.launch_dependents;",
};

struct BadSnippet {
  const char *body;
  const char *target = "sm_90a";
};

inline const BadSnippet badSnippets[] = {
    // Operands of the wrong width or kind.
    {"add.s32 %r1, %d1, 1;"},
    {"add.s32 %d1, %r1, 1;"},
    {"add.s32 %r1, %h1, 1;"},
    {"add.s32 %r1, %p1, 1;"},
    {"add.s32 %r1, %r2;"},
    {"add.s32 %r1, %r2, %r3, %r4;"},
    {"add.s32 %r1, %r2, gv;"},
    {"add.s32 %r1, !%r2, 3;"},
    {"add.s32 5, %r1, %r2;"},
    {"add.s32 %r1, %tid.x, 1;"},
    {"add.s32 %r1, %r2, 0f3F800000;"},
    {"add.s32 %r1, %r2, 1.5;"},
    {"add.s32 %r1, %r2, {%r3, %r4};"},
    {"add.s32 %r1, %r2, [%d1];"},
    {"add.s32 %r1|%p1, %r2, %r3;"},
    {"add.f32 %r1, %r2, 1;"},
    {"add.f16 %h1, %h2, 1.0;"},
    {"add.f16 %h1, %h2, 0x3C00;"},
    {"add.f16x2 %r1, %r2, 0x3C003C00;"},
    {"neg.f16 %h1, 0x8000;"},
    {"fma.rn.f16x2 %r1, %r2, 1, %r3;"},
    {"ex2.approx.f16 %h1, 0x3C00;"},
    {"setp.lt.f16 %p1, %h1, 0x3C00;"},
    {"cvt.f32.f16 %r1, 0x3C00;"},
    {"mov.f16 %h1, 0x3C00;"},
    {"min.f16 %h1, %h2, 1;"},
    {"mul.wide.s32 %r1, %r2, %r3;"},
    {"mad.lo.s32 %r1, %r2, %r3;"},
    {"shl.b32 %r1, %r2, %d1;"},
    {"shl.b64 %d1, %d2, %d3;"},
    {"popc.b64 %d1, %d2;"},
    {"lop3.b32 %r1, %r2, %r3, %r4, %r5;"},
    {"and.pred %p1, %p2, %r1;"},
    {"fma.rn.f32 %r1, %r2, %r3;"},
    {"fma.f32 %r1, %r2, %r3, %r4;"},
    {"ex2.f32 %r1, %r2;"},
    {"div.f32 %r1, %r2, %r3;"},
    {"mov.b32 %r1, %d1;"},
    {"mov.b32 %r1, gv;"},
    {"mov.b32 %r1, 1.5;"},
    {"mov.f32 %r1, 1;"},
    {"mov.u32 %r1, 0f3F800000;"},
    {"mov.b64 %d1, 0f3F800000;"},
    {"mov.b32 %r1, !%r2;"},
    {"mov.b32 {_, _}, %r1;"},
    {"mov.b64 %d1, {%r1};"},
    {"mov.b64 %d1, {%h1, %h2, %r3};"},
    {"mov.u64 %d1, %tid.x;"},
    {"mov.b32 %r1, %clock64;"},
    {"mov.f32 %r1, %tid.x;"},
    {"mov.pred %p1, %tid.x;"},
    {"mov.u32 %r1, %tid;"},
    {"cvta.to.global.u64 %d1, gv;"},
    {"cvta.global.u64 %d1, sv;"},
    {"cvta.shared.u64 %d1, %r1;"},
    {"cvt.u32.u64 %r1, sv;"},
    {"cvt.u32.u64 %r1, %r2;"},
    {"cvt.f16.f32 %h1, %r1;"},
    {"cvt.rn.bf16x2.f32 %r1, %r2;"},
    {"cvt.s32.f32 %r1, %r2;"},
    {"setp.eq.s32 %r1, %r1, %r2;"},
    {"setp.eq.f32 %p1, %r1, 0;"},
    {"setp.lo.s32 %p1, %r1, %r2;"},
    {"setp.equ.s32 %p1, %r1, %r2;"},
    {"setp.lt.b32 %p1, %r1, %r2;"},
    {"setp.eq.and.s32 %p1, %r1, %r2;"},
    {"selp.b32 %r1, %r2, %r3;"},
    {"selp.b32 %r1, %r2, %r3, %r4;"},
    {"selp.f32 %r1, 1, 0, %p1;"},
    // Modifiers.
    {"add.foo.s32 %r1, %r2, %r3;"},
    {"add.s32.s32 %r1, %r2, %r3;"},
    {"add %r1, %r2, %r3;"},
    {"add.b32 %r1, %r2, %r3;"},
    {"add.s8 %h1, %h2, %h3;"},
    {"mul.s32 %r1, %r2, %r3;"},
    {"frob.s32 %r1, %r2;"},
    {"shr.wrap.u32 %r1, %r2, 1;"},
    {"ret 1;"},
    {"exit %r1;"},
    // Names.
    {"mov.b32 %r1, %nothing;"},
    {"mov.b32 %r1, %r2.x;"},
    {"bra nowhere;"},
    {"bra gv;"},
    {"bra %r1;"},
    {"{ L: } bra L;"},
    {"L: ret; L: ret;"},
    {"{ .reg .b32 x; } mov.b32 x, 1;"},
    {".reg .b32 %r1;"},
    {".reg .b32 L; L: ret;"},
    {"@%r1 bra L; L:"},
    {"T: .branchtargets A; bra T; A:"},
    {"T: .branchtargets A; brx.idx %d1, T; A:"},
    {"brx.idx %r1, A; A:"},
    {".shared .align 3 .b8 x[4];"},
    {".shared .b8 x[0];"},
    {".shared .b32 x = 5;"},
    {".global .pred x;"},
    // State spaces and addresses.
    {"ld.global.b32 %r1, [sv];"},
    {"ld.shared.b32 %r1, [gv];"},
    {"ld.param.b32 %r1, [gv];"},
    {"ld.global.b32 %r1, [p0];"},
    {"ld.global.b32 %r1, [%r2];"},
    {"ld.global.b32 %r1, [1024];"},
    {"ld.global.b32 %r1, %d1;"},
    {"ld.global.b64 %r1, [%d2];"},
    {"ld.global.v2.b32 {%r1, %d3}, [%d2];"},
    {"ld.global.v2.b32 {%r1, %r2, %r3}, [%d2];"},
    {"ld.global.v2.b32 %r1, [%d2];"},
    {"ld.global.v4.b64 {%d1, %d2, %d3, %d4}, [%d2];"},
    {"ld.global.v3.b32 {%r1, %r2, %r3}, [%d2];"},
    {"ld.global.cta.b32 %r1, [%d1];"},
    {"ld.relaxed.global.b32 %r1, [%d1];"},
    {"ld.shared.nc.b32 %r1, [sv];"},
    {"st.const.b32 [%d1], %r1;"},
    {"st.global.b32 [%d1], sv;"},
    {"st.shared.v2.b32 [sv], %d1;"},
    {"st.global.b32 %r1, [%d1];"},
    {"st.acquire.gpu.global.b32 [%d1], %r1;"},
    {"ld.weak.gpu.global.b32 %r1, [%d1];"},
    {"ld.release.gpu.global.b32 %r1, [%d1];"},
    {"ld.volatile.gpu.global.b32 %r1, [%d1];"},
    {"ld.nc.b32 %r1, [%d1];"},
    {"ld.volatile.nc.global.b32 %r1, [%d1];"},
    {"ld.volatile.param.b32 %r1, [p1];"},
    {"ld.const.relaxed.gpu.b32 %r1, [%d1];"},
    {"ld.global.global.b32 %r1, [%d1];"},
    {"ld.acquire.cluster.global.b32 %r1, [%d1];", "sm_80"},
    {"st.nc.global.b32 [%d1], %r1;"},
    {"st.acq_rel.gpu.global.b32 [%d1], %r1;"},
    {"atom.volatile.global.add.u32 %r1, [%d1], 1;"},
    {"red.acquire.gpu.global.add.u32 [%d1], 1;"},
    {"atom.global.add.b32 %r1, [%d1], 1;"},
    {"atom.global.min.f32 %r1, [%d1], %r2;"},
    {"atom.global.cas.b32 %r1, [%d1], %r2;"},
    {"atom.local.add.u32 %r1, [lv], 1;"},
    {"red.global.add.u32 %r1, [%d1], 1;"},
    {"red.global.exch.b32 [%d1], %r1;"},
    {"prefetch.global.L2 [sv];"},
    {"prefetch.tensormap [p0];"},
    {"fence.acq_rel;"},
    {"membar;"},
    // Warps and blocks.
    {"shfl.sync.bfly.b64 %d1, %d2, 1, 31, -1;"},
    {"shfl.sync.bfly.b32 %r1, %r2, 1, 31;"},
    {"vote.sync.ballot.b32 %r1, %r2, -1;"},
    {"match.any.sync.b32 %r1|%p1, %r2, -1;"},
    {"redux.sync.add.b32 %r1, %r2, -1;"},
    {"st.shared.v2.b32 [sv], {%r1, _};"},
    {"mapa.shared::cluster.u64 %d1, gv, %r1;"},
    {"elect.sync %r1|_, -1;"},
    {"elect.sync %r1, -1;"},
    {"elect.sync %r1|%p1, -1;", "sm_80"},
    {"bar.sync 16;"},
    {"bar.sync 0, 33;"},
    {"bar.arrive 1;"},
    {"bar.arrive 1, 33;"},
    {"bar.arrive 1, 0;"},
    {"bar.sync -1;"},
    {"barrier.cluster.arrive.aligned;", "sm_80"},
    // Copies and matrices.
    {"cp.async.ca.shared.global [gv], [sv], 4;"},
    {"cp.async.ca.shared.global [sv], [gv], 5;"},
    {"cp.async.cg.shared.global [sv], [gv], 8;"},
    {"cp.async.ca.global.shared [gv], [sv], 4;"},
    {"cp.async.wait_group %r1;"},
    {"cp.async.wait_group;"},
    {"cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [sv], [gv], 16, "
     "[gv];"},
    {"cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [gv], [gv], 16, "
     "[sv];"},
    {"cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [sv], [gv], 16;"},
    {"cp.async.bulk.commit_group;", "sm_80"},
    {"cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
     "[%r1], [%d1, {%r1}], [%r5];"},
    {"ldmatrix.sync.aligned.m8n8.x1.shared.b16 %r1, [sv];"},
    {"ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%r1}, [sv];"},
    {"ldmatrix.sync.aligned.m8n8.x3.shared.b16 {%r1, %r2, %r3}, [sv];"},
    {"ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r1}, [gv];"},
    {"ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%d1}, [sv];"},
    {"ldmatrix.aligned.m8n8.x1.shared.b16 {%r1}, [sv];"},
    {"stmatrix.sync.aligned.m8n8.x1.shared.b16 [sv], {%r1};", "sm_80"},
    {"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%r0, %r1, %r2, %r3}, {%r4, "
     "%r5, %r6}, {%r8, %r9}, {%r0, %r1, %r2, %r3};"},
    {"mma.sync.aligned.m16n8k16.row.row.f32.bf16.bf16.f32 {%r0, %r1, %r2, %r3}, {%r4, "
     "%r5, %r6, %r7}, {%r8, %r9}, {%r0, %r1, %r2, %r3};"},
    {"mma.sync.aligned.m16n8k16.row.col.f32.bf16.f16.f32 {%r0, %r1, %r2, %r3}, {%r4, %r5, "
     "%r6, %r7}, {%r8, %r9}, {%r0, %r1, %r2, %r3};"},
    {"mma.sync.aligned.m16n8k16.row.col.bf16.bf16.bf16.bf16 {%r0, %r1}, {%r4, %r5, %r6, "
     "%r7}, {%r8, %r9}, {%r0, %r1};"},
    {"mbarrier.init.shared.b64 [sv];"},
    {"mbarrier.init.shared.b64 [gv], 1;"},
    {"mbarrier.init.shared.b32 [sv], 1;"},
    {"mbarrier.try_wait.parity.shared.b64 %p1, [sv], %r1;", "sm_80"},
    {"mbarrier.test_wait.shared.b64 %p1, [sv], %r1;"},
    {"mbarrier.test_wait.parity.shared.b64 %p1, [sv], %d1;"},
    {"mbarrier.arrive.expect_tx.shared.b64 _, [sv];"},
    {"mbarrier.arrive.release.cluster.shared::cluster.b64 %d1, [%r1];"},
    {"wgmma.fence.sync.aligned;", "sm_90"},
    {"wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%r0, %r1, %r2}, %d1, %d2, %p1, "
     "1, 1, 0, 0;"},
    {"wgmma.mma_async.sync.aligned.m64n12k16.f32.bf16.bf16 {%r0, %r1, %r2, %r3, %r4, "
     "%r5}, %d1, %d2, %p1, 1, 1, 0, 0;"},
    {"wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%r0, %r1, %r2, %r3}, %d1, %d2, "
     "%p1, 2, 1, 0, 0;"},
    {"wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%r0, %r1, %r2, %r3}, %d1, %d2, "
     "%p1, 1, 1, 0;"},
    {"wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%r0, %r1, %r2, %r3}, %r1, %d2, "
     "%p1, 1, 1, 0, 0;"},
    {"wgmma.mma_async.m64n8k16.f32.bf16.bf16 {%r0, %r1, %r2, %r3}, %d1, %d2, %p1, 1, 1, "
     "0, 0;"},
    {"setmaxnreg.inc.sync.aligned.u32 100;"},
    {"setmaxnreg.inc.sync.aligned.u32 264;"},
    {"fence.proxy.async;", "sm_80"},
    {"mapa.u64 %d1, %d2, 1;", "sm_80"},
    {"griddepcontrol.wait;", "sm_80"},
    {"fence.acq_rel.cluster;", "sm_80"},
};

/// Also bad; ptxas reads no further behind one of these.
inline const char *const badTexts[] = {
    "add.s32 _, %r1, %r2;",
    "mov.b32 _, %r1;",
    "mov.b32 %r1, _;",
    ".reg .bf16 x;",
    "@%p1;",
    "brx.idx %r1, T; T: .branchtargets A; A:",
    "add.s32 %r1, %r2, 3",
    "add.s32 %r1, , 3;",
    "add.s32 %r1, %r2, 3u;",
    "add.s32 %r1, %r2, 08;",
    "add.s32 %r1 %r2, 3;",
    "ld.global.b32 %r1, [%d1;",
    "ld.global.b32 %r1, [%d1-4];",
    "{ ret;",
    "ret; }",
    ".global .b32 x[2] = {5, 6, 7};",
    ".global .f32 x = 1;",
    "ld.global.b32 _, [%d2];",
    "shfl.sync.idx.b32 _|%p1, %r2, 1, 31, -1;",
    "vote.sync.any.pred _, %p1, -1;",
    "match.any.sync.b32 _, %r2, -1;",
    "activemask.b32 _;",
    "and.pred _, %p1, %p2;",
    "mov.pred _, %p1;",
    "isspacep.shared _, %d1;",
    "bar.red.and.pred _, 0, %p2;",
    "bar.red.popc.u32 _, 0, %p1;",
    "mbarrier.test_wait.shared.b64 _, [sv], %d1;",
    "setp.eq.s32 _|_, %r1, %r2;",
    ("cp.async.bulk.tensor.6d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
     "[%r1], [%d1, {%r1, %r2, %r3, %r4, %r5, %r6}], [%r5];"),
};

/// Whole modules for sm_90a, behind their .version, .target and .address_size.
inline const char *const goodModules[] = {
    ".visible .entry k(.param .u32 x) .reqntid 384 .minnctapersm 1 .maxnreg 168 { ret; }",
    ".visible .entry k() .explicitcluster .reqnctapercluster 2, 1, 1 { ret; }",
    ".entry k() .maxclusterrank 8 { ret; }",
    ".weak .entry k() .maxntid 16, 8 { ret; }",
    ".entry k { ret; }",
    ".entry k() .pragma \"nounroll\"; { ret; }",
    ".entry k(.param .u32 a, .param .u64 .ptr .global .align 1 b, .param .b8 c, "
    ".param .align 64 .b8 map[128], .param .f32 d, .param .b16 e[3]) { ret; }",
    ".file 1 \"a.mlir\", 1700000000, 4096\n.entry k() {\n.loc 1 7 3\nret;\n"
    ".loc 1 9 4, function_name L, inlined_at 1 7 3\n}\n.section .debug_str {\nL:\n.b8 1\n}",
    ".extern .func (.param .b32 r) vprintf(.param .b64 a, .param .b64 b);\n.entry k() { ret; }",
    ".visible .entry k(.param .u64 x);\n.visible .entry k(.param .u64 x) { ret; }",
    ".global .align 16 .b8 a[6] = {1, -1, 0x7f, 255}; .visible .const .u32 b[] = {1, 2, 3};\n"
    ".global .f32 c = 0f3F800000; .global .f64 d = 0d3FF0000000000000; .entry k() { ret; }",
    ".shared .v4 .f32 a, b; .shared .b32 c[3][5]; .entry k() { ret; }",
    ".extern .shared .align 16 .b8 a[]; .extern .shared .b8 b[]; .entry k() { ret; }",
};
inline const char *const badModules[] = {
    ".entry k() { ret; }\n.entry k() { ret; }",
    ".entry k() {\n ret;\n",
    ".entry k() { ret; } ;",
    ".frob",
    ".entry k() .frob { ret; }",
    ".entry k() .noreturn { ret; }",
    ".entry k() .reqntid 0 { ret; }",
    ".entry k() .reqntid 1, 1, 1, 1 { ret; }",
    ".entry k() .reqntid 32 .maxntid 32 { ret; }",
    ".entry k(.param .b8 x[40000]) { ret; }",
    ".entry k(.param .b8 x[]) { ret; }",
    ".entry k(.param .u32 x, .param .u32 x) { ret; }",
    ".entry k(.param .pred x) { ret; }",
    ".entry k(.reg .b32 x) { ret; }",
    ".entry k(.param .align 3 .b8 x[4]) { ret; }",
    ".extern .entry k() { ret; }",
    ".visible .extern .global .b32 x;",
    ".global .b32 x; .global .b32 x;",
    ".reg .b32 x;",
    ".local .b32 x;",
};

} // namespace attune::sim
