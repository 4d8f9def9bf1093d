// SPDX-License-Identifier: Apache-2.0
// A kernel as text of the attn language: its results, and all that they are made of.
//
//   Program program("column_sums");
//   program.result("out", o).result("received", overQueries(Sum, p));
//   std::cout << program.print();
#pragma once

#include <attune/attn/Expression.hpp>
#include <attune/attn/Writer.hpp>

namespace attn {

class Program {
public:
  explicit Program(std::string name) : written{std::move(name), {}, {}} {}

  /// Adds a result. In a launch results stand behind the operands, in the order in which they were added;
  /// of the operands tokens come first, then tables and numbers, each in the order in which they were made.
  Program &result(const std::string &name, const Value &value) {
    if (!value.node()->type.isVirtual())
      detail::fail("result '" + name + "': expected rows, cols or a matrix; make one of an " +
                   "expression by map, mapRows or mapCols");
    written.results.push_back({name, value.node()});
    return *this;
  }

  /// States that the tokens of an axis are a row-major grid of these sizes, so that tiles may be boxes of
  /// it. A launch checks it.
  Program &grid(const std::string &axis, const std::vector<Index> &sizes) {
    std::string text = "axis " + axis + " grid (";
    std::vector<detail::NodeRef> operands;
    for (const Index &size : sizes) {
      text += (operands.empty() ? "$" : ", $") + std::to_string(operands.size());
      operands.push_back(size.node());
    }
    written.declarations.push_back(detail::makeOperation(text + ")", {}, std::move(operands)));
    return *this;
  }
  /// States how many tokens an axis has that no operand is on.
  Program &length(const std::string &axis, const Index &size) {
    written.declarations.push_back(
        detail::makeOperation("axis " + axis + " size $0", {}, {size.node()}));
    return *this;
  }

  const std::string &name() const { return written.name; }

  /// The names of the operands, in the order of a launch.
  std::vector<std::string> operands() const { return detail::Writer(written).operandNames(); }

  /// Text of the attn language; throws std::invalid_argument where the program is none.
  std::string print() const { return detail::Writer(written).write(); }

private:
  detail::Contents written;
};

} // namespace attn
