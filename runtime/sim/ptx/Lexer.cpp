// SPDX-License-Identifier: Apache-2.0
// Cuts PTX text into tokens, in one pass.
#include "runtime/sim/ptx/Lexer.h"

#include <cstdio>

namespace attune::sim::ptx {

namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool isWordCharacter(char c) { return isLetter(c) || isDigit(c) || c == '_'; }
bool startsName(char c) { return isLetter(c) || c == '_' || c == '$' || c == '%'; }
bool continuesName(char c) { return isWordCharacter(c) || c == '$'; }

std::string printable(std::string_view text) {
  constexpr size_t most = 60;
  std::string result;
  for (char c : text.substr(0, most))
    result += c >= ' ' && c <= '~' ? c : '?';
  return text.size() > most ? result + "..." : result;
}

} // namespace

std::string describe(const Token &token) {
  switch (token.kind) {
  case Token::Kind::End: return "the end of the text";
  case Token::Kind::Dotted: return "'." + printable(token.text) + "'";
  case Token::Kind::String: return "\"" + printable(token.text) + "\"";
  default: return "'" + printable(token.text) + "'";
  }
}

Token Lexer::next() {
  skipBlanks();
  char c = at(0);
  if (position >= text.size())
    return {Token::Kind::End, {}, line};
  if (startsName(c)) {
    size_t length = 1;
    while (continuesName(at(length)))
      ++length;
    if (c == '%' && length == 1)
      throw LoadError(line, "expected a name behind '%'");
    return take(Token::Kind::Name, length);
  }
  if (isDigit(c))
    return lexNumber();
  if (c == '.')
    return lexDotted();
  if (c == '"')
    return lexString();
  if (std::string_view(",;:{}[]()<>+-!|@=").find(c) != std::string_view::npos)
    return take(Token::Kind::Punctuation, 1);
  char code[8];
  std::snprintf(code, sizeof code, "0x%02x", static_cast<unsigned char>(c));
  throw LoadError(line, std::string("PTX has no such character: ") +
                            (c > ' ' && c <= '~' ? "'" + std::string(1, c) + "'" : code));
}

void Lexer::skipBlanks() {
  while (position < text.size()) {
    char c = text[position];
    if (c == '\n')
      ++line, ++position;
    else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v')
      ++position;
    else if (c == '/' && at(1) == '/')
      while (position < text.size() && text[position] != '\n')
        ++position;
    else if (c == '/' && at(1) == '*')
      skipComment();
    else
      return;
  }
}

void Lexer::skipComment() {
  uint32_t begin = line;
  for (position += 2; position < text.size(); ++position) {
    if (text[position] == '\n')
      ++line;
    if (text[position] == '*' && at(1) == '/') {
      position += 2;
      return;
    }
  }
  throw LoadError(begin, "the comment that begins here does not end: expected '*/'");
}

Token Lexer::lexDotted() {
  ++position;
  size_t length = 0;
  while (isWordCharacter(at(length)) ||
         (length && at(length) == ':' && at(length + 1) == ':' && isWordCharacter(at(length + 2))))
    length += at(length) == ':' ? 2 : 1;
  if (!length)
    throw LoadError(line, "expected a word right behind '.'");
  return take(Token::Kind::Dotted, length);
}

Token Lexer::lexNumber() {
  size_t length = 0;
  bool decimal = true;
  while (isWordCharacter(at(length)) || (decimal && at(length) == '.' && isDigit(at(length + 1)))) {
    char c = at(length);
    // 1e-3: a sign belongs to the number only behind the exponent of a decimal one.
    bool exponent = decimal && (c == 'e' || c == 'E') && length;
    if (!isDigit(c) && c != '.' && !exponent)
      decimal = false;
    ++length;
    if (exponent) {
      decimal = false;
      if ((at(length) == '+' || at(length) == '-') && isDigit(at(length + 1)))
        ++length;
    }
  }
  return take(Token::Kind::Number, length);
}

Token Lexer::lexString() {
  ++position;
  size_t length = 0;
  while (position + length < text.size() && at(length) != '"' && at(length) != '\n')
    ++length;
  if (at(length) != '"')
    throw LoadError(line, "the string that begins here does not end: expected '\"'");
  Token token = take(Token::Kind::String, length);
  ++position;
  return token;
}

Token Lexer::take(Token::Kind kind, size_t length) {
  Token token{kind, text.substr(position, length), line};
  position += length;
  return token;
}

} // namespace attune::sim::ptx
