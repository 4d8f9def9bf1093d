// SPDX-License-Identifier: Apache-2.0
// The values of a whole kernel: tokens, matrices of scores that are never stored, and what becomes of them.
//
//   Matrix s = dot(q, k, 0.125);             s(b, h, i, j) = q(b, h, i) . k(b, h, j) / 8
//   Matrix m = where(s, j <= i);             hides what is ahead
//   Matrix p = softmax(m);
//   RowTokens o = contract(p, v);            o(b, h, i) = sum over visible j of p v(b, h, j)
//   Cols received = overQueries(Sum, p);     the weight that a key gets
//
// A matrix, rows and cols are Numbers too: in an expression they are what they have at its place, as in
// map(p1 - lambda[h] * p2).
#pragma once

#include <attune/attn/Expression.hpp>

#include <set>

namespace attn {

/// A number for each pair of a query and a key, some of which are hidden.
class Matrix : public Number {
public:
  using Number::Number;
};
/// A truth for each pair.
class Selection : public Logic {
public:
  using Logic::Logic;
};
/// A number a query.
class Rows : public Number {
public:
  using Number::Number;
};
/// A number a key.
class Cols : public Number {
public:
  using Number::Number;
};

/// A vector a query: an operand of shape (batch, heads, queries, size), or a result.
class RowTokens : public Value {
public:
  using Value::Value;
  RowTokens(const std::string &name, int64_t size, Dtype dtype, const std::string &axis = "q")
      : Value(detail::makeOperand(name, detail::rowsType(vector(size, dtype), axis))) {}

  static std::string vector(int64_t size, Dtype dtype) {
    if (size < 1)
      detail::fail("tokens need at least one number each, but got " + std::to_string(size));
    return "vector<" + std::to_string(size) + "x" + detail::spell(dtype) + ">";
  }
};

/// A vector a key: an operand of shape (batch, heads, keys, size).
class ColTokens : public Value {
public:
  using Value::Value;
  ColTokens(const std::string &name, int64_t size, Dtype dtype, const std::string &axis = "k")
      : Value(detail::makeOperand(name, detail::colsType(RowTokens::vector(size, dtype), axis))) {}
};

namespace detail {

/// All values of queries, keys and pairs in an expression, and whether it has positions i or j.
struct Leaves {
  std::vector<NodeRef> values;
  std::set<const Node *> seen;
  bool hasPlaceholder = false;

  explicit Leaves(const NodeRef &expression) { visit(expression); }
  void visit(const NodeRef &node) {
    if (!seen.insert(node.get()).second)
      return;
    hasPlaceholder |= node->kind == Node::Kind::Placeholder;
    if (node->type.isVirtual())
      return values.push_back(node);
    for (const NodeRef &operand : node->operands)
      visit(operand);
  }
};

/// The finer of two axes, one of which is read at the other's tokens.
inline std::string meet(const std::string &known, const std::string &other, const char *side) {
  if (known.empty() || known == other)
    return other;
  auto root = [](const std::string &axis) { return axis.substr(0, axis.find('/')); };
  if (root(known) != root(other))
    fail(std::string("an expression stands on one axis of ") + side + ", but has values on '" +
         known + "' and '" + other + "'");
  return known.size() < other.size() ? known : other;
}

/// Where an expression's values stand together.
inline Type placeOf(const NodeRef &expression, const std::string &element) {
  Type place = scalarType(element);
  for (const NodeRef &value : Leaves(expression).values) {
    if (value->type.form != Type::Form::Cols)
      place.rowAxis = meet(place.rowAxis, value->type.rowAxis, "queries");
    if (value->type.form != Type::Form::Rows)
      place.colAxis = meet(place.colAxis, value->type.colAxis, "keys");
  }
  place.form = place.colAxis.empty()   ? Type::Form::Rows
               : place.rowAxis.empty() ? Type::Form::Cols
                                       : Type::Form::Matrix;
  return place;
}

/// An operation with a region; operands from `firstBound` on are bound in it before others.
inline NodeRef makeRegion(std::string text, Type type, std::vector<NodeRef> operands,
                          size_t firstBound, NodeRef yielded, Type::Form place) {
  Node node;
  node.text = std::move(text);
  node.type = std::move(type);
  node.operands = std::move(operands);
  node.firstBound = firstBound;
  node.region = std::move(yielded);
  node.place = place;
  return std::make_shared<const Node>(std::move(node));
}

/// A map of `expression` on the place `type`, whose heads are those of `like` and of what it reads.
inline NodeRef makeMap(const Number &expression, Type type, std::vector<NodeRef> like) {
  if (like.empty() && Leaves(expression.node()).values.empty())
    fail("a map needs a value of queries or keys in its expression, which says where it stands and "
         "how many heads it has; give one as its second argument");
  Type::Form place = type.form;
  return makeRegion("map $B at $I : $T -> #r", std::move(type), std::move(like), 0,
                    expression.node(), place);
}

inline Type withForm(Type type, Type::Form form) {
  type.form = form;
  if (form == Type::Form::Rows)
    type.colAxis.clear();
  if (form == Type::Form::Cols)
    type.rowAxis.clear();
  return type;
}

inline void expectForm(const Type &type, Type::Form form, const char *what) {
  if (type.form != form)
    fail(std::string("expected an expression of ") + what + ", but its values are " + type.text());
}

} // namespace detail

/*===-- Places ---===*/

/// A number for each pair: the expression at each, e.g. map(p1 - p2). At least one part of it has to be a
/// value of pairs, or values of queries and of keys.
inline Matrix map(const Number &expression) {
  detail::Type type = detail::placeOf(expression.node(), "f32");
  if (!detail::Leaves(expression.node()).values.empty())
    detail::expectForm(type, detail::Type::Form::Matrix, "pairs of queries and keys");
  return Matrix(detail::makeMap(expression, type, {}));
}
/// The same, visible where `like` is, with its heads.
inline Matrix map(const Number &expression, const Matrix &like) {
  return Matrix(detail::makeMap(expression, like.node()->type, {like.node()}));
}
/// A number a query: the expression at each. It has the heads of `like`, and of the values in it.
inline Rows mapRows(const Number &expression, const Value &like) {
  detail::expectForm(like.node()->type, detail::Type::Form::Rows, "queries");
  detail::Type type = like.node()->type;
  type.element = "f32";
  return Rows(detail::makeMap(expression, type, {like.node()}));
}
inline Rows mapRows(const Number &expression) {
  detail::Type type = detail::placeOf(expression.node(), "f32");
  detail::expectForm(type, detail::Type::Form::Rows, "queries alone");
  return Rows(detail::makeMap(expression, type, {}));
}
/// A number a key.
inline Cols mapCols(const Number &expression, const Value &like) {
  detail::expectForm(like.node()->type, detail::Type::Form::Cols, "keys");
  detail::Type type = like.node()->type;
  type.element = "f32";
  return Cols(detail::makeMap(expression, type, {like.node()}));
}
inline Cols mapCols(const Number &expression) {
  detail::Type type = detail::placeOf(expression.node(), "f32");
  detail::expectForm(type, detail::Type::Form::Cols, "keys alone");
  return Cols(detail::makeMap(expression, type, {}));
}

/// `matrix` where `condition` is true; what is hidden stays hidden, whatever becomes of it.
inline Matrix where(const Matrix &matrix, const Logic &condition) {
  return Matrix(detail::makeRegion("where $B at $I : $T", matrix.node()->type, {matrix.node()}, 0,
                                   condition.node(), detail::Type::Form::Matrix));
}

/*===-- Products ---===*/

/// s(b, h, i, j) = scale q(b, h, i) . k(b, h, j). Query head h reads key head h / (heads / key heads).
inline Matrix dot(const RowTokens &q, const ColTokens &k, double scale = 1) {
  if (q.node()->type.element != k.node()->type.element)
    detail::fail("dot: queries and keys need one size and type, but have " +
                 q.node()->type.element + " and " + k.node()->type.element);
  if (!std::isfinite(scale))
    detail::fail("dot: the scale has to be finite");
  return Matrix(detail::makeOperation(
      "dot $0, $1 scale " + detail::spell(scale) + " : #0, #1",
      detail::matrixType("f32", q.node()->type.rowAxis, k.node()->type.colAxis),
      {q.node(), k.node()}));
}

/// o(b, h, i) = sum over visible j of p(b, h, i, j) v(b, h, j), rounded to `dtype`.
inline RowTokens contract(const Matrix &p, const ColTokens &v, Dtype dtype) {
  std::string element = v.node()->type.element;
  element = element.substr(0, element.rfind('x') + 1) + detail::spell(dtype) + ">";
  return RowTokens(detail::makeOperation("contract $0, $1 : #0, #1 -> #r",
                                         detail::rowsType(element, p.node()->type.rowAxis),
                                         {p.node(), v.node()}));
}
/// The same, rounded to the type of the values.
inline RowTokens contract(const Matrix &p, const ColTokens &v) {
  detail::Type type = detail::rowsType(v.node()->type.element, p.node()->type.rowAxis);
  return RowTokens(
      detail::makeOperation("contract $0, $1 : #0, #1 -> #r", type, {p.node(), v.node()}));
}

/*===-- Over a row or a column ---===*/

enum Fold { Sum, Mean, Max, Min };

namespace detail {
inline const char *spell(Fold fold) {
  constexpr const char *names[] = {"sum", "mean", "max", "min"};
  return names[fold];
}
inline NodeRef makeReduction(Fold fold, const Matrix &matrix, const char *over, Type::Form form) {
  return makeOperation(std::string("reduce ") + spell(fold) + " $0 over " + over + " : #0",
                       withForm(matrix.node()->type, form), {matrix.node()});
}
} // namespace detail

/// y(b, h, i): over the visible keys of each query; over none 0, Max -inf, Min +inf.
inline Rows overKeys(Fold fold, const Matrix &matrix) {
  return Rows(detail::makeReduction(fold, matrix, "keys", detail::Type::Form::Rows));
}
/// y(b, h, j): over the queries that see a key.
inline Cols overQueries(Fold fold, const Matrix &matrix) {
  return Cols(detail::makeReduction(fold, matrix, "queries", detail::Type::Form::Cols));
}
/// Over all heads: one head is left.
inline Matrix overHeads(Fold fold, const Matrix &matrix) {
  return Matrix(detail::makeReduction(fold, matrix, "heads", detail::Type::Form::Matrix));
}

/// p = e^s / sum over visible j of e^s; with a sink e^sink is part of the sum.
inline Matrix softmax(const Matrix &s) {
  return Matrix(detail::makeOperation("softmax $0 : #0", s.node()->type, {s.node()}));
}
inline Matrix softmax(const Matrix &s, const Rows &sink) {
  return Matrix(
      detail::makeOperation("softmax $0 sink $1 : #0", s.node()->type, {s.node(), sink.node()}));
}
/// log of that sum; -inf over no key without a sink.
inline Rows logsumexp(const Matrix &s) {
  return Rows(detail::makeOperation(
      "logsumexp $0 : #0", detail::withForm(s.node()->type, detail::Type::Form::Rows), {s.node()}));
}
inline Rows logsumexp(const Matrix &s, const Rows &sink) {
  return Rows(detail::makeOperation("logsumexp $0 sink $1 : #0",
                                    detail::withForm(s.node()->type, detail::Type::Form::Rows),
                                    {s.node(), sink.node()}));
}
/// alpha-entmax, alpha > 1 a number a query; 2 is sparsemax.
inline Matrix entmax(const Matrix &s, const Rows &alpha) {
  return Matrix(
      detail::makeOperation("entmax $0 alpha $1 : #0", s.node()->type, {s.node(), alpha.node()}));
}

/// y(b, h, i, j): the fold over the visible keys up to j, or from j on if `reverse`; without j itself if
/// `exclusive`.
struct Running {
  bool reverse = false, exclusive = false;
};
inline Matrix runningKeys(Fold fold, const Matrix &matrix, Running how = {}) {
  if (fold == Mean)
    detail::fail("runningKeys: expected Sum, Max or Min");
  return Matrix(detail::makeOperation(std::string("scan ") + detail::spell(fold) + " $0 over keys" +
                                          (how.reverse ? " reverse" : "") +
                                          (how.exclusive ? " exclusive" : "") + " : #0",
                                      matrix.node()->type, {matrix.node()}));
}

/*===-- Choices ---===*/

/// True at the n visible keys of each query with the greatest x (of equals the first), false elsewhere.
inline Selection top(const Matrix &x, const Index &n) {
  detail::Type type = x.node()->type;
  type.element = "i1";
  return Selection(detail::makeOperation("select $0 top $1 : #0", type, {x.node(), n.node()}));
}

/// The n visible keys of each query with the greatest x, in that order.
struct BestKeys {
  /// x of them, f32; the least f32 where there are fewer.
  RowTokens values;
  /// Which they are, i32; -1 where there are fewer.
  RowTokens keys;
};
inline BestKeys best(const Matrix &x, int64_t n) {
  if (n < 1)
    detail::fail("best: expected to list at least 1 key, but got " + std::to_string(n));
  auto type = [&](const char *element) {
    return detail::rowsType("vector<" + std::to_string(n) + "x" + element + ">",
                            x.node()->type.rowAxis);
  };
  detail::Node list;
  list.text = "list $0 first " + std::to_string(n) + " : #0";
  list.type = type("f32");
  list.operands = {x.node()};
  list.results = 2;
  auto node = std::make_shared<const detail::Node>(std::move(list));
  return {RowTokens(detail::makeResult(node, 0, type("f32"))),
          RowTokens(detail::makeResult(node, 1, type("i32")))};
}

/*===-- Other axes ---===*/

namespace detail {
/// The axis of blocks of `size` tokens of `axis`.
inline std::string blockAxis(const std::string &axis, int64_t size) {
  size_t slash = axis.find('/');
  int64_t before = slash == std::string::npos ? 1 : std::stoll(axis.substr(slash + 1));
  if (size < 1 || axis.find('+') != std::string::npos)
    fail("blocks need a size of at least 1 and tokens of one axis, but got blocks of " +
         std::to_string(size) + " on '" + axis + "'");
  return axis.substr(0, slash) + "/" + std::to_string(before * size);
}
template <typename T> T makeBlocks(Fold fold, const T &value, int64_t size) {
  Type type = value.node()->type;
  type.colAxis = blockAxis(type.colAxis, size);
  return T(makeOperation(std::string("reduce ") + spell(fold) + " $0 over keys by " +
                             std::to_string(size) + " : #0",
                         type, {value.node()}));
}
} // namespace detail

/// One token for each `size` consecutive keys, on the axis "k/size": a mean of keys, say. Beside values of
/// "k" in an expression it is read by all keys of its block; j of it alone is the block.
inline ColTokens blocks(Fold fold, const ColTokens &tokens, int64_t size) {
  return detail::makeBlocks(fold, tokens, size);
}
/// One number for each block of keys, visible where a key of it is.
inline Matrix blocks(Fold fold, const Matrix &matrix, int64_t size) {
  return detail::makeBlocks(fold, matrix, size);
}

/// Scores against the keys of one axis and then of another, in one row: its axis is "a+b".
inline Matrix concat(const Matrix &a, const Matrix &b) {
  detail::Type type = a.node()->type;
  type.colAxis += "+" + b.node()->type.colAxis;
  return Matrix(detail::makeOperation("concat $0, $1 : #0, #1", type, {a.node(), b.node()}));
}
/// The tokens of one axis and then of another.
inline ColTokens concat(const ColTokens &a, const ColTokens &b) {
  detail::Type type = a.node()->type;
  type.colAxis += "+" + b.node()->type.colAxis;
  return ColTokens(detail::makeOperation("concat $0, $1 : #0, #1", type, {a.node(), b.node()}));
}

/// y(b, h, i, j) = z(b, h, i, at), where `like` is visible, whose axes it has.
inline Matrix take(const Matrix &z, const Index &at, const Matrix &like) {
  return Matrix(detail::makeRegion("take $0 $B at $I : #0, $T -> #r", like.node()->type,
                                   {z.node(), like.node()}, 1, at.node(),
                                   detail::Type::Form::Matrix));
}
/// y(b, h, i, c) = the fold over visible j with into = c: masses of groups, histograms of offsets.
inline Matrix scatter(Fold fold, const Matrix &x, const Index &into, const std::string &axis) {
  return Matrix(detail::makeRegion(std::string("reduce ") + detail::spell(fold) +
                                       " $B over keys into " + axis + " at $I : $T",
                                   detail::matrixType("f32", x.node()->type.rowAxis, axis),
                                   {x.node()}, 0, into.node(), detail::Type::Form::Matrix));
}

/// The threshold of a solve, in its expression.
inline const Number threshold(detail::makePosition("t", detail::scalarType("f32")));
/// t(b, h, i) = the least t from `low` to `high` with sum over visible j of f(t) <= total, where f, an
/// expression of `threshold` and of values as those of `like`, does not increase with t.
inline Rows solve(const Number &f, const Rows &low, const Rows &high, const Number &total,
                  const Matrix &like) {
  return Rows(detail::makeRegion("solve $t from $0 to $1 total $2 with $B at $I : $T",
                                 low.node()->type,
                                 {low.node(), high.node(), total.node(), like.node()}, 3, f.node(),
                                 detail::Type::Form::Matrix));
}

} // namespace attn
