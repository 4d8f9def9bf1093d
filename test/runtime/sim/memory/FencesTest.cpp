// SPDX-License-Identifier: Apache-2.0
// Which fences are known, and which of them let the async proxy see what was stored?
#include "test/runtime/sim/KernelRun.h"

#include <gtest/gtest.h>

using namespace attune::sim;
using namespace attune::sim::test;

static KernelOutcome run(const std::string &body) {
  KernelRun kernel{body};
  return runKernel(kernel);
}

/// All lanes store a word each, the first one sends them to global memory.
static KernelOutcome storeAndSend(const std::string &fence, const std::string &behindBarrier = "") {
  return run("mov.u64 %rd4, smem; add.u64 %rd5, %rd4, %rd3;\nst.shared.b32 [%rd5], %r0;\n" + fence +
             "\nbar.sync 0;\n" + behindBarrier +
             "\nsetp.ne.u32 %p1, %r0, 0;\n@%p1 bra end;\n"
             "cp.async.bulk.global.shared::cta.bulk_group [%rd0], [%rd4], 128;\n"
             "cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\nend:\n");
}

TEST(Fences, every_form_runs) {
  for (const char *fence :
       {"membar.cta;", "membar.gl;", "membar.sys;", "fence.sc.gpu;", "fence.acq_rel.cta;",
        "fence.acq_rel.cluster;", "fence.acquire.gpu;", "fence.release.sys;", "fence.proxy.alias;",
        "fence.proxy.async;", "fence.proxy.async.global;", "fence.proxy.async.shared::cta;",
        "fence.proxy.async.shared::cluster;", "fence.mbarrier_init.release.cluster;",
        "fence.proxy.tensormap::generic.release.gpu;",
        "fence.proxy.tensormap::generic.acquire.gpu [%rd1], 128;"})
    EXPECT_EQ(run(fence).report, "") << fence;
}

TEST(Fences, what_ptx_does_not_have_is_refused) {
  for (const char *fence : {"fence.gpu.sc;", "fence.proxy.async.local;", "membar.gpu;",
                            "fence.mbarrier_init.acquire.cluster;", "fence.proxy.texture;",
                            "fence.proxy.tensormap::generic.acquire.gpu [%rd1], 64;"})
    EXPECT_THROW(run(fence), LoadError) << fence;
  EXPECT_NO_THROW(run(""));
}

TEST(Fences, targets_without_an_async_proxy_have_no_fence_of_it) {
  KernelRun kernel{"fence.proxy.async;"};
  kernel.target = "sm_80";
  EXPECT_THROW(runKernel(kernel), LoadError);
}

TEST(Fences, the_async_proxy_sees_what_was_fenced) {
  EXPECT_EQ(storeAndSend("").kinds(), "missing proxy fence");
  EXPECT_EQ(storeAndSend("fence.proxy.async.shared::cta;").report, "");
  EXPECT_EQ(storeAndSend("fence.proxy.async;").report, "");
  EXPECT_EQ(storeAndSend("", "fence.proxy.async;").report, "") << "by who sends, behind a barrier";
  EXPECT_EQ(storeAndSend("fence.proxy.async;").output[31], 31u);
}

TEST(Fences, a_fence_of_another_kind_is_none_of_the_async_proxy) {
  EXPECT_EQ(storeAndSend("fence.proxy.async.global;").kinds(), "missing proxy fence");
  EXPECT_EQ(storeAndSend("fence.acq_rel.gpu;").kinds(), "missing proxy fence");
  EXPECT_EQ(storeAndSend("membar.sys;").kinds(), "missing proxy fence");
}
