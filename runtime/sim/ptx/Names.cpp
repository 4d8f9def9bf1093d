// SPDX-License-Identifier: Apache-2.0
// Declares and finds names; a range of registers takes no more memory than its declaration.
#include "runtime/sim/ptx/Names.h"

namespace attune::sim::ptx {

void Scope::declare(std::string_view name, Symbol symbol, uint32_t line) {
  auto [place, fresh] = names.try_emplace(name, Declared{symbol, line});
  if (!fresh)
    throw LoadError(line, "'" + std::string(name) +
                              "' is declared twice in this block: also in line " +
                              std::to_string(place->second.line));
}

void Scope::declareRange(std::string_view prefix, RegisterClass width, uint32_t count,
                         uint32_t line) {
  auto [place, fresh] = ranges.try_emplace(prefix, Range{width, count, line});
  if (!fresh)
    throw LoadError(line, "registers '" + std::string(prefix) +
                              "<...>' are declared twice in this block: also in line " +
                              std::to_string(place->second.line));
}

const Scope::Range *Scope::findRange(std::string_view name, uint64_t scale) const {
  if (ranges.empty())
    return nullptr;
  // Numbers of ranges are below 10^9, so that no more digits can belong to one.
  uint64_t number = 0, power = 1;
  for (size_t digits = 1; digits < name.size() && digits <= 9; ++digits, power *= 10) {
    char digit = name[name.size() - digits];
    if (digit < '0' || digit > '9')
      break;
    number += power * (digit - '0');
    if (digit == '0' && (digits > 1 || scale > 1))
      continue;
    auto found = ranges.find(name.substr(0, name.size() - digits));
    if (found != ranges.end() && number * scale < found->second.count)
      return &found->second;
  }
  return nullptr;
}

Symbol *Scope::find(std::string_view name) {
  if (auto found = names.find(name); found != names.end())
    return &found->second.symbol;
  if (auto found = members.find(name); found != members.end())
    return &found->second;
  const Range *range = findRange(name, 1);
  if (!range)
    return nullptr;
  return &members.emplace(name, Symbol{Symbol::Kind::Register, range->width, Symbol::unused})
              .first->second;
}

void Scope::checkRanges() const {
  auto refuse = [](std::string_view name, uint32_t line, uint32_t other) {
    throw LoadError(line, "'" + std::string(name) +
                              "' is declared twice in this block: also by the " +
                              "registers of line " + std::to_string(other));
  };
  for (const auto &[name, declared] : names)
    if (const Range *range = findRange(name, 1))
      refuse(name, declared.line, range->line);
  // %r1<5> has %r10, which is also of %r<11>.
  for (const auto &[prefix, range] : ranges)
    if (prefix.back() >= '0' && prefix.back() <= '9' && range.count)
      if (const Range *other = findRange(prefix, 10))
        refuse(std::string(prefix) + "0", range.line, other->line);
}

std::optional<Special> findSpecial(std::string_view name, std::string_view component) {
  static const std::map<std::string_view, Special> table = [] {
    std::map<std::string_view, Special> result;
    for (unsigned i = 0; i <= static_cast<unsigned>(Special::TotalSharedSize); ++i)
      result.emplace(spelling(Special(i)), Special(i));
    return result;
  }();
  std::string full(name);
  if (!component.empty())
    full.append(".").append(component);
  auto found = table.find(full);
  return found == table.end() ? std::nullopt : std::optional(found->second);
}

} // namespace attune::sim::ptx
