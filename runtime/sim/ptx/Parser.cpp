// SPDX-License-Identifier: Apache-2.0
// Reads modules and functions, with all that stands around their instructions. (PTX ISA,
// Directives.)
#include "runtime/sim/ptx/Parser.h"

#include <algorithm>

namespace attune::sim::ptx {

namespace {

/// Text that is longer is refused: a statement of two letters takes a hundred bytes of memory.
constexpr size_t mostText = size_t(16) << 20;
constexpr uint64_t mostThreads = 1024;

struct KnownTarget {
  std::string_view name;
  uint32_t number;
  char suffix;
  /// The PTX version that brought it.
  uint32_t version;
};
constexpr KnownTarget targets[] = {
    {"sm_75", 75, 0, 63}, {"sm_80", 80, 0, 70}, {"sm_86", 86, 0, 71},    {"sm_87", 87, 0, 74},
    {"sm_89", 89, 0, 78}, {"sm_90", 90, 0, 78}, {"sm_90a", 90, 'a', 80},
};

} // namespace

Parser::Parser(Module &module) : module(module), lexer(module.text) {
  token = lexer.next();
  scopes.emplace_back();
}

Token Parser::take() {
  Token taken = token;
  token = lexer.next();
  return taken;
}

bool Parser::takeIf(char punctuation) {
  bool found = token.is(punctuation);
  if (found)
    take();
  return found;
}

bool Parser::takeDotted(std::string_view word) {
  bool found = token.isDotted(word);
  if (found)
    take();
  return found;
}

void Parser::failExpected(const std::string &what) const {
  fail("expected " + what + ", but found " + describe(token));
}

void Parser::expect(char punctuation, const char *where) {
  if (!takeIf(punctuation))
    failExpected("'" + std::string(1, punctuation) + "' " + where);
}

std::string_view Parser::expectName(const char *what) {
  if (token.kind != Token::Kind::Name || token.text == "_")
    failExpected(what);
  return take().text;
}

uint64_t Parser::expectCount(const char *what, uint64_t most) {
  if (token.kind != Token::Kind::Number)
    failExpected(what);
  uint64_t value = integerValue(token);
  if (value > most)
    fail(std::string(what) + " is at most " + std::to_string(most) + ", but found " +
         describe(token));
  take();
  return value;
}

void Parser::parseModule() {
  parseVersion();
  parseTarget();
  if (token.isDotted("address_size"))
    parseAddressSize();
  while (token.kind != Token::Kind::End)
    parseModuleItem();
}

void Parser::parseVersion() {
  if (!takeDotted("version"))
    failExpected("PTX to begin with '.version'");
  std::string_view text = token.text;
  auto digit = [&](size_t place) { return text[place] >= '0' && text[place] <= '9'; };
  if (token.kind != Token::Kind::Number || text.size() != 3 || text[1] != '.' || !digit(0) ||
      !digit(2))
    failExpected("a version such as 8.0");
  module.version = (text[0] - '0') * 10 + (text[2] - '0');
  take();
}

void Parser::parseTarget() {
  if (!takeDotted("target"))
    failExpected("'.target' behind '.version'");
  auto found = std::find_if(std::begin(targets), std::end(targets),
                            [&](const KnownTarget &known) { return token.isName(known.name); });
  if (found == std::end(targets))
    failExpected("a target that the simulator knows, sm_75 to sm_90a");
  if (module.version < found->version)
    fail("target " + std::string(found->name) + " needs .version " +
         std::to_string(found->version / 10) + "." + std::to_string(found->version % 10) +
         " or later");
  module.target = found->number;
  module.targetSuffix = found->suffix;
  take();
  while (takeIf(','))
    if (expectName("an option of the target") != "debug")
      fail("the simulator knows no option of targets but 'debug'");
}

void Parser::parseAddressSize() {
  uint32_t line = take().line;
  if (expectCount("an address size", 64) != 64)
    throw LoadError(line, "expected .address_size 64: the simulator has 64-bit addresses only");
}

void Parser::parseModuleItem() {
  if (token.kind != Token::Kind::Dotted)
    failExpected("a directive, a variable or a function");
  bool isExtern = false, isLinked = false;
  while (token.isDotted("visible") || token.isDotted("extern") || token.isDotted("weak")) {
    if (isLinked)
      fail("expected one of .extern, .visible, .weak at most");
    isLinked = true;
    isExtern = take().text == "extern";
  }
  if (takeDotted("entry"))
    return isExtern ? fail("an entry cannot be .extern") : parseEntry();
  if (takeDotted("func"))
    return skipFunctionDeclaration();
  if (takeDotted("global"))
    return parseVariables(Space::Global, isExtern);
  if (takeDotted("shared"))
    return parseVariables(Space::Shared, isExtern);
  if (takeDotted("const"))
    return parseVariables(Space::Const, isExtern);
  if (isLinked)
    failExpected("a variable or a function behind .extern, .visible or .weak");
  if (takeDotted("file"))
    return parseFile();
  if (takeDotted("section"))
    return skipSection();
  if (takeDotted("pragma"))
    return parsePragma();
  fail("the simulator knows no directive " + describe(token) + " of a module");
}

void Parser::parseFile() {
  constexpr uint64_t mostFiles = 1 << 16;
  uint64_t number = expectCount("the number of a file", mostFiles);
  if (token.kind != Token::Kind::String)
    failExpected("the name of a file in quotes");
  if (module.files.size() <= number)
    module.files.resize(number + 1);
  module.files[number] = std::string(take().text);
  // A time stamp and a size.
  for (int i = 0; i < 2 && takeIf(','); ++i)
    expectCount("a number", UINT64_MAX);
}

/// Debug information: not read.
void Parser::skipSection() {
  if (token.kind != Token::Kind::Dotted)
    failExpected("the name of a section");
  take();
  expect('{', "to begin a section");
  while (!token.is('}')) {
    if (token.kind == Token::Kind::End || token.is('{'))
      failExpected("'}' to end the section");
    take();
  }
  take();
}

/// Pragmas are hints to ptxas.
void Parser::parsePragma() {
  do {
    if (token.kind != Token::Kind::String)
      failExpected("a pragma in quotes");
    take();
  } while (takeIf(','));
  expect(';', "behind a pragma");
}

void Parser::skipFunctionDeclaration() {
  uint32_t line = token.line;
  while (!token.is(';')) {
    if (token.is('{') || token.kind == Token::Kind::End)
      throw LoadError(line, "the simulator runs no .func: inline it into the entry");
    take();
  }
  take();
}

void Parser::parseEntry() {
  Function made;
  made.isEntry = true;
  made.line = token.line;
  std::string_view name = expectName("the name of an entry");
  made.name = std::string(name);
  function = &made;
  used.clear();
  openScope();
  if (takeIf('('))
    parseParameters();
  while (parseEntryDirective()) {
  }
  if (made.requiredThreads[0] && made.maximumThreads[0])
    throw LoadError(made.line,
                    "'" + made.name + "' has .reqntid and .maxntid: expected one of them");
  bool isDeclaration = takeIf(';');
  if (!isDeclaration) {
    if (!entryNames.insert(name).second)
      throw LoadError(made.line, "there are two entries '" + made.name + "'");
    parseBody();
  }
  closeScope();
  function = nullptr;
  if (!isDeclaration)
    module.functions.push_back(std::move(made));
}

void Parser::parseParameters() {
  if (takeIf(')'))
    return;
  do
    parseParameter();
  while (takeIf(','));
  expect(')', "behind the parameters");
}

/// Reads one of the directives between parameters and body; false when there is none.
bool Parser::parseEntryDirective() {
  constexpr uint64_t mostCluster = 16, mostRegisters = 255, mostBlocks = 1024;
  if (token.kind != Token::Kind::Dotted)
    return false;
  bool isOfClusters = token.isDotted("reqnctapercluster") || token.isDotted("explicitcluster") ||
                      token.isDotted("maxclusterrank");
  if (isOfClusters && module.target < 90)
    fail(describe(token) + " needs .target sm_90 or higher");
  if (takeDotted("reqntid"))
    parseThreeCounts(function->requiredThreads, mostThreads);
  else if (takeDotted("maxntid"))
    parseThreeCounts(function->maximumThreads, mostThreads);
  else if (takeDotted("reqnctapercluster"))
    parseThreeCounts(function->requiredCluster, mostCluster);
  else if (takeDotted("minnctapersm"))
    function->minimumBlocks = uint32_t(expectCount("a number of blocks", mostBlocks));
  else if (takeDotted("maxclusterrank"))
    expectCount("a number of blocks", mostCluster);
  else if (takeDotted("maxnreg"))
    function->maximumRegisters = uint32_t(expectCount("a number of registers", mostRegisters));
  else if (takeDotted("pragma"))
    parsePragma();
  else if (!takeDotted("explicitcluster"))
    fail("the simulator knows no directive " + describe(token) + " of a function");
  return true;
}

void Parser::parseThreeCounts(uint32_t (&counts)[3], uint64_t most) {
  if (counts[0])
    fail("the directive before is there twice");
  std::fill(std::begin(counts), std::end(counts), 1);
  uint64_t product = 1;
  size_t i = 0;
  do {
    if (i == 3)
      failExpected("at most three numbers");
    uint64_t count = expectCount("a number", most);
    product *= count;
    if (!count || product > most)
      fail("expected the numbers to be 1 or more, and their product at most " +
           std::to_string(most));
    counts[i++] = uint32_t(count);
  } while (takeIf(','));
}

void Parser::parseBody() {
  constexpr size_t deepest = 64;
  expect('{', "to begin the body");
  openScope();
  for (size_t depth = 1; depth;) {
    if (token.kind == Token::Kind::End)
      failExpected("'}' to end the body of '" + function->name + "'");
    if (takeIf('{')) {
      if (++depth > deepest)
        fail("blocks nest deeper than " + std::to_string(deepest));
      openScope();
    } else if (takeIf('}')) {
      --depth;
      closeScope();
    } else {
      parseBodyItem();
    }
  }
}

void Parser::parseBodyItem() {
  if (token.kind != Token::Kind::Dotted)
    return parseStatement();
  if (takeDotted("reg"))
    return parseRegisters();
  if (takeDotted("shared"))
    return parseVariables(Space::Shared, false);
  if (takeDotted("local"))
    return parseVariables(Space::Local, false);
  if (takeDotted("global"))
    return parseVariables(Space::Global, false);
  if (takeDotted("const"))
    return parseVariables(Space::Const, false);
  if (takeDotted("loc"))
    return parseLocation();
  if (takeDotted("pragma"))
    return parsePragma();
  if (takeDotted("file"))
    return parseFile();
  if (token.isDotted("param"))
    fail("the simulator knows no .param variables in a body: it runs no calls");
  fail("the simulator knows no directive " + describe(token) + " in a body");
}

/// .loc file line column {, function_name label {+ offset}, inlined_at file line column}
void Parser::parseLocation() {
  auto number = [&] { return uint32_t(expectCount("a number of .loc", UINT32_MAX)); };
  Location location{uint32_t(function->statements.size()), number(), number(), number()};
  function->locations.push_back(location);
  while (takeIf(',')) {
    std::string_view attribute = expectName("'function_name' or 'inlined_at'");
    if (attribute == "inlined_at") {
      number(), number(), number();
    } else if (attribute == "function_name") {
      expectName("a label");
      if (takeIf('+'))
        number();
    } else {
      fail("expected 'function_name' or 'inlined_at' in .loc, but found '" +
           std::string(attribute) + "'");
    }
  }
}

Module parse(std::string text) {
  if (text.size() > mostText)
    throw LoadError(0, "the text has " + std::to_string(text.size()) +
                           " bytes, and the simulator reads at most " + std::to_string(mostText));
  Module module;
  module.text = std::move(text);
  Parser(module).parseModule();
  return module;
}

} // namespace attune::sim::ptx
