// SPDX-License-Identifier: Apache-2.0
// A table of patterns and what to put in their place. To add a kind, add a row.
#include "test/runtime/sim/mutation/Mutants.h"

#include <functional>
#include <map>
#include <regex>

namespace attune::sim::test {
namespace {

/// What becomes of a statement.
struct Altered {
  /// Without guard and semicolon; "" deletes it.
  std::string statement;
  /// Declarations and statements to put before it, in a block of their own.
  std::string before;
};
/// Given what was matched: the statement between its guard and its semicolon.
using Change = std::function<Altered(const std::smatch &)>;

struct Kind {
  const char *name;
  /// Matches a statement without guard and semicolon.
  std::regex pattern;
  Change change;
};

Altered deleted(const std::smatch &) { return {}; }

Change replaced(const char *format) {
  return [format](const std::smatch &match) { return Altered{match.format(format), ""}; };
}

/// The number in group 2 becomes larger by `step`.
Change stepped(int64_t step) {
  return [step](const std::smatch &match) {
    std::string number = std::to_string(std::stoll(match[2]) + step);
    return Altered{match[1].str() + number + match[3].str(), ""};
  };
}

/// Bytes are added to the address in group 2, to its own offset if it has one.
Change shifted(int64_t bytes) {
  return [bytes](const std::smatch &match) {
    static const std::regex withOffset(R"((.*)\+(-?\d+))");
    std::string address = match[2], base = address;
    int64_t offset = bytes;
    std::smatch parts;
    if (std::regex_match(address, parts, withOffset)) {
      base = parts[1];
      offset += std::stoll(parts[2]);
    }
    return Altered{match[1].str() + base + "+" + std::to_string(offset) + match[3].str(), ""};
  };
}

/// Bits of the constant in group 2 are turned over.
Change flipped(uint64_t bits) {
  return [bits](const std::smatch &match) {
    std::string number = std::to_string(std::stoull(match[2]) ^ bits);
    return Altered{match[1].str() + number + match[3].str(), ""};
  };
}

/// The register in group 2 becomes larger; it is changed in a block of its own.
Change registerStepped(int64_t step) {
  return [step](const std::smatch &match) {
    return Altered{match.format("$1other$3"), match.format(".reg .b32 other; add.s32 other, $2, ") +
                                                  std::to_string(step) + ";"};
  };
}

Altered twice(const std::smatch &match) { return {match.str(), match.str() + ";"}; }

/// Comparisons become their opposites.
Altered opposite(const std::smatch &match) {
  static const std::map<std::string, std::string> others = {
      {"lt", "ge"}, {"ge", "lt"}, {"gt", "le"}, {"le", "gt"}, {"eq", "ne"},
      {"ne", "eq"}, {"lo", "hs"}, {"hs", "lo"}, {"hi", "ls"}, {"ls", "hi"}};
  return {"setp." + others.at(match[1]) + "." + match[2].str(), ""};
}

/// A wait for the other parity; the register is changed in a block of its own.
Altered otherParity(const std::smatch &match) {
  return {match.format("$1other$3"), match.format(".reg .b32 other; xor.b32 other, $2, 1;")};
}

const std::vector<Kind> &kinds() {
  // A constant with the swizzle of a matrix descriptor: of 128 bytes, 64, or 32.
  static const char *const descriptor = R"(((?:or|add)\.[bs]64\s+%\w+,\s*%\w+,\s*)(-?\d{19})())";
  static const std::vector<Kind> all = {
      {"cp.async.wait_group deleted", std::regex(R"(cp\.async\.wait_(group\s+\d+|all))"), deleted},
      {"cp.async.wait_group of one group less", std::regex(R"((cp\.async\.wait_group\s+)(\d+)())"),
       stepped(1)},
      {"cp.async.commit_group deleted", std::regex(R"(cp\.async\.commit_group)"), deleted},
      {"cp.async to another place",
       std::regex(R"((cp\.async\.c[ag]\.shared[^\[]*\[)([^\]]*)(\].*))"), shifted(16)},
      {"cp.async deleted", std::regex(R"(cp\.async\.c[ag]\.shared.*)"), deleted},
      {"bar.sync deleted", std::regex(R"(bar\.sync\s.*)"), deleted},
      {"bar.arrive deleted", std::regex(R"(bar\.arrive\s.*)"), deleted},
      {"bar.warp.sync deleted", std::regex(R"(bar\.warp\.sync\s.*)"), deleted},
      {"proxy fence deleted", std::regex(R"(fence\.proxy\.async.*)"), deleted},
      {"mbarrier init fence deleted", std::regex(R"(fence\.mbarrier_init.*)"), deleted},
      {"wgmma.fence deleted", std::regex(R"(wgmma\.fence.*)"), deleted},
      {"wgmma.commit_group deleted", std::regex(R"(wgmma\.commit_group.*)"), deleted},
      {"wgmma.wait_group deleted", std::regex(R"(wgmma\.wait_group.*)"), deleted},
      {"wgmma.wait_group of one group less",
       std::regex(R"((wgmma\.wait_group\.sync\.aligned\s+)(\d+)())"), stepped(1)},
      {"bulk wait deleted", std::regex(R"(cp\.async\.bulk\.wait_group.*)"), deleted},
      {"bulk commit deleted", std::regex(R"(cp\.async\.bulk\.commit_group)"), deleted},
      {"mbarrier wait for the other parity",
       std::regex(R"((mbarrier\.try_wait\.parity[^,]*,\s*\[[^\]]*\],\s*)([%\w]+)(.*))"),
       otherParity},
      {"mbarrier arrive deleted",
       std::regex(R"(mbarrier\.arrive\.shared\S*\s+(_|%\w+),\s*\[[^\]]*\].*)"), deleted},
      {"mbarrier expects more bytes",
       std::regex(R"((mbarrier\.arrive\.expect_tx[^\[]*\[[^\]]*\],\s*)([%\w]+)())"),
       registerStepped(16)},
      {"mbarrier init with another count",
       std::regex(R"((mbarrier\.init\.shared[^,]*,\s*)([%\w]+)())"), registerStepped(1)},
      {"mbarrier wait deleted", std::regex(R"(mbarrier\.try_wait\S*\s+([%\w]+),.*)"),
       replaced("setp.eq.u32 $1, 0, 0")},
      {"mbarrier wait at another barrier",
       std::regex(R"((mbarrier\.try_wait[^\[]*\[)([^\]]*)(\].*))"), shifted(8)},
      {"mbarrier arrive at another barrier",
       std::regex(R"((mbarrier\.arrive\.shared[^\[]*\[)([^\]]*)(\].*))"), shifted(8)},
      {"mbarrier arrive twice", std::regex(R"(mbarrier\.arrive\.shared\S*\s.*)"), twice},
      {"mbarrier announcement deleted", std::regex(R"(mbarrier\.arrive\.expect_tx.*)"), deleted},
      {"mbarrier announcement at another barrier",
       std::regex(R"((mbarrier\.arrive\.expect_tx[^\[]*\[)([^\]]*)(\].*))"), shifted(8)},
      {"mbarrier announcement without bytes",
       std::regex(R"(mbarrier\.arrive\.expect_tx(\.\S+\s[^\[]*\[[^\]]*\]),.*)"),
       replaced("mbarrier.arrive$1")},
      {"mbarrier expects fewer bytes",
       std::regex(R"((mbarrier\.arrive\.expect_tx[^\[]*\[[^\]]*\],\s*)([%\w]+)())"),
       registerStepped(-16)},
      {"mbarrier init with one arrival less",
       std::regex(R"((mbarrier\.init\.shared[^,]*,\s*)([%\w]+)())"), registerStepped(-1)},
      {"mbarrier init deleted", std::regex(R"(mbarrier\.init\.shared.*)"), deleted},
      {"tensor copy deleted", std::regex(R"(cp\.async\.bulk\.tensor\..*)"), deleted},
      {"tensor copy to another place",
       std::regex(R"((cp\.async\.bulk\.tensor[^\[]*shared[^\[]*\[)([^\]]*)(\].*))"), shifted(1024)},
      {"tensor copy reports to another barrier",
       std::regex(R"((cp\.async\.bulk\.tensor.*\[)([^\]]*)(\]))"), shifted(8)},
      {"tensor copy with column and token swapped",
       std::regex(R"((cp\.async\.bulk\.tensor[^{]*\{)([^,]+),([^,]+),(.*))"),
       replaced("$1$3, $2,$4")},
      {"tensor copy with token and head swapped",
       std::regex(R"((cp\.async\.bulk\.tensor[^{]*\{[^,]+,)([^,]+),([^,]+),(.*))"),
       replaced("$1$3, $2,$4")},
      {"tensor copy with head and batch swapped",
       std::regex(R"((cp\.async\.bulk\.tensor[^{]*\{[^,]+,[^,]+,)([^,]+),([^,}]+)(\}.*))"),
       replaced("$1$3, $2$4")},
      {"product with another scale-d",
       std::regex(R"((wgmma\.mma_async.*,\s*)([a-z]\w*)(,\s*1,.*))"), replaced("$1!$2$3")},
      {"product with B the other way round", std::regex(R"((wgmma\.mma_async.*,\s*)([01])())"),
       flipped(1)},
      {"descriptor with another start", std::regex(descriptor), flipped(0x10)},
      {"descriptor with another leading distance", std::regex(descriptor), flipped(0x10 << 16)},
      {"descriptor with another stride", std::regex(descriptor), flipped(uint64_t(0x20) << 32)},
      {"descriptor with another swizzle", std::regex(descriptor), flipped(uint64_t(3) << 62)},
      {"place in shared memory moved",
       std::regex(R"((add\.s(?:32|64)\s+%\w+,\s*%\w+,\s*)(\d{4,6})())"), stepped(1024)},
      {"shift by one less", std::regex(R"((shl\.b(?:32|64)\s+%\w+,\s*%\w+,\s*)(\d+)())"),
       stepped(-1)},
      {"bits from one place further",
       std::regex(R"((bfe\.u(?:32|64)\s+%\w+,\s*%\w+,\s*)(\d+)(,.*))"), stepped(1)},
      {"bits without their mask", std::regex(R"(and\.b(32|64)(\s+%\w+,\s*%\w+),\s*\d+)"),
       replaced("mov.b$1$2")},
      {"word beside a tile not written", std::regex(R"(st\.shared\.b32.*)"), deleted},
      {"shared store to another place", std::regex(R"((st\.shared\.[^\[]*\[)([^\]]*)(\].*))"),
       shifted(16)},
      {"shared load from another place", std::regex(R"((ld\.shared\.[^\[]*\[)([^\]]*)(\].*))"),
       shifted(16)},
      {"more registers", std::regex(R"((setmaxnreg\.\D*u32\s+)(\d+)())"), stepped(8)},
      {"fewer registers", std::regex(R"((setmaxnreg\.\D*u32\s+)(\d+)())"), stepped(-8)},
      {"registers kept", std::regex(R"(setmaxnreg\..*)"), deleted},
      {"bar with another number", std::regex(R"((bar\.(?:sync|arrive)\s+)(%\w+)(,.*))"),
       registerStepped(1)},
      {"bar with more threads", std::regex(R"((bar\.(?:sync|arrive)\s+\S+,\s*)(\d+)())"),
       stepped(32)},
      {"matrix load from another place", std::regex(R"((ldmatrix[^\[]*\[)([^\]]*)(\]))"),
       shifted(16)},
      {"swizzle without xor", std::regex(R"(xor\.b(32|64)(\s+%\w+,\s*%\w+,\s*)(\S+))"),
       replaced("or.b$1$2$3")},
      {"comparison the other way round",
       std::regex(R"(setp\.(lt|le|gt|ge|eq|ne|lo|ls|hi|hs)\.([su]\d+.*))"), opposite},
      {"bound without its minimum",
       std::regex(R"(min\.[su](32|64)(\s+%\w+,\s*)([%\w-]+),\s*[%\w-]+)"), replaced("mov.b$1$2$3")},
      {"bound without its maximum",
       std::regex(R"(max\.[su](32|64)(\s+%\w+,\s*)([%\w-]+),\s*[%\w-]+)"), replaced("mov.b$1$2$3")},
      {"choice the other way round",
       std::regex(R"((selp\.b\d+\s+%\w+,\s*)([%\w-]+),\s*([%\w-]+),(.*))"),
       replaced("$1$3, $2,$4")},
  };
  return all;
}

/// A statement within a line: from its guard, if it has one, to its semicolon.
struct Place {
  size_t line, begin, length;
  std::string guard, statement;
};

std::vector<std::string> splitLines(const std::string &text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at <= text.size();) {
    size_t end = text.find('\n', at);
    end = end == std::string::npos ? text.size() : end;
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::string joinLines(const std::vector<std::string> &lines) {
  std::string text;
  for (const std::string &line : lines)
    text += line + "\n";
  return text;
}

/// Statements that could be altered: what stands before a semicolon, behind guards and openings.
std::vector<Place> findStatements(const std::vector<std::string> &lines) {
  static const std::regex statement(
      R"((@!?%?\w+\s+)?\b([a-z][\w.:]*(?:\s[^;{]*(?:\{[^}]*\}[^;]*)?)?);)");
  std::vector<Place> places;
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string line = lines[i].substr(0, lines[i].find("//"));
    for (std::sregex_iterator found(line.begin(), line.end(), statement), end; found != end;
         ++found)
      places.push_back(
          {i, size_t(found->position()), size_t(found->length()), found->str(1), found->str(2)});
  }
  return places;
}

} // namespace

/// What leads to a place: the beginnings of eight statements.
static std::string textBefore(const std::vector<Place> &places, size_t number) {
  std::string text;
  for (size_t i = number < 8 ? 0 : number - 8; i < number; ++i)
    text += places[i].statement.substr(0, 60) + "; ";
  return text;
}

std::vector<Mutant> makeMutants(const std::string &text, size_t mostOfAKind) {
  std::vector<std::string> lines = splitLines(text);
  std::vector<Place> places = findStatements(lines);
  std::vector<Mutant> mutants;
  for (const Kind &kind : kinds()) {
    std::vector<std::pair<size_t, Altered>> changes;
    for (size_t i = 0; i < places.size(); ++i) {
      std::smatch match;
      if (std::regex_match(places[i].statement, match, kind.pattern))
        changes.push_back({i, kind.change(match)});
    }
    size_t count = std::min(mostOfAKind, changes.size());
    for (size_t i = 0; i < count; ++i) {
      const auto &[number, change] = changes[i * changes.size() / count];
      const Place &place = places[number];
      std::vector<std::string> altered = lines;
      std::string put = change.statement.empty() ? "" : place.guard + change.statement + ";";
      if (!change.before.empty())
        put = "{ " + change.before + " " + put + " }";
      altered[place.line].replace(place.begin, place.length, put);
      mutants.push_back({kind.name + std::string(", line ") + std::to_string(place.line + 1),
                         kind.name, place.statement, textBefore(places, number),
                         joinLines(altered)});
    }
  }
  return mutants;
}

} // namespace attune::sim::test
