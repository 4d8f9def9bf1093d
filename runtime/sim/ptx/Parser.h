// SPDX-License-Identifier: Apache-2.0
// How is PTX read? Recursive descent over the tokens; nothing nests without a bound.
#pragma once

#include "runtime/sim/ptx/Lexer.h"
#include "runtime/sim/ptx/Names.h"
#include "runtime/sim/ptx/Syntax.h"

#include <deque>
#include <map>
#include <set>

namespace attune::sim::ptx {

/// What a type without vectors says about a variable: .f32 is 4 bytes.
struct VariableType {
  uint32_t bytes = 0;
  bool isPredicate = false;
  bool isFloat = false;
};

class Parser {
public:
  explicit Parser(Module &module);
  void parseModule();

private:
  //===-- Tokens: Parser.cpp ---===//
  Token take();
  bool takeIf(char punctuation);
  bool takeDotted(std::string_view word);
  void expect(char punctuation, const char *where);
  std::string_view expectName(const char *what);
  uint64_t expectCount(const char *what, uint64_t most);
  [[noreturn]] void fail(const std::string &message) const { throw LoadError(token.line, message); }
  [[noreturn]] void failExpected(const std::string &what) const;

  //===-- Modules and functions: Parser.cpp ---===//
  void parseVersion();
  void parseTarget();
  void parseAddressSize();
  void parseModuleItem();
  void parseEntry();
  void skipFunctionDeclaration();
  void parseParameters();
  bool parseEntryDirective();
  void parseThreeCounts(uint32_t (&counts)[3], uint64_t most);
  void parseBody();
  void parseBodyItem();
  void parsePragma();
  void parseFile();
  void parseLocation();
  void skipSection();

  //===-- Declarations: Declarations.cpp ---===//
  void parseRegisters();
  void parseRegisterName(RegisterClass width);
  VariableType parseVariableType();
  void parseVariables(Space space, bool isExtern);
  void parseVariable(Variable variable, VariableType type, uint32_t elements, bool isExtern);
  /// [4][2] behind a name; 0 for an array of no size.
  uint64_t parseDimensions(size_t &dimensions);
  void parseInitialiser(Variable &variable, VariableType type);
  void parseInitialValue(Variable &variable, VariableType type);
  void parseParameter();

  //===-- Statements: Statements.cpp ---===//
  void parseStatement();
  void parseInstruction(Statement statement, Token word);
  void parseLabel(Token name);
  void parseBranchTargets(Token label);
  void parseGuard(Statement &statement);
  Operand parseOperand();
  Operand parseSimpleOperand();
  Operand parseVectorOperand();
  Operand parseAddressOperand();
  Operand parseNumber();
  Operand parseNamed();
  Operand namedRegister(std::string_view name, Symbol &symbol);
  int64_t parseOffset();
  void openScope();
  void closeScope();
  Symbol *find(std::string_view name);
  uint32_t useVariable(uint32_t declared);

  Module &module;
  Lexer lexer;
  Token token;

  /// The module's scope, then the function's parameters, then blocks.
  std::deque<Scope> scopes;
  /// All variables that were declared, and where those that the function uses stand in it.
  std::vector<Variable> declared;
  std::map<uint32_t, uint32_t> used;
  uint64_t globalBytes = 0, copiedBytes = 0;
  std::set<std::string_view> entryNames;
  Function *function = nullptr;
};

/// Reads an integer constant: decimal, 0x.., 0.., 0b.., with or without U. Throws LoadError.
uint64_t integerValue(const Token &number);
/// Reads any number: an Integer, Float32 or Float64 operand.
Operand numberValue(const Token &number);

} // namespace attune::sim::ptx
