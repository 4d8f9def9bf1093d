// SPDX-License-Identifier: Apache-2.0
// A variant of attention: what it does to scores, which pairs it hides, how it weighs.
//
//   Table<float, 1> slope{"slope"};
//   Scalar<int64_t> w{"w"};
//   Attention kernel("alibi_window", {.headSize = 128, .type = Dtype::bf16});
//   kernel.score(score + slope[h] * (j - i)).mask(causal() && i - j <= w).logsumexp();
//
// is o(b, h, i) = sum over visible j of p v, p = softmax(q . k / sqrt(headSize) + slope (j - i)). Sizes of
// batches, heads and sequences are those of the tensors; fewer heads of keys than of queries are grouped.
#pragma once

#include <attune/attn/Program.hpp>
#include <attune/attn/Values.hpp>

#include <functional>
#include <optional>
#include <unordered_map>

namespace attn {

struct AttentionOptions {
  /// Numbers of a query and of a key.
  int64_t headSize = 64;
  /// Numbers of a value and of a result; 0: headSize.
  int64_t valueSize = 0;
  /// Of queries, keys and values, and of the result unless `resultType` says otherwise.
  Dtype type = Dtype::f32;
  std::optional<Dtype> resultType = {};
  /// Of q . k; absent: 1 / sqrt(headSize).
  std::optional<double> scale = {};
  /// Not empty: keys and values of an axis of this name come before the others in each row, seen by all;
  /// operands NAME_k and NAME_v.
  std::string prefix = "";
};

namespace detail {

/// `expression` with the matrix in place of `score`. Choices among scores stand on the matrix's axes.
class Substitution {
public:
  explicit Substitution(const Matrix &matrix) : matrix(matrix.node()) {}

  NodeRef operator()(const NodeRef &node) {
    if (!node)
      return node;
    if (node->kind == Node::Kind::Placeholder)
      return matrix;
    if (auto known = done.find(node.get()); known != done.end())
      return known->second;
    Node copy = *node;
    bool isChanged = false;
    for (NodeRef &operand : copy.operands)
      isChanged |= std::exchange(operand, (*this)(operand)) != operand;
    isChanged |= std::exchange(copy.region, (*this)(copy.region)) != copy.region;
    if (!isChanged)
      return done[node.get()] = node;
    if (copy.type.form == Type::Form::Matrix && copy.operands.size() &&
        copy.operands[0] == matrix) {
      copy.type.rowAxis = matrix->type.rowAxis;
      copy.type.colAxis = matrix->type.colAxis;
    }
    return done[node.get()] = std::make_shared<const Node>(std::move(copy));
  }

private:
  NodeRef matrix;
  std::unordered_map<const Node *, NodeRef> done;
};

} // namespace detail

class Attention {
public:
  explicit Attention(std::string name = "attention", AttentionOptions options = {})
      : program_(std::move(name)), options(options), q_("q", options.headSize, options.type),
        k_("k", options.headSize, options.type), v_("v", valueSize(options), options.type),
        current(dot(q_, k_, scale(options))) {}

  /*===-- What a pair's score is ---===*/

  /// The score becomes the scaled product of these, made of queries() and keys(): rotated, normalised, ...
  /// Comes before score() and mask().
  Attention &product(const RowTokens &q, const ColTokens &k) {
    change("product", [&] {
      if (isChanged)
        detail::fail("attention '" + name() + "': product has to come before score and mask");
      current = dot(q, k, scale(options));
    });
    return *this;
  }

  /// The score becomes `expression`, in which `score` is what it was before.
  Attention &score(const Number &expression) {
    change("score", [&] {
      isChanged = true;
      current = map(Number(substitute(expression)), current);
    });
    return *this;
  }

  /// Hides the pairs where `condition` is false, beside those that are hidden already. A choice in it,
  /// top(score, n), is among the pairs that are visible so far.
  Attention &mask(const Logic &condition) {
    change("mask", [&] {
      isChanged = true;
      current = where(current, Logic(substitute(condition)));
    });
    return *this;
  }

  /// States that queries and keys are a row-major grid of these sizes, which a mask of coordinates needs
  /// to visit few tiles.
  Attention &grid(const std::vector<Index> &sizes) {
    program_.grid("q", sizes).grid("k", sizes);
    return *this;
  }

  /*===-- How a row is weighed ---===*/

  /// A number of the row, of h, b and i: e^sink is part of the sum that weights are divided by.
  Attention &sink(const Number &expression) {
    change("sink", [&] { sink_ = mapRows(expression, q_); });
    return *this;
  }

  /// Scores to weights: softmax unless told, or any function of matrices, such as those of Normalisers.hpp.
  Attention &weigh(std::function<Matrix(const Matrix &)> function) {
    change("weigh", [&] { weigher = std::move(function); });
    return *this;
  }

  /*===-- Results ---===*/

  /// A second result "lse", of shape (batch, heads, queries): log of the sum of e^score.
  Attention &logsumexp(const std::string &name = "lse") {
    Matrix all = scores();
    return result(name, sink_ ? attn::logsumexp(all, *sink_) : attn::logsumexp(all));
  }

  /// A further result, made of scores(), weights() and output(): the weight that each key gets is
  /// result("received", overQueries(Sum, kernel.weights())). Fixes what a score is.
  Attention &result(const std::string &name, const Value &value) {
    extra.push_back({name, value});
    return *this;
  }

  const RowTokens &queries() const { return q_; }
  const ColTokens &keys() const { return k_; }
  const ColTokens &values() const { return v_; }

  /// The scores of visible pairs; from here on they cannot be changed.
  Matrix scores() {
    if (!finished)
      finish();
    return *finished;
  }
  /// The weights of visible pairs.
  Matrix weights() {
    Matrix all = scores();
    if (!weighed)
      weighed = weigher ? weigher(all) : sink_ ? softmax(all, *sink_) : softmax(all);
    if (weigher && sink_)
      detail::fail("attention: a sink is part of softmax; with another way to weigh, add it there");
    return *weighed;
  }
  /// The result "out" before anything else is made of it.
  RowTokens output() {
    Matrix p = weights(); // makes the prefix
    ColTokens all = prefixValues ? concat(*prefixValues, v_) : v_;
    return contract(p, all, options.resultType.value_or(options.type));
  }

  /*===-- The kernel ---===*/

  /// The kernel with its results "out" and then those that were added.
  Program program() const {
    Attention copy = *this;
    Program whole = program_;
    whole.result("out", copy.output());
    for (const auto &[name, value] : copy.extra)
      whole.result(name, value);
    return whole;
  }
  operator Program() const { return program(); }
  const std::string &name() const { return program_.name(); }
  /// Text of the attn language; throws std::invalid_argument where the kernel is none.
  std::string print() const { return program().print(); }

private:
  static int64_t valueSize(const AttentionOptions &options) {
    return options.valueSize ? options.valueSize : options.headSize;
  }
  static double scale(const AttentionOptions &options) {
    return options.scale.value_or(1 / std::sqrt(double(options.headSize)));
  }

  detail::NodeRef substitute(const Value &expression) const {
    return detail::Substitution(current)(expression.node());
  }

  template <typename Body> void change(const char *what, Body body) {
    if (finished)
      detail::fail(std::string("attention '") + name() + "': " + what +
                   " has to come before results that are made of the scores");
    body();
  }

  void finish() {
    finished = current;
    if (options.prefix.empty())
      return;
    const std::string &axis = options.prefix;
    ColTokens k(axis + "_k", options.headSize, options.type, axis);
    prefixValues.emplace(axis + "_v", valueSize(options), options.type, axis);
    finished = concat(dot(q_, k, scale(options)), current);
  }

  Program program_;
  AttentionOptions options;
  RowTokens q_;
  ColTokens k_, v_;
  Matrix current;
  bool isChanged = false;
  std::optional<Rows> sink_;
  std::function<Matrix(const Matrix &)> weigher;
  std::optional<Matrix> finished, weighed;
  std::optional<ColTokens> prefixValues;
  std::vector<std::pair<std::string, Value>> extra;
};

} // namespace attn
