// SPDX-License-Identifier: Apache-2.0
// Reads options as text: a list of name=value.
#include "runtime/sim/Options.h"

#include <charconv>
#include <stdexcept>
#include <utility>

namespace attune::sim {
namespace {

std::string quote(std::string_view text) { return "'" + std::string(text) + "'"; }

/// "fast", or an error that lists what there is.
template <typename T>
T choose(std::string_view name, std::string_view value,
         std::initializer_list<std::pair<const char *, T>> choices) {
  std::string known;
  for (const auto &[spelling, choice] : choices) {
    if (value == spelling)
      return choice;
    known += (known.empty() ? "" : ", ") + std::string(spelling);
  }
  throw std::invalid_argument("simulator option " + quote(name) + ": expected one of " + known +
                              ", but got " + quote(value));
}

bool parseSwitch(std::string_view name, std::string_view value) {
  return choose<bool>(name, value, {{"on", true}, {"off", false}});
}

uint64_t parseNumber(std::string_view name, std::string_view value, uint64_t most = ~uint64_t(0)) {
  uint64_t number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number > most)
    throw std::invalid_argument("simulator option " + quote(name) +
                                ": expected an integer from 0 to " + std::to_string(most) +
                                ", but got " + quote(value));
  return number;
}

struct Entry {
  const char *name;
  void (*set)(Options &, std::string_view name, std::string_view value);
};

using View = std::string_view;
constexpr Entry entries[] = {
    {"numerics",
     [](Options &options, View name, View value) {
       options.numerics = choose<Numerics>(
           name, value,
           {{"exact", Numerics::Exact}, {"fast", Numerics::Fast}, {"f64", Numerics::F64}});
     }},
    {"completion",
     [](Options &options, View name, View value) {
       options.completion = choose<Completion>(name, value,
                                               {{"early", Completion::Early},
                                                {"late", Completion::Late},
                                                {"random", Completion::Random}});
     }},
    {"schedule",
     [](Options &options, View name, View value) {
       options.schedule = choose<Schedule>(name, value,
                                           {{"round-robin", Schedule::RoundRobin},
                                            {"random", Schedule::Random},
                                            {"lowest-first", Schedule::LowestFirst},
                                            {"highest-first", Schedule::HighestFirst},
                                            {"starve-one", Schedule::StarveOne}});
     }},
    {"seed", [](Options &o, View name, View value) { o.seed = parseNumber(name, value); }},
    {"perturb", [](Options &o, View name, View value) { o.perturb = parseNumber(name, value); }},
    {"contract", [](Options &o, View name, View value) { o.contract = parseSwitch(name, value); }},
    {"split", [](Options &o, View name, View value) { o.split = parseSwitch(name, value); }},
    {"checks", [](Options &o, View name, View value) { o.checks = parseSwitch(name, value); }},
    {"exclusive-writer",
     [](Options &o, View name, View value) { o.exclusiveWriter = parseSwitch(name, value); }},
    {"counters", [](Options &o, View name, View value) { o.counters = parseSwitch(name, value); }},
    {"threads", [](Options &o, View name,
                   View value) { o.threads = unsigned(parseNumber(name, value, 1024)); }},
    {"stop-at-first",
     [](Options &o, View name, View value) { o.stopAtFirst = parseSwitch(name, value); }},
    {"instruction-limit",
     [](Options &o, View name, View value) { o.instructionLimit = parseNumber(name, value); }},
};

void setOption(Options &options, std::string_view name, std::string_view value) {
  std::string known;
  for (const Entry &entry : entries) {
    if (name == entry.name)
      return entry.set(options, name, value);
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw std::invalid_argument("simulator option " + quote(name) +
                              " is not known; there are: " + known);
}

} // namespace

Options parseOptions(std::string_view text) {
  Options options;
  while (!text.empty()) {
    size_t comma = text.find(',');
    std::string_view item = text.substr(0, comma);
    text = comma == text.npos ? "" : text.substr(comma + 1);
    size_t equals = item.find('=');
    if (equals == item.npos)
      throw std::invalid_argument("simulator options: expected name=value, but got " + quote(item));
    setOption(options, item.substr(0, equals), item.substr(equals + 1));
    if (comma != text.npos && text.empty())
      throw std::invalid_argument("simulator options: expected name=value behind the last comma");
  }
  return options;
}

} // namespace attune::sim
