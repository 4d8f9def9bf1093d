// SPDX-License-Identifier: Apache-2.0
// Kernels that write tokens number by number, and what they compute: x [b, h, n, c] of any number type,
// o of the same tokens.
#ifndef ATTUNE_TEST_COMPILER_TARGET_ELEMENTSTEXT_H
#define ATTUNE_TEST_COMPILER_TARGET_ELEMENTSTEXT_H

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>

namespace attune::test {

/// x at (token, component) of one batch and head; 0 out of range.
using ReadNumber = std::function<double(int64_t, int64_t)>;

struct ElementsKernel {
  const char *name;
  /// The type of the result's numbers; null: that of x.
  const char *result;
  /// One number for each token, in a result of rank 3.
  bool hasScalars;
  /// The region, whose arguments are %n and %c, up to %y: the number in `result`, or in f32. {number}
  /// makes an f32 %f of an %x. %C is the number of components of x, %s a scalar.
  const char *body;
  double (*expected)(const ReadNumber &x, int64_t n, int64_t c, int64_t components, double scalar);
};

inline const ElementsKernel elementsKernels[] = {
    {"scale", nullptr, false, R"(
    %x = tile.read %in[%b, %h, %n, %c] : !x -> {type}
    {number}
    %y = arith.mulf %f, %s : f32
)",
     [](const ReadNumber &x, int64_t n, int64_t c, int64_t, double s) { return x(n, c) * s; }},

    // Neighbours on both sides of halves, found on 64 and on 32 bits; math of lanes and of tokens alone.
    {"rotate", nullptr, false, R"(
    %two = arith.constant 2 : index
    %half = arith.divui %C, %two : index
    %right = arith.addi %c, %half : index
    %narrow = arith.index_cast %c : index to i32
    %shift = arith.index_cast %half : index to i32
    %before = arith.subi %narrow, %shift : i32
    %left = arith.index_cast %before : i32 to index
    %a = tile.read %in[%b, %h, %n, %c] : !x -> {type}
    %p = tile.read %in[%b, %h, %n, %right] : !x -> {type}
    %q = tile.read %in[%b, %h, %n, %left] : !x -> {type}
    %isFirst = arith.cmpi slt, %c, %half : index
    %partner = arith.select %isFirst, %p, %q : {type}
    %rest = arith.remui %c, %half : index
    %restNumber = arith.index_cast %rest : index to i32
    %power = arith.uitofp %restNumber : i32 to f32
    %base = arith.constant 0.75 : f32
    %frequency = math.powf %base, %power : f32
    %token = arith.index_cast %n : index to i32
    %time = arith.uitofp %token : i32 to f32
    %angle = arith.mulf %time, %frequency : f32
    %cos = math.cos %angle : f32
    %sin = math.sin %angle : f32
    %minus = arith.negf %sin : f32
    %sign = arith.select %isFirst, %minus, %sin : f32
    %u = {widen} %a {widened}
    %v = {widen} %partner {widened}
    %r0 = arith.mulf %u, %cos : f32
    %r1 = arith.mulf %v, %sign : f32
    %y = arith.addf %r0, %r1 : f32
)",
     [](const ReadNumber &x, int64_t n, int64_t c, int64_t components, double) {
       int64_t half = components / 2;
       double angle = n * std::pow(0.75, c % half);
       return c < half ? x(n, c) * std::cos(angle) - x(n, c + half) * std::sin(angle)
                       : x(n, c) * std::cos(angle) + x(n, c - half) * std::sin(angle);
     }},

    // Lanes that are no neighbours.
    {"swap", nullptr, false, R"(
    %one = arith.constant 1 : index
    %last = arith.subi %C, %one : index
    %mirror = arith.subi %last, %c : index
    %x = tile.read %in[%b, %h, %n, %mirror] : !x -> {type}
    {number}
    %y = arith.addf %f, %s : f32
)",
     [](const ReadNumber &x, int64_t n, int64_t c, int64_t components, double s) {
       return x(n, components - 1 - c) + s;
     }},

    {"norm", "f32", true, R"(
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    %none = arith.constant 0.0 : f32
    %sum = scf.for %k = %zero to %C step %one iter_args(%before = %none) -> f32 {
      %x = tile.read %in[%b, %h, %n, %k] : !x -> {type}
      {number}
      %square = arith.mulf %f, %f : f32
      %after = arith.addf %before, %square : f32
      scf.yield %after : f32
    }
    %y = math.sqrt %sum : f32
)",
     [](const ReadNumber &x, int64_t n, int64_t, int64_t components, double) {
       double sum = 0;
       for (int64_t k = 0; k < components; ++k)
         sum += x(n, k) * x(n, k);
       return std::sqrt(sum);
     }},

    // A loop of a token alone, and what differs after it.
    {"normalize", nullptr, false, R"(
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    %start = arith.constant 1.0 : f32
    %sum = scf.for %k = %zero to %C step %one iter_args(%before = %start) -> f32 {
      %x = tile.read %in[%b, %h, %n, %k] : !x -> {type}
      {number}
      %size = math.absf %f : f32
      %after = arith.addf %before, %size : f32
      scf.yield %after : f32
    }
    %x = tile.read %in[%b, %h, %n, %c] : !x -> {type}
    {number}
    %y = arith.divf %f, %sum : f32
)",
     [](const ReadNumber &x, int64_t n, int64_t c, int64_t components, double) {
       double sum = 1;
       for (int64_t k = 0; k < components; ++k)
         sum += std::abs(x(n, k));
       return x(n, c) / sum;
     }},

    // The loop carries lanes, which become such in its first iteration, and a token, which all share.
    {"convolve", nullptr, false, R"(
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    %three = arith.constant 3 : index
    %none = arith.constant 0.0 : f32
    %r:2 = scf.for %j = %zero to %three step %one iter_args(%before = %none, %at = %n) -> (f32, index) {
      %x = tile.read %in[%b, %h, %at, %c] : !x -> {type}
      {number}
      %after = arith.addf %before, %f : f32
      %next = arith.subi %at, %one : index
      scf.yield %after, %next : f32, index
    }
    %y = arith.addf %r#0, %none : f32
)",
     [](const ReadNumber &x, int64_t n, int64_t c, int64_t, double) {
       return x(n, c) + x(n - 1, c) + x(n - 2, c);
     }},

    // Each lane's loop ends elsewhere.
    {"prefix", "f32", false, R"(
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    %end = arith.addi %c, %one : index
    %none = arith.constant 0.0 : f32
    %y = scf.for %k = %zero to %end step %one iter_args(%before = %none) -> f32 {
      %x = tile.read %in[%b, %h, %n, %k] : !x -> {type}
      {number}
      %after = arith.addf %before, %f : f32
      scf.yield %after : f32
    }
)",
     [](const ReadNumber &x, int64_t n, int64_t c, int64_t, double) {
       double sum = 0;
       for (int64_t k = 0; k <= c; ++k)
         sum += x(n, k);
       return sum;
     }},

    {"columns", "f32", true, R"(
    %zero = arith.constant 0 : index
    %one = arith.constant 1 : index
    %end = arith.addi %n, %one : index
    %none = arith.constant 0.0 : f32
    %y = scf.for %k = %zero to %end step %one iter_args(%before = %none) -> f32 {
      %x = tile.read %in[%b, %h, %k, %c] : !x -> {type}
      {number}
      %after = arith.addf %before, %f : f32
      scf.yield %after : f32
    }
)",
     [](const ReadNumber &x, int64_t n, int64_t, int64_t, double) {
       double sum = 0;
       for (int64_t k = 0; k <= n; ++k)
         sum += x(k, 0);
       return sum;
     }},

    {"numbers", "i32", false, R"(
    %hundred = arith.constant 100 : i32
    %row = arith.index_cast %n : index to i32
    %column = arith.index_cast %c : index to i32
    %scaled = arith.muli %row, %hundred : i32
    %y = arith.addi %scaled, %column : i32
)",
     [](const ReadNumber &, int64_t n, int64_t c, int64_t, double) { return double(100 * n + c); }},

    {"wide", "i64", true, R"(
    %million = arith.constant 1000000000000 : i64
    %row = arith.index_cast %n : index to i64
    %y = arith.muli %row, %million : i64
)",
     [](const ReadNumber &, int64_t n, int64_t, int64_t, double) { return double(n) * 1e12; }},

    {"flags", "i1", false, R"(
    %x = tile.read %in[%b, %h, %n, %c] : !x -> {type}
    {number}
    %none = arith.constant 0.0 : f32
    %y = arith.cmpf ogt, %f, %none : f32
)",
     [](const ReadNumber &x, int64_t n, int64_t c, int64_t, double) {
       return x(n, c) > 0 ? 1.0 : 0.0;
     }},
};

inline std::string replaceAll(std::string text, const std::string &key, const std::string &value) {
  for (size_t at = 0; (at = text.find(key, at)) != std::string::npos; at += value.size())
    text.replace(at, key.size(), value);
  return text;
}

struct ElementsShape {
  /// Of x.
  std::string type = "f32";
  /// Components, as a dimension of the types: a number or "?".
  std::string components = "?";
  int64_t queries = 32, threads = 64;
  /// Strides between components, as part of a type: "1" or "?".
  std::string step = "1";
};

inline std::string elementsText(const ElementsKernel &kernel, const ElementsShape &shape) {
  bool isNarrow = shape.type != "f32", isFloat = !kernel.result;
  std::string result = kernel.result ? kernel.result : shape.type;
  std::string text = R"(
!x = memref<?x?x?x{components}x{type}, strided<[?, ?, ?, {step}]>>
!o = memref<{target}>
tile.kernel @{name}(%in: !x {tile.name = "x"}, %s: f32 {tile.name = "s"}, %out: !o {tile.name = "o"})
    attributes {config = #tile.config<queries = {queries}, keys = 16, threads = {threads}, stages = 1>, result_count = 1 : i64} {
  %b, %h, %first = tile.coordinates
  %dim = arith.constant 3 : index
  %C = memref.dim %in, %dim : !x
  tile.elements %out[%b, %h, %first] {
  ^bb0(%n: index, %c: index):{body}{narrow}
    tile.yield %z : {result}
  } : !o
  tile.return
}
)";
  text = replaceAll(text, "{body}", kernel.body);
  text = replaceAll(text, "{narrow}",
                    isFloat && isNarrow ? "    %z = arith.truncf %y : f32 to {type}"
                                        : "    %true = arith.constant true\n"
                                          "    %z = arith.select %true, %y, %y : {result}");
  text = replaceAll(text, "{number}", "%f = {widen} %x {widened}");
  text = replaceAll(text, "{widen}", isNarrow ? "arith.extf" : "arith.negf");
  text = replaceAll(text, "{widened}", isNarrow ? ": {type} to f32" : ": f32");
  text = replaceAll(text, "{target}",
                    kernel.hasScalars ? "?x?x?x{result}, strided<[?, ?, ?]>"
                                      : "?x?x?x{components}x{result}, strided<[?, ?, ?, {step}]>");
  text = replaceAll(text, "{result}", result);
  text = replaceAll(text, "{type}", shape.type);
  text = replaceAll(text, "{components}", shape.components);
  text = replaceAll(text, "{step}", shape.step);
  text = replaceAll(text, "{queries}", std::to_string(shape.queries));
  text = replaceAll(text, "{threads}", std::to_string(shape.threads));
  return replaceAll(text, "{name}", kernel.name);
}

/// Numbers of f32 are negated as they are read, where narrow ones are widened.
inline double signOf(const ElementsShape &shape) { return shape.type == "f32" ? -1 : 1; }

} // namespace attune::test

#endif // ATTUNE_TEST_COMPILER_TARGET_ELEMENTSTEXT_H
