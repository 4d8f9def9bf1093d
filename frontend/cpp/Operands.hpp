// SPDX-License-Identifier: Apache-2.0
// What a launch is given beside queries, keys and values: numbers, tables, a number a query or a key.
//
//   Scalar<int64_t> w{"w"};              a number of the launch, an Index
//   Table<float, 1> slope{"slope"};      a captured tensor; slope[h] is a Number
//   Table<int32_t, 2> doc{"doc"};        doc[b][i] is an Index; gathers nest: bias[rank[b][i]]
//   perKey<float>("bias")                a number a key, with heads and a batch of its own
#pragma once

#include <attune/attn/Expression.hpp>

namespace attn {

namespace detail {

/// What an entry of type T is called, and which expression it becomes.
template <typename T> struct Entry;
template <> struct Entry<float> {
  using Expression = Number;
  static constexpr const char *name = "f32", *widen = nullptr;
};
template <> struct Entry<double> {
  using Expression = Number;
  static constexpr const char *name = "f64", *widen = "arith.truncf $0 : f64 to f32";
};
template <> struct Entry<f16> {
  using Expression = Number;
  static constexpr const char *name = "f16", *widen = "arith.extf $0 : f16 to f32";
};
template <> struct Entry<bf16> {
  using Expression = Number;
  static constexpr const char *name = "bf16", *widen = "arith.extf $0 : bf16 to f32";
};
template <> struct Entry<int64_t> {
  using Expression = Index;
  static constexpr const char *name = "i64", *widen = "arith.index_cast $0 : i64 to index";
};
template <> struct Entry<int32_t> {
  using Expression = Index;
  static constexpr const char *name = "i32", *widen = "arith.index_cast $0 : i32 to index";
};
template <> struct Entry<int8_t> {
  using Expression = Index;
  static constexpr const char *name = "i8", *widen = "arith.index_cast $0 : i8 to index";
};
template <> struct Entry<bool> {
  using Expression = Logic;
  static constexpr const char *name = "i1", *widen = nullptr;
};

/// A raw entry as an expression.
template <typename T> typename Entry<T>::Expression lift(NodeRef raw) {
  using Expression = typename Entry<T>::Expression;
  if (!Entry<T>::widen)
    return Expression(std::move(raw));
  const char *element = std::is_same_v<Expression, Index> ? "index" : "f32";
  return Expression(makeOperation(Entry<T>::widen, scalarType(element), {std::move(raw)}));
}

/// `table` at `indices`.
template <typename T>
typename Entry<T>::Expression load(const NodeRef &table, const std::vector<NodeRef> &indices) {
  constexpr bool isWhole = std::is_same_v<typename Entry<T>::Expression, Index>;
  std::vector<NodeRef> operands = {table};
  std::string text = "load $0[";
  for (size_t number = 1; number <= indices.size(); ++number) {
    text += (number > 1 ? ", $" : "$") + std::to_string(number);
    operands.push_back(indices[number - 1]);
  }
  text += "] : #0";
  if (isWhole) // integers are read as what they are used as
    return typename Entry<T>::Expression(
        makeOperation(text + " -> index", scalarType("index"), std::move(operands)));
  return lift<T>(makeOperation(text, scalarType(Entry<T>::name), std::move(operands)));
}

/// A table some of whose indices are known.
template <typename T, size_t Missing> class PartOfTable {
public:
  PartOfTable(NodeRef table, std::vector<NodeRef> indices)
      : table(std::move(table)), indices(std::move(indices)) {}

  auto operator[](const Index &index) const {
    std::vector<NodeRef> more = indices;
    more.push_back(index.node());
    if constexpr (Missing == 1)
      return load<T>(table, more);
    else
      return PartOfTable<T, Missing - 1>(table, std::move(more));
  }

private:
  NodeRef table;
  std::vector<NodeRef> indices;
};

} // namespace detail

/// An argument of the launch: whole numbers are an Index, float a Number.
template <typename T> class Scalar : public detail::Entry<T>::Expression {
  static_assert(WholeNumber<T> || std::same_as<T, float>,
                "a scalar is a whole number (Scalar<int64_t>) or a Scalar<float>");

public:
  explicit Scalar(const std::string &name)
      : detail::Entry<T>::Expression(detail::makeOperand(
            name, detail::scalarType(WholeNumber<T> ? "index" : detail::Entry<T>::name))) {}
};

/// A captured tensor, an operand of the launch: as many [indices] as dimensions make an expression. An
/// entry is read for visible pairs only; out of range it is 0.
template <typename T, size_t Rank> class Table : public Value {
  static_assert(Rank >= 1 && Rank <= 8, "a table has from 1 to 8 dimensions");

public:
  explicit Table(const std::string &name)
      : Value(detail::makeOperand(name, {detail::Type::Form::Table, shape(), "", ""})) {}

  auto operator[](const Index &index) const {
    return detail::PartOfTable<T, Rank>(node(), {})[index];
  }
  /// All indices at once.
  template <typename... Indices> auto operator()(const Indices &...indices) const {
    static_assert(sizeof...(Indices) == Rank, "a gather needs one index a dimension of the table");
    return detail::load<T>(node(), {Index(indices).node()...});
  }

  /// Facts that the caller promises; the compiler finds tiles by them. Entries do not decrease along the
  /// last dimension.
  Table sorted() const { return with("attn.sorted"); }
  /// Equal entries stand side by side along the last dimension.
  Table contiguous() const { return with("attn.contiguous"); }
  /// Entries are from `least` to `most`.
  Table range(int64_t least, int64_t most) const {
    return with("attn.range = [" + std::to_string(least) + ", " + std::to_string(most) + "]");
  }

private:
  explicit Table(detail::NodeRef node) : Value(std::move(node)) {}
  Table with(const std::string &fact) const {
    static_assert(std::integral<T>, "only tables of whole numbers have such facts");
    return Table(detail::addFact(node(), fact));
  }
  static std::string shape() {
    std::string text;
    for (size_t dimension = 0; dimension < Rank; ++dimension)
      text += "?x";
    return text + detail::Entry<T>::name;
  }
};

/// An operand of one number a query, of shape (batch, heads, queries): a Number, Index or Logic.
template <typename T> auto perQuery(const std::string &name, const std::string &axis = "q") {
  return detail::lift<T>(detail::makeOperand(name, detail::rowsType(detail::Entry<T>::name, axis)));
}
/// An operand of one number a key.
template <typename T> auto perKey(const std::string &name, const std::string &axis = "k") {
  return detail::lift<T>(detail::makeOperand(name, detail::colsType(detail::Entry<T>::name, axis)));
}

} // namespace attn
