// SPDX-License-Identifier: Apache-2.0
#include "test/compiler/mask/MaskExpression.h"
#include <algorithm>
#include <set>

namespace attune::mask::test {

using Operation = MaskOperation;

Mask::Mask(MaskOperation operation, std::vector<Mask> operands, std::string name, bool isSorted)
    : node(std::make_shared<MaskNode>()) {
  node->operation = operation;
  node->name = std::move(name);
  node->isSorted = isSorted;
  for (const Mask &operand : operands)
    node->operands.push_back(operand.node);
}

Mask query() { return {Operation::Query, {}}; }
Mask key() { return {Operation::Key, {}}; }
Mask queries() { return {Operation::Queries, {}}; }
Mask keys() { return {Operation::Keys, {}}; }
Mask scalar(const std::string &name) { return {Operation::Scalar, {}, name}; }
Mask entry(const std::string &table, Mask index, bool isSorted) {
  return {Operation::Entry, {index}, table, isSorted};
}
Mask flag(const std::string &table, Mask index) { return {Operation::Flag, {index}, table}; }
Mask operator+(Mask a, Mask b) { return {Operation::Add, {a, b}}; }
Mask operator-(Mask a, Mask b) { return {Operation::Subtract, {a, b}}; }
Mask operator*(Mask a, Mask b) { return {Operation::Multiply, {a, b}}; }
Mask operator/(Mask a, Mask b) { return {Operation::Divide, {a, b}}; }
Mask operator%(Mask a, Mask b) { return {Operation::Modulo, {a, b}}; }
Mask min(Mask a, Mask b) { return {Operation::Minimum, {a, b}}; }
Mask max(Mask a, Mask b) { return {Operation::Maximum, {a, b}}; }
Mask magnitude(Mask a) { return max(a, Mask(0) - a); }
Mask choose(Mask condition, Mask a, Mask b) { return {Operation::Choose, {condition, a, b}}; }
Mask operator<=(Mask a, Mask b) { return {Operation::AtMost, {a, b}}; }
Mask operator<(Mask a, Mask b) { return {Operation::Less, {a, b}}; }
Mask operator>=(Mask a, Mask b) { return b <= a; }
Mask operator>(Mask a, Mask b) { return b < a; }
Mask operator==(Mask a, Mask b) { return {Operation::Equal, {a, b}}; }
Mask operator!=(Mask a, Mask b) { return {Operation::Differ, {a, b}}; }
Mask operator&(Mask a, Mask b) { return {Operation::And, {a, b}}; }
Mask operator|(Mask a, Mask b) { return {Operation::Or, {a, b}}; }
Mask operator^(Mask a, Mask b) { return {Operation::Xor, {a, b}}; }
Mask operator!(Mask a) { return {Operation::Not, {a}}; }

namespace {

int64_t floorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

bool isTruth(const MaskNode &node) {
  return node.operation >= Operation::AtMost || node.operation == Operation::Flag;
}

//===--- text ---------------------------------------------------------------------------------===//

class Printer {
public:
  MaskText run(const Mask &mask) {
    std::string result = print(mask.shared()), parameters;
    for (const auto &[name, type] : operands)
      parameters += (parameters.empty() ? "%" : ", %") + operandName(name) + ": " + type;
    return {parameters, body + "    yield " + result + " : i1"};
  }

private:
  std::string line(const std::string &text) {
    auto [place, isNew] = lines.try_emplace(text, "%line" + std::to_string(lines.size()));
    if (isNew)
      body += "    " + place->second + " = " + text + "\n";
    return place->second;
  }

  std::string print(const std::shared_ptr<const MaskNode> &node) {
    auto found = printed.find(node.get());
    if (found == printed.end())
      found = printed.emplace(node.get(), write(*node)).first;
    return found->second;
  }

  std::string load(const MaskNode &node, const std::string &type) {
    operands[node.name] = "tensor<?x" + type + ">" + (node.isSorted ? " {attn.sorted}" : "");
    return line("load %" + operandName(node.name) + "[" + print(node.operands[0]) +
                "] : tensor<?x" + type + ">");
  }

  std::string divide(const MaskNode &node, const std::string &operation) {
    return line("affine.apply affine_map<(d0)[s0] -> (d0 " + operation + " s0)>(" +
                print(node.operands[0]) + ")[" + print(node.operands[1]) + "]");
  }

  std::string write(const MaskNode &node) {
    auto binary = [&](const std::string &name, const std::string &type = "index") {
      return line(name + " " + print(node.operands[0]) + ", " + print(node.operands[1]) + " : " +
                  type);
    };
    bool onTruths = !node.operands.empty() && isTruth(*node.operands[0]);
    std::string kind = onTruths ? "i1" : "index";
    switch (node.operation) {
    case Operation::Query: return "%i";
    case Operation::Key: return "%j";
    case Operation::Queries: return line("attn.size q of %b");
    case Operation::Keys: return line("attn.size k of %b");
    case Operation::Number:
      return line("arith.constant " + std::to_string(node.number) + " : index");
    case Operation::Scalar: operands[node.name] = "index"; return "%" + operandName(node.name);
    case Operation::Entry: return line("arith.index_cast " + load(node, "i32") + " : i32 to index");
    case Operation::Flag: return load(node, "i1");
    case Operation::Add: return binary("arith.addi");
    case Operation::Subtract: return binary("arith.subi");
    case Operation::Multiply: return binary("arith.muli");
    case Operation::Divide: return divide(node, "floordiv");
    case Operation::Modulo: return divide(node, "mod");
    case Operation::Minimum: return binary("arith.minsi");
    case Operation::Maximum: return binary("arith.maxsi");
    case Operation::BitAnd: return binary("arith.andi");
    case Operation::BitOr: return binary("arith.ori");
    case Operation::BitXor: return binary("arith.xori");
    case Operation::Choose:
      return line("arith.select " + print(node.operands[0]) + ", " + print(node.operands[1]) +
                  ", " + print(node.operands[2]) + " : index");
    case Operation::AtMost: return binary("arith.cmpi sle,");
    case Operation::Less: return binary("arith.cmpi slt,");
    case Operation::Equal: return binary("arith.cmpi eq,", kind);
    case Operation::Differ: return binary("arith.cmpi ne,", kind);
    case Operation::And: return binary("arith.andi", "i1");
    case Operation::Or: return binary("arith.ori", "i1");
    case Operation::Xor: return binary("arith.xori", "i1");
    case Operation::Not:
      return line("arith.xori " + print(node.operands[0]) + ", " + line("arith.constant true") +
                  " : i1");
    }
    return "";
  }

  std::string body;
  std::map<std::string, std::string> lines, operands;
  std::map<const MaskNode *, std::string> printed;
};

//===--- numbers ------------------------------------------------------------------------------===//

/// Values at one query and all keys.
class RowEvaluator {
public:
  RowEvaluator(const MaskNumbers &numbers) : numbers(numbers) {}

  using Row = std::vector<int64_t>;

  const Row &evaluate(const MaskNode &node, int64_t query) {
    auto &[stamp, row] = rows[&node];
    if (stamp == query + 1 || (stamp > 0 && !dependsOnQuery(node)))
      return row;
    stamp = query + 1;
    Row result(numbers.keys);
    compute(node, query, result);
    return rows[&node].second = std::move(result);
  }

private:
  bool dependsOnQuery(const MaskNode &node) {
    auto found = onQuery.find(&node);
    if (found != onQuery.end())
      return found->second;
    bool result = node.operation == Operation::Query;
    for (const auto &operand : node.operands)
      result |= dependsOnQuery(*operand);
    return onQuery[&node] = result;
  }

  void compute(const MaskNode &node, int64_t query, Row &row) {
    static const Row none;
    auto operand = [&](size_t index) -> const Row & {
      return index < node.operands.size() ? evaluate(*node.operands[index], query) : none;
    };
    const Row &a = operand(0), &b = operand(1), &c = operand(2);
    auto each = [&](auto &&function) {
      for (int64_t j = 0; j < numbers.keys; ++j)
        row[j] = function(j);
    };
    switch (node.operation) {
    case Operation::Query: return each([&](int64_t) { return query; });
    case Operation::Key: return each([&](int64_t j) { return j; });
    case Operation::Queries: return each([&](int64_t) { return numbers.queries; });
    case Operation::Keys: return each([&](int64_t) { return numbers.keys; });
    case Operation::Number: return each([&](int64_t) { return node.number; });
    case Operation::Scalar:
      return each([&, value = numbers.scalars.at(node.name)](int64_t) { return value; });
    case Operation::Entry:
    case Operation::Flag: {
      const std::vector<int64_t> &table = numbers.tables.at(node.name);
      return each(
          [&](int64_t j) { return a[j] < 0 || a[j] >= int64_t(table.size()) ? 0 : table[a[j]]; });
    }
    case Operation::Add: return each([&](int64_t j) { return a[j] + b[j]; });
    case Operation::Subtract: return each([&](int64_t j) { return a[j] - b[j]; });
    case Operation::Multiply: return each([&](int64_t j) { return a[j] * b[j]; });
    case Operation::Divide: return each([&](int64_t j) { return floorDivide(a[j], b[j]); });
    case Operation::Modulo:
      return each([&](int64_t j) { return a[j] - b[j] * floorDivide(a[j], b[j]); });
    case Operation::Minimum: return each([&](int64_t j) { return std::min(a[j], b[j]); });
    case Operation::Maximum: return each([&](int64_t j) { return std::max(a[j], b[j]); });
    case Operation::Choose: return each([&](int64_t j) { return a[j] ? b[j] : c[j]; });
    case Operation::AtMost: return each([&](int64_t j) { return a[j] <= b[j]; });
    case Operation::Less: return each([&](int64_t j) { return a[j] < b[j]; });
    case Operation::Equal: return each([&](int64_t j) { return a[j] == b[j]; });
    case Operation::Differ: return each([&](int64_t j) { return a[j] != b[j]; });
    case Operation::BitAnd:
    case Operation::And: return each([&](int64_t j) { return a[j] & b[j]; });
    case Operation::BitOr:
    case Operation::Or: return each([&](int64_t j) { return a[j] | b[j]; });
    case Operation::BitXor:
    case Operation::Xor: return each([&](int64_t j) { return a[j] ^ b[j]; });
    case Operation::Not: return each([&](int64_t j) { return !a[j]; });
    }
  }

  const MaskNumbers &numbers;
  std::map<const MaskNode *, std::pair<int64_t, Row>> rows;
  std::map<const MaskNode *, bool> onQuery;
};

} // namespace

std::string operandName(const std::string &name) { return "my_" + name; }

MaskText toText(const Mask &mask) { return Printer().run(mask); }

VisiblePairs::VisiblePairs(const Mask &mask, const MaskNumbers &numbers)
    : queries(numbers.queries), keys(numbers.keys), pairs(queries, keys) {
  RowEvaluator evaluator(numbers);
  for (int64_t query = 0; query < queries; ++query)
    for (auto [key, value] : llvm::enumerate(evaluator.evaluate(*mask, query)))
      pairs.set(query, int64_t(key), value != 0);
}

int64_t VisiblePairs::count() const {
  int64_t sum = 0;
  for (int64_t query = 0; query < queries; ++query)
    sum += pairs.count(query);
  return sum;
}

std::pair<int64_t, int64_t> VisiblePairs::keysOfQueries() const {
  int64_t least = keys, greatest = 0;
  for (int64_t query = 0; query < queries; ++query) {
    least = std::min(least, pairs.count(query));
    greatest = std::max(greatest, pairs.count(query));
  }
  return {least, greatest};
}

} // namespace attune::mask::test
