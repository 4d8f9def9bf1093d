// SPDX-License-Identifier: Apache-2.0
// How does a C++ program write a variant of attention, compile it and run it?
//
//   using namespace attn;
//   Scalar<int64_t> w{"w"};
//   Attention kernel("window", {.headSize = 64});
//   kernel.score(softcap(30)).mask(causal() && i - j <= w);
//   attune::Device device("host");
//   attune::Kernel loaded(device, compile(kernel), "window");
//
// Header only, C++20, over the C APIs of the runtime and of the compiler (attune.h, attune_compiler.h).
// Mistakes of kinds are errors of the C++ compiler; others throw std::invalid_argument when the kernel is
// printed or compiled, and CompileError where Attune's compiler refuses it.
#pragma once

#include <attune/attn/Attention.hpp>
#include <attune/attn/Compile.hpp>
#include <attune/attn/Masks.hpp>
#include <attune/attn/Neighborhood.hpp>
#include <attune/attn/Normalisers.hpp>
#include <attune/attn/Scores.hpp>
#include <attune/attn/Vectors.hpp>
