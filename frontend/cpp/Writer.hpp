// SPDX-License-Identifier: Apache-2.0
// From nodes to text of the attn language. Each node becomes one value, and so do equal lines.
#pragma once

#include <attune/attn/Node.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace attn::detail {

/// What a kernel is made of.
struct Contents {
  std::string name;
  std::vector<std::pair<std::string, NodeRef>> results;
  /// Lines about axes.
  std::vector<NodeRef> declarations;
};

class Writer {
public:
  explicit Writer(const Contents &contents) : contents(contents) {
    for (const auto &[name, value] : contents.results)
      collect(value);
    for (const NodeRef &declaration : contents.declarations)
      collect(declaration);
    std::sort(operands.begin(), operands.end(),
              [](const NodeRef &x, const NodeRef &y) { return x->order < y->order; });
    for (const NodeRef &operand : operands)
      if (!operandSet.insert(operand->text).second)
        fail("kernel '" + contents.name + "': two operands are called '" + operand->text +
             "'; make one and use it in both places, or name them apart");
  }

  std::vector<std::string> operandNames() const {
    std::vector<std::string> names;
    for (const NodeRef &operand : operands)
      names.push_back(operand->text);
    return names;
  }

  std::string write() {
    if (contents.results.empty())
      fail("kernel '" + contents.name + "': expected at least one result");
    for (const NodeRef &declaration : contents.declarations)
      body += "  " + fill(*declaration, kernelNames(*declaration)) + "\n";
    std::string values, types, signature;
    for (const auto &[name, value] : contents.results) {
      const char *comma = values.empty() ? "" : ", ";
      values += comma + kernelValue(value);
      types += comma + value->type.text();
      signature += comma + value->type.text() + " {attn.name = \"" + name + "\"}";
    }
    std::string text;
    for (const NodeRef &operand : operands)
      text += (text.empty() ? "\n    %" : ",\n    %") + operand->text + ": " +
              operand->type.text() + (operand->facts.empty() ? "" : " {" + operand->facts + "}");
    return "attn.kernel @" + contents.name + "(" + text + ")\n    -> (" + signature + ") {\n" +
           body + "  return " + values + " : " + types + "\n}\n";
  }

private:
  /// The region of an operation while it is written: what it binds, and its lines.
  struct Region {
    Type::Form place;
    std::vector<std::pair<std::string, NodeRef>> bound;
    std::map<const Node *, std::string> names;
    std::map<std::string, std::string> lines;
    std::string text;
  };

  void collect(const NodeRef &node) {
    if (!seen.insert(node.get()).second)
      return;
    if (node->kind == Node::Kind::Operand)
      operands.push_back(node);
    for (const NodeRef &operand : node->operands)
      collect(operand);
    if (node->region)
      collect(node->region);
  }

  /// What a line begins with; names its value.
  std::string define(const Node &node, std::string &name) {
    name = fresh();
    return name + (node.results > 1 ? ":" + std::to_string(node.results) : "") + " = ";
  }

  std::string fresh() { return "%" + std::to_string(count++); }

  /// The name of a position; operands' names come first.
  std::string placeName(const std::string &letter) const {
    std::string name = letter;
    while (operandSet.count(name))
      name += "_";
    return "%" + name;
  }

  static std::string indicesOf(Type::Form place) {
    return place == Type::Form::Matrix ? "bhij" : place == Type::Form::Rows ? "bhi" : "bhj";
  }

  /// The line of `node`, with the names of its operands and what `special` says of other letters.
  static std::string fill(const Node &node, const std::vector<std::string> &names,
                          const std::map<char, std::string> &special = {}) {
    std::string line;
    for (size_t place = 0; place < node.text.size(); ++place) {
      char sign = node.text[place], next = place + 1 < node.text.size() ? node.text[place + 1] : 0;
      bool isNumber = next >= '0' && next <= '9', isSpecial = special.count(next) != 0;
      if (sign == '$' && (isNumber || isSpecial))
        line += isNumber ? names[size_t(next - '0')] : special.at(next);
      else if (sign == '#' && (isNumber || next == 'r'))
        line += isNumber ? node.operands[size_t(next - '0')]->type.text() : node.type.text();
      else {
        line += sign;
        continue;
      }
      ++place;
    }
    return line;
  }

  std::vector<std::string> kernelNames(const Node &node) {
    std::vector<std::string> names;
    for (const NodeRef &operand : node.operands)
      names.push_back(kernelValue(operand));
    return names;
  }

  /// The name of a value of the kernel, or of a number that all places share; written where it is new.
  std::string kernelValue(const NodeRef &node) {
    if (node->kind == Node::Kind::Operand)
      return "%" + node->text;
    if (node->kind == Node::Kind::Result)
      return kernelValue(node->operands[0]) + "#" + std::to_string(node->result);
    if (node->kind == Node::Kind::Placeholder)
      fail("'score' stands for the scores of an Attention; in a Program name the matrix itself");
    if (node->kind == Node::Kind::Position)
      fail("expected a number that is one for all queries and keys, but got an expression of '" +
           node->text + "'");
    if (auto known = values.find(node.get()); known != values.end())
      return known->second;
    std::vector<std::string> names = kernelNames(*node);
    std::string line = node->region ? writeRegion(*node, names) : fill(*node, names);
    auto [common, isNew] = lines.try_emplace(line, "");
    if (isNew)
      body += "  " + define(*node, common->second) + line + "\n";
    return values[node.get()] = common->second;
  }

  std::string writeRegion(const Node &node, const std::vector<std::string> &names) {
    Region region{node.place, {}, {}, {}, ""};
    for (size_t number = node.firstBound; number < node.operands.size(); ++number)
      regionValue(node.operands[number], region);
    std::string yielded = regionValue(node.region, region);
    std::string bindings, types, indices;
    for (const auto &[name, value] : region.bound) {
      bindings += (bindings.empty() ? "" : ", ") + name + " = " + kernelValue(value);
      types += (types.empty() ? "" : ", ") + value->type.text();
    }
    for (char letter : indicesOf(node.place))
      indices += (indices.empty() ? "" : ", ") + placeName(std::string(1, letter));
    std::map<char, std::string> special = {{'B', "(" + bindings + ")"},
                                           {'T', "(" + types + ")"},
                                           {'I', "(" + indices + ")"},
                                           {'t', placeName("t")}};
    const Type &type = node.region->type;
    return fill(node, names, special) + " {\n" + region.text + "    yield " + yielded + " : " +
           type.element + "\n  }";
  }

  /// The name in a region of what an expression is there.
  std::string regionValue(const NodeRef &node, Region &region) {
    if (node->kind == Node::Kind::Operand && !node->type.isVirtual())
      return "%" + node->text;
    if (node->kind == Node::Kind::Placeholder)
      return kernelValue(node); // says why not
    if (auto known = region.names.find(node.get()); known != region.names.end())
      return known->second;
    std::string name;
    if (node->kind == Node::Kind::Position)
      name = positionName(*node, region);
    else if (node->kind == Node::Kind::Result && !node->type.isVirtual())
      name = regionValue(node->operands[0], region) + "#" + std::to_string(node->result);
    else if (node->type.isVirtual())
      region.bound.push_back({name = fresh(), node});
    else
      name = regionLine(*node, region);
    return region.names[node.get()] = name;
  }

  std::string positionName(const Node &node, const Region &region) const {
    if (node.text != "t" && indicesOf(region.place).find(node.text) == std::string::npos)
      fail(region.place == Type::Form::Rows
               ? "a value of queries cannot depend on j, the key; reduce over the keys first"
               : "a value of keys cannot depend on i, the query; reduce over the queries first");
    return placeName(node.text);
  }

  std::string regionLine(const Node &node, Region &region) {
    std::vector<std::string> names;
    for (const NodeRef &operand : node.operands)
      names.push_back(regionValue(operand, region));
    std::string line = fill(node, names);
    auto [common, isNew] = region.lines.try_emplace(line, "");
    if (isNew)
      region.text += "    " + define(node, common->second) + line + "\n";
    return common->second;
  }

  const Contents &contents;
  std::vector<NodeRef> operands;
  std::set<std::string> operandSet;
  std::set<const Node *> seen;
  std::map<const Node *, std::string> values;
  std::map<std::string, std::string> lines;
  std::string body;
  unsigned count = 0;
};

} // namespace attn::detail
