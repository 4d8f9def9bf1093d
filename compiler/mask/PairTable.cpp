// SPDX-License-Identifier: Apache-2.0
#include "compiler/mask/PairTable.h"

using namespace attune;
using namespace attune::mask;

PairTable::PairTable(const Formula &formula, const Environment &environment)
    : root(makePart(formula)), environment(environment) {}

PairTable::Part PairTable::makePart(const Formula &formula) {
  Part part;
  part.kind = formula.kind;
  for (const Formula &inner : formula.parts)
    part.parts.push_back(makePart(inner));
  for (auto term : formula.literal.terms) {
    bool onKey = term.first->onKey, onQuery = term.first->onQuery;
    LinearForm &form = onKey && onQuery ? part.mixed : onKey ? part.onKey.form : part.onQuery.form;
    form.terms.push_back(term);
  }
  part.onQuery.form.constant = formula.literal.constant;
  return part;
}

const std::optional<int64_t> &PairTable::value(Column &column, Side side, int64_t token) {
  size_t index = size_t(token);
  if (index >= column.values.size()) {
    column.values.resize(std::max(index + 1, 2 * column.values.size()));
    column.isKnown.resize(column.values.size(), false);
  }
  if (!column.isKnown[index]) {
    column.isKnown[index] = true;
    // The other token is not looked at.
    column.values[index] = evaluate(column.form, side == Side::Query ? token : 0,
                                    side == Side::Key ? token : 0, environment);
  }
  return column.values[index];
}

/// A part that decides does so whatever the others are.
std::optional<bool> PairTable::joint(Part &part, int64_t query, int64_t key) {
  bool decides = part.kind == FormulaKind::Or, isKnown = true;
  for (Part &inner : part.parts) {
    std::optional<bool> found = holds(inner, query, key);
    if (found == decides)
      return decides;
    isKnown &= found.has_value();
  }
  return isKnown ? std::optional(!decides) : std::nullopt;
}

std::optional<bool> PairTable::holds(Part &part, int64_t query, int64_t key) {
  switch (part.kind) {
  case FormulaKind::True: return true;
  case FormulaKind::False: return false;
  case FormulaKind::Unknown: return std::nullopt;
  case FormulaKind::And:
  case FormulaKind::Or: return joint(part, query, key);
  default: break;
  }
  const std::optional<int64_t> &ofQuery = value(part.onQuery, Side::Query, query);
  const std::optional<int64_t> &ofKey = value(part.onKey, Side::Key, key);
  if (!ofQuery || !ofKey)
    return std::nullopt;
  int64_t sum = *ofQuery + *ofKey;
  if (!part.mixed.terms.empty()) {
    std::optional<int64_t> rest = evaluate(part.mixed, query, key, environment);
    if (!rest)
      return std::nullopt;
    sum += *rest;
  }
  return part.kind == FormulaKind::AtMostZero ? sum <= 0 : sum == 0;
}
