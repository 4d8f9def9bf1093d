// SPDX-License-Identifier: Apache-2.0
// What are the words of PTX text? (PTX ISA, Syntax.)
#pragma once

#include "runtime/sim/Error.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace attune::sim::ptx {

struct Token {
  enum class Kind : uint8_t {
    End,
    /// An identifier, also with % or $, also a lone _.
    Name,
    /// .word or .word::word: `text` is without the first dot.
    Dotted,
    /// From a digit on: an integer or a floating-point constant.
    Number,
    /// `text` is between the quotes.
    String,
    /// One character.
    Punctuation,
  };
  Kind kind = Kind::End;
  std::string_view text;
  uint32_t line = 1;

  bool is(char punctuation) const {
    return kind == Kind::Punctuation && text.front() == punctuation;
  }
  bool isDotted(std::string_view word) const { return kind == Kind::Dotted && text == word; }
  bool isName(std::string_view word) const { return kind == Kind::Name && text == word; }
};

/// "'add'", "the end of the text": for messages. Long and unprintable text is cut.
std::string describe(const Token &token);

class Lexer {
public:
  explicit Lexer(std::string_view text) : text(text) {}
  /// The next token; End from the end on. Throws LoadError.
  Token next();

private:
  void skipBlanks();
  void skipComment();
  Token lexDotted();
  Token lexNumber();
  Token lexString();
  Token take(Token::Kind kind, size_t length);
  char at(size_t offset) const {
    return position + offset < text.size() ? text[position + offset] : '\0';
  }

  std::string_view text;
  size_t position = 0;
  uint32_t line = 1;
};

} // namespace attune::sim::ptx
