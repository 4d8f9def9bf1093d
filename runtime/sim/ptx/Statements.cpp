// SPDX-License-Identifier: Apache-2.0
// Reads labels and instructions with their operands. (PTX ISA, Instruction Operands.)
#include "runtime/sim/ptx/Parser.h"

#include <bit>
#include <charconv>
#include <utility>

namespace attune::sim::ptx {

//===-- Numbers ---===//

namespace {

bool parseDigits(std::string_view digits, int base, uint64_t &value) {
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  return !digits.empty() && error == std::errc() && end == digits.data() + digits.size();
}

bool hasPrefix(std::string_view text, char letter) {
  return text.size() > 2 && text[0] == '0' && (text[1] | 0x20) == letter;
}

} // namespace

uint64_t integerValue(const Token &number) {
  std::string_view digits = number.text;
  uint64_t value = 0;
  if (digits.back() == 'U')
    digits.remove_suffix(1);
  bool valid = false;
  if (hasPrefix(digits, 'x'))
    valid = parseDigits(digits.substr(2), 16, value);
  else if (hasPrefix(digits, 'b'))
    valid = parseDigits(digits.substr(2), 2, value);
  else if (digits.size() > 1 && digits[0] == '0')
    valid = parseDigits(digits.substr(1), 8, value);
  else
    valid = parseDigits(digits, 10, value);
  if (!valid)
    throw LoadError(number.line, "expected an integer of 64 bits, but found " + describe(number));
  return value;
}

Operand numberValue(const Token &number) {
  std::string_view text = number.text;
  Operand operand;
  uint64_t value = 0;
  bool isSingle = hasPrefix(text, 'f'), isDouble = hasPrefix(text, 'd');
  if (isSingle || isDouble) {
    if (text.size() != (isSingle ? 10 : 18) || !parseDigits(text.substr(2), 16, value))
      throw LoadError(number.line, "expected 0f and 8 or 0d and 16 hexadecimal digits, but found " +
                                       describe(number));
    operand.kind = isSingle ? Operand::Kind::Float32 : Operand::Kind::Float64;
  } else if (text.find('.') != std::string_view::npos) {
    double decimal = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), decimal);
    if (error != std::errc() || end != text.data() + text.size())
      throw LoadError(number.line, "expected a number, but found " + describe(number));
    operand.kind = Operand::Kind::Float64;
    value = std::bit_cast<uint64_t>(decimal);
  } else {
    operand.kind = Operand::Kind::Integer;
    value = integerValue(number);
  }
  operand.bits = int64_t(value);
  return operand;
}

//===-- Names ---===//

void Parser::openScope() { scopes.emplace_back(); }

/// Gives labels that this block has to those who named them; hands the others to the outer block.
void Parser::closeScope() {
  Scope scope = std::move(scopes.back());
  scopes.pop_back();
  scope.checkRanges();
  bool outermost = scopes.size() == 1;
  for (const PendingLabel &label : scope.pending) {
    const Symbol *symbol = scope.find(label.name);
    if (!symbol && !outermost) {
      scopes.back().pending.push_back(label);
      continue;
    }
    if (!symbol || symbol->kind != Symbol::Kind::Label)
      throw LoadError(label.line, "there is no label '" + std::string(label.name) +
                                      "' in this block or one around it");
    if (label.inList) {
      function->branchTargets[label.owner][label.entry] = symbol->index;
      continue;
    }
    Operand &operand = function->statements[label.owner].operands[label.entry];
    operand.kind = Operand::Kind::Label;
    operand.index = symbol->index;
  }
}

Symbol *Parser::find(std::string_view name) {
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope)
    if (Symbol *symbol = scope->find(name))
      return symbol;
  return nullptr;
}

uint32_t Parser::useVariable(uint32_t index) {
  auto [place, fresh] = used.try_emplace(index, uint32_t(function->variables.size()));
  if (!fresh)
    return place->second;
  // Each function has its own copy.
  constexpr uint64_t mostCopied = uint64_t(1) << 28;
  copiedBytes += declared[index].initial.size();
  if (copiedBytes > mostCopied)
    fail("the functions have more initial values than " + std::to_string(mostCopied) + " bytes");
  function->variables.push_back(declared[index]);
  return place->second;
}

//===-- Statements ---===//

void Parser::parseStatement() {
  if (token.kind == Token::Kind::Name) {
    Token name = take();
    if (token.is(':'))
      return parseLabel(name);
    Statement statement;
    statement.line = name.line;
    return parseInstruction(std::move(statement), name);
  }
  Statement statement;
  statement.line = token.line;
  if (!token.is('@'))
    failExpected("an instruction, a label, a declaration or '}'");
  parseGuard(statement);
  Token name = token;
  expectName("an instruction behind the guard");
  parseInstruction(std::move(statement), name);
}

void Parser::parseLabel(Token name) {
  take();
  if (token.isDotted("branchtargets"))
    return parseBranchTargets(name);
  if (token.isDotted("callprototype") || token.isDotted("calltargets"))
    fail("the simulator runs no calls, and so knows no " + describe(token));
  Symbol label{Symbol::Kind::Label, {}, uint32_t(function->statements.size())};
  scopes.back().declare(name.text, label, name.line);
}

void Parser::parseBranchTargets(Token label) {
  take();
  uint32_t list = uint32_t(function->branchTargets.size());
  scopes.back().declare(label.text, {Symbol::Kind::TargetList, {}, list}, label.line);
  function->branchTargets.emplace_back();
  do {
    uint32_t line = token.line;
    std::string_view name = expectName("a label");
    uint32_t entry = uint32_t(function->branchTargets[list].size());
    function->branchTargets[list].push_back(0);
    scopes.back().pending.push_back({name, line, true, list, entry});
  } while (takeIf(','));
  expect(';', "behind the targets");
}

void Parser::parseGuard(Statement &statement) {
  take();
  statement.guardNegated = takeIf('!');
  Token name = token;
  expectName("a predicate behind '@'");
  Symbol *symbol = find(name.text);
  if (!symbol || symbol->kind != Symbol::Kind::Register ||
      symbol->width != RegisterClass::Predicate)
    throw LoadError(name.line, "expected a predicate behind '@', but found " + describe(name));
  statement.guard = namedRegister(name.text, *symbol).index;
}

void Parser::parseInstruction(Statement statement, Token word) {
  statement.opcode.push_back(word.text);
  while (token.kind == Token::Kind::Dotted)
    statement.opcode.push_back(take().text);
  if (word.text == "call")
    throw LoadError(word.line, "the simulator runs no calls: inline the function");
  uint32_t index = uint32_t(function->statements.size());
  while (!token.is(';')) {
    if (!statement.operands.empty())
      expect(',', "between operands or ';' behind an instruction");
    if (word.text == "bra" && statement.operands.empty() && token.kind == Token::Kind::Name) {
      scopes.back().pending.push_back({token.text, token.line, false, index, 0});
      take();
      statement.operands.emplace_back();
    } else {
      statement.operands.push_back(parseOperand());
    }
  }
  take();
  function->statements.push_back(std::move(statement));
}

//===-- Operands ---===//

Operand Parser::parseOperand() {
  if (token.is('{'))
    return parseVectorOperand();
  if (token.is('['))
    return parseAddressOperand();
  Operand first = parseSimpleOperand();
  if (!takeIf('|'))
    return first;
  Operand pair;
  pair.kind = Operand::Kind::Pair;
  pair.parts.push_back(std::move(first));
  pair.parts.push_back(parseSimpleOperand());
  if (pair.parts[0].kind == Operand::Kind::Sink && pair.parts[1].kind == Operand::Kind::Sink)
    fail("expected one of two results at least, but found '_|_'");
  return pair;
}

Operand Parser::parseVectorOperand() {
  Operand vector;
  vector.kind = Operand::Kind::Vector;
  take();
  do
    vector.parts.push_back(parseSimpleOperand());
  while (takeIf(','));
  expect('}', "behind the elements of a vector");
  return vector;
}

Operand Parser::parseAddressOperand() {
  Operand address;
  address.kind = Operand::Kind::Address;
  take();
  Operand base = parseSimpleOperand();
  address.bits = parseOffset();
  if (base.kind == Operand::Kind::Variable || base.kind == Operand::Kind::Parameter)
    address.bits = int64_t(uint64_t(address.bits) + uint64_t(std::exchange(base.bits, 0)));
  else if (base.negated ||
           (base.kind != Operand::Kind::Register && base.kind != Operand::Kind::Integer))
    fail("expected a register, a variable or an integer as address");
  address.parts.push_back(std::move(base));
  if (takeIf(',')) {
    if (!token.is('{'))
      failExpected("coordinates in braces");
    address.parts.push_back(parseVectorOperand());
  }
  expect(']', "behind an address");
  return address;
}

/// +4, +-4: the first sign has to be a plus.
int64_t Parser::parseOffset() {
  uint64_t sum = 0;
  if (token.is('-'))
    fail("expected an offset to begin with '+': write +-4, not -4");
  while (token.is('+') || token.is('-')) {
    bool negative = take().is('-');
    if (takeIf('-'))
      negative = !negative;
    if (token.kind != Token::Kind::Number)
      failExpected("an integer as offset");
    uint64_t value = integerValue(take());
    sum += negative ? 0 - value : value;
  }
  return int64_t(sum);
}

Operand Parser::parseSimpleOperand() {
  bool negated = takeIf('!');
  if (!negated && (token.is('-') || token.kind == Token::Kind::Number))
    return parseNumber();
  if (token.kind != Token::Kind::Name)
    failExpected("an operand");
  if (token.text == "_" && !negated) {
    take();
    return {};
  }
  Operand operand = parseNamed();
  if (negated && operand.kind != Operand::Kind::Register)
    fail("only a predicate can stand behind '!'");
  operand.negated = negated;
  return operand;
}

Operand Parser::parseNumber() {
  bool negative = takeIf('-');
  if (token.kind != Token::Kind::Number)
    failExpected("a number");
  Operand operand = numberValue(token);
  if (negative && operand.kind == Operand::Kind::Float32)
    fail("expected no sign before 0f and 0d constants");
  if (negative && operand.kind == Operand::Kind::Float64)
    operand.bits ^= INT64_MIN;
  else if (negative)
    operand.bits = int64_t(0 - uint64_t(operand.bits));
  take();
  return operand;
}

Operand Parser::parseNamed() {
  Token name = take();
  Operand operand;
  Symbol *symbol = find(name.text);
  if (!symbol) {
    std::string_view component;
    if (token.kind == Token::Kind::Dotted)
      component = take().text;
    std::optional<Special> special = findSpecial(name.text, component);
    if (special) {
      operand.kind = Operand::Kind::Special;
      operand.index = uint32_t(*special);
    } else if (name.text == "WARP_SZ" && component.empty()) {
      operand.kind = Operand::Kind::Integer;
      operand.bits = 32;
    } else {
      throw LoadError(name.line,
                      "there is no register, variable or parameter " + describe(name) +
                          (component.empty() ? "" : " with '." + std::string(component) + "'") +
                          " here");
    }
    return operand;
  }
  switch (symbol->kind) {
  case Symbol::Kind::Register: return namedRegister(name.text, *symbol);
  case Symbol::Kind::Variable:
    operand.kind = Operand::Kind::Variable;
    operand.index = useVariable(symbol->index);
    break;
  case Symbol::Kind::Parameter:
    operand.kind = Operand::Kind::Parameter;
    operand.index = symbol->index;
    break;
  case Symbol::Kind::TargetList:
    operand.kind = Operand::Kind::TargetList;
    operand.index = symbol->index;
    return operand;
  case Symbol::Kind::Label:
    throw LoadError(name.line,
                    "the label " + describe(name) + " is no operand of this instruction");
  }
  operand.bits = parseOffset();
  return operand;
}

Operand Parser::namedRegister(std::string_view name, Symbol &symbol) {
  if (symbol.index == Symbol::unused) {
    symbol.index = uint32_t(function->registers.size());
    function->registers.push_back({std::string(name), symbol.width});
  }
  Operand operand;
  operand.kind = Operand::Kind::Register;
  operand.index = symbol.index;
  return operand;
}

} // namespace attune::sim::ptx
