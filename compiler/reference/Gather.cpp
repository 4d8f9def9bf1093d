// SPDX-License-Identifier: Apache-2.0
// Which pairs and tokens do the groups of a reduction join, and which entry does a `take` read?
#include "compiler/reference/Evaluator.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace attune::reference {

void RowEvaluator::forEachReduced(attn::ReduceOp reduce, int64_t head,
                                  llvm::function_ref<void(const ReducedPair &)> visit) {
  auto type = cast<attn::MatrixType>(reduce.getInput().getType());
  bool overKeys = reduce.getOver() == attn::ReduceOver::Keys;
  if (!reduce.getInto()) {
    const MatrixRow &row = matrix(reduce.getInput(), head);
    int64_t i = tokenOn(type.getRowAxis().getValue());
    for (auto [place, key] : llvm::enumerate(*row.keys)) {
      int64_t group = reduce.getBy() ? (overKeys ? key : i) / int64_t(*reduce.getBy()) : 0;
      visit({group, key, &row.values, int64_t(place)});
    }
    return;
  }
  Keys keys = commonKeys(reduce, head);
  int64_t groups = evaluation.problem->length(*reduce.getInto());
  runAtKeys(reduce, head, *keys,
            [&](ArrayRef<int64_t> some, const Lanes *first, const Lanes &yielded) {
              for (auto [place, key] : llvm::enumerate(some)) {
                int64_t group = yielded.integers[place * size_t(yielded.stride())];
                if (group >= 0 && group < groups)
                  visit({group, key, first, int64_t(place)});
              }
            });
}

void RowEvaluator::reduceToken(attn::ReduceOp reduce, int64_t head,
                               std::vector<Reduction> &groups) {
  Value input = reduce.getInput();
  bool isRows = isa<attn::RowsType>(input.getType());
  int64_t group = 0;
  if (reduce.getBy()) {
    group = token / int64_t(*reduce.getBy());
  } else {
    Lanes yielded = isRows ? evaluateRowsRegion(reduce, head)
                           : evaluateCols(reduce, sequence, head, token, token + 1);
    if (!error.empty())
      return;
    group = yielded.integers.front();
  }
  if (group < 0 || group >= int64_t(groups.size()))
    return;
  int64_t inputHead = headOf(input, reduce.getResult(), head);
  if (isRows)
    return groups[size_t(group)].join(rows(input, inputHead), 0);
  const Tokens &tokens = evaluation.problem->tokens.find(input)->second;
  groups[size_t(group)].join(tokens.values, tokens.place(sequenceOf(input), inputHead, token));
}

/// Over heads, or over keys by blocks or by buckets: a group that no visible pair joins is hidden.
MatrixRow RowEvaluator::reduceMatrix(attn::ReduceOp reduce, int64_t head) {
  Groups groups(reduce, evaluation.eager());
  if (reduce.getOver() != attn::ReduceOver::Heads) {
    forEachReduced(reduce, head, [&](const ReducedPair &pair) {
      groups.join(pair.group, *pair.values, pair.place);
    });
    return groups.finish();
  }
  auto [first, end] = joinedHeads(reduce, head);
  for (int64_t own = first; own < end; ++own) {
    const MatrixRow &row = matrix(reduce.getInput(), own);
    for (int64_t place = 0; place < row.numKeys(); ++place)
      groups.join((*row.keys)[size_t(place)], row.values, place);
  }
  return groups.finish();
}

MatrixRow RowEvaluator::take(attn::TakeOp take, int64_t head) {
  Value source = take.getSource();
  int64_t sourceHead = headOf(source, take.getResult(), head);
  StringRef axis = attn::getAxes(source.getType()).back().getValue();
  int64_t length = evaluation.problem->length(axis);
  bool zeroOutside = evaluation.problem->environment.zeroOutside;
  const MatrixRow *from =
      isa<attn::MatrixType>(source.getType()) ? &matrix(source, sourceHead) : nullptr;
  const Tokens *tokens = from ? nullptr : &evaluation.problem->tokens.find(source)->second;
  int64_t firstToken = from ? 0 : tokens->place(sequenceOf(source), sourceHead, 0);

  Type element = attn::getPlaceElementType(take.getType());
  MatrixRow row = emptyRow(element);
  std::vector<int64_t> kept;
  Lanes zero = row.values;
  zero.reals.resize(zero.integer ? 0 : size_t(zero.width));
  zero.integers.resize(zero.integer ? size_t(zero.width) : 0);
  auto read = [&](int64_t key, int64_t n) {
    const Lanes *values = from ? &from->values : &tokens->values;
    int64_t place = firstToken + n;
    if (n < 0 || n >= length) {
      if (!zeroOutside && error.empty())
        error = ("'attn.take' reads out of range at a visible place: entry " + Twine(n) +
                 " of the " + Twine(length) + " on axis '" + axis + "'")
                    .str();
      values = &zero;
      place = 0;
    } else if (from) {
      auto at = llvm::lower_bound(*from->keys, n);
      if (at == from->keys->end() || *at != n)
        return; // hidden
      place = at - from->keys->begin();
    }
    row.values.append(*values, place);
    kept.push_back(key);
  };
  Keys keys = commonKeys(take, head);
  runAtKeys(take, head, *keys, [&](ArrayRef<int64_t> some, const Lanes *, const Lanes &yielded) {
    for (auto [place, key] : llvm::enumerate(some))
      read(key, yielded.integers[place * size_t(yielded.stride())]);
  });
  if (!error.empty())
    return emptyRow(element);
  row.keys = std::make_shared<const std::vector<int64_t>>(std::move(kept));
  return row;
}

} // namespace attune::reference
