// SPDX-License-Identifier: Apache-2.0
// Do plans of programs that nobody thought of compute what the programs mean? Random chains of maps and
// reductions against the reference.
#include "test/compiler/analysis/PlanExecutor.h"
#include "test/compiler/analysis/Planning.h"
#include <cmath>
#include <gtest/gtest.h>

namespace attune::test {
namespace {

/// Writes a random kernel: a few maps of scores and of rows, reductions between them, two results.
class ProgramWriter {
public:
  explicit ProgramWriter(uint64_t seed) : generator(seed) {}

  std::string write() {
    text =
        R"(attn.kernel @test(%q: !q, %k: !k, %v: !k, %u: !k, %z: !r, %g: !c, %slope: tensor<?xf32>,
    %w: index) -> (!q, !r) {
  %m0 = dot %q, %k scale 0.5 : !q, !k
  %m1 = where %m0 in affine_set<(b, h, i, j)[w] : (j <= i - 2, i - j <= w)>[%w] : !s
)";
    rows = {"z"};
    for (int steps = 3 + pick(5); steps > 0; --steps)
      step();
    std::string last = reduce(matrices.back());
    text += "  %o = contract %" + matrices.back() + ", %v : !s, !k -> !q\n  return %o, %" + last +
            " : !q, !r\n}\n";
    return text;
  }

private:
  int pick(int count) { return int(generator() % uint64_t(count)); }
  std::string matrix() { return matrices[size_t(pick(int(matrices.size())))]; }
  std::string row() { return rows[size_t(pick(int(rows.size())))]; }

  void step() {
    switch (pick(10)) {
    case 0:
    case 1: return mapOne(matrix());
    case 2:
    case 3: return mapTwo(matrix(), row(), "!r");
    case 4: return mapTwo(matrix(), matrix(), "!s");
    case 5: return mapRows(row(), row());
    case 6: return softmax(matrix());
    case 7: return hide(matrix(), row());
    default: reduce(matrix());
    }
  }

  void define(const std::string &header, const std::string &body) {
    text += "  %" + newMatrix() + " = map (" + header + " -> !s {\n    " + body +
            "\n    yield %out : f32\n  }\n";
  }

  void mapOne(const std::string &x) {
    static const char *bodies[] = {
        "%out = math.exp %x : f32",
        "%out = math.tanh %x : f32",
        "%out = math.cos %x : f32",
        "%out = math.absf %x : f32",
        "%out = arith.negf %x : f32",
        "%out = arith.mulf %x, %x : f32",
        "%c0 = arith.constant 0.0 : f32   %out = arith.maximumf %x, %c0 : f32",
        "%a = math.absf %x : f32   %n = arith.negf %a : f32   %out = math.exp %n : f32",
        R"(%a = math.absf %x : f32   %c1 = arith.constant 1.0 : f32
    %n = arith.addf %a, %c1 : f32   %out = math.log %n : f32)",
    };
    define("%x = %" + x + ") : (!s)", bodies[pick(std::size(bodies))]);
  }

  void mapTwo(const std::string &x, const std::string &y, const std::string &type) {
    static const char *bodies[] = {
        "%out = arith.addf %x, %y : f32",
        "%out = arith.subf %x, %y : f32",
        "%out = arith.mulf %x, %y : f32",
        "%d = arith.subf %x, %y : f32   %out = math.exp %d : f32",
        R"(%a = math.absf %y : f32   %c1 = arith.constant 1.0 : f32
    %d = arith.addf %a, %c1 : f32   %out = arith.divf %x, %d : f32)",
        "%out = arith.maximumf %x, %y : f32",
        "%out = arith.divf %x, %y : f32",
    };
    define("%x = %" + x + ", %y = %" + y + ") : (!s, " + type + ")",
           bodies[pick(std::size(bodies))]);
  }

  std::string newMatrix() {
    matrices.push_back("m" + std::to_string(matrices.size()));
    return matrices.back();
  }

  void softmax(const std::string &x) {
    text += "  %" + newMatrix() + " = softmax %" + x + " : !s\n";
  }

  void hide(const std::string &x, const std::string &y) {
    text += "  %" + newMatrix() + " = where (%x = %" + x + ", %y = %" + y +
            ") : (!s, !r) {\n    %keep = arith.cmpf ogt, %x, %y : f32\n    yield %keep : i1\n  }\n";
  }

  void mapRows(const std::string &x, const std::string &y) {
    static const char *bodies[] = {
        "%out = arith.addf %x, %y : f32",     "%out = arith.mulf %x, %y : f32",
        "%out = arith.divf %x, %y : f32",     "%out = math.exp %x : f32",
        "%out = arith.maximumf %x, %y : f32", "%out = math.sin %y : f32"};
    std::string name = "r" + std::to_string(rows.size());
    text += "  %" + name + " = map (%x = %" + x + ", %y = %" + y + ") : (!r, !r) -> !r {\n    " +
            bodies[pick(std::size(bodies))] + "\n    yield %out : f32\n  }\n";
    rows.push_back(name);
  }

  std::string reduce(const std::string &x) {
    static const char *kinds[] = {"sum", "max", "min", "mean", "sum"};
    std::string name = "r" + std::to_string(rows.size());
    text += "  %" + name + " = reduce " + kinds[pick(std::size(kinds))] + " %" + x +
            " over keys : !s\n";
    rows.push_back(name);
    return name;
  }

  std::mt19937_64 generator;
  std::string text;
  std::vector<std::string> matrices = {"m0", "m1"}, rows;
};

/// The largest size of an exact result; infinite if one is not finite.
double sizeOf(const std::vector<Tensor> &tensors) {
  double size = 0;
  for (const Tensor &tensor : tensors)
    for (int64_t i = 0, end = tensor.numElements(); i < end; ++i)
      size = std::isfinite(tensor.real(i)) ? std::max(size, std::fabs(tensor.real(i))) : INFINITY;
  return size;
}

TEST(SweepFuzz, RandomProgramsComputeWhatTheyMean) {
  int compared = 0;
  std::map<size_t, int> bySweeps;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    std::string text = ProgramWriter(seed).write();
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text);
    Planned planned(text);
    ++bySweeps[planned.plan.sweeps.size()];
    std::mt19937_64 generator(seed);
    std::vector<Argument> arguments = operands(generator, 7, 9, 0);
    auto exact = reference::evaluate(planned.kernel(), arguments);
    ASSERT_TRUE(bool(exact)) << llvm::toString(exact.takeError());
    // What overflows as written, or divides 0 by 0 on an empty row, has no value to compare with.
    if (!(sizeOf(*exact) < 1e6))
      continue;
    std::vector<Tensor> found = execute(planned.plan, arguments, {&generator});
    for (size_t result = 0; result < found.size(); ++result) {
      SCOPED_TRACE("result " + std::to_string(result) + "\n" + explain(planned.plan));
      expectClose(found[result], (*exact)[result], 1e-9);
      if (HasFatalFailure())
        return;
    }
    ++compared;
  }
  RecordProperty("compared", compared);
  EXPECT_GT(compared, 200);
  EXPECT_GT(bySweeps[1], 50);
  EXPECT_GT(bySweeps[2], 50);
}

} // namespace
} // namespace attune::test
