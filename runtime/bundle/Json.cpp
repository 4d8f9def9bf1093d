// SPDX-License-Identifier: Apache-2.0
#include "runtime/bundle/Json.h"

#include <cstring>

namespace attune::bundle {
namespace {

using Kind = JsonToken::Kind;

/// How many bytes the character takes that `text` begins with; 0 when it is not UTF-8 (RFC 3629).
size_t characterSize(std::string_view text) {
  auto at = [&](size_t index) { return index < text.size() ? uint8_t(text[index]) : 0u; };
  unsigned first = at(0);
  if (first < 0x80)
    return 1;
  size_t size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  // No character has two spellings, none is a surrogate or beyond the last one.
  unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  for (size_t i = 1; i < size; ++i, low = 0x80, high = 0xbf)
    if (at(i) < low || at(i) > high)
      return 0;
  return size;
}

void appendUtf8(std::string &to, unsigned character) {
  if (character < 0x80) {
    to += char(character);
    return;
  }
  int tails = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
  static constexpr uint8_t heads[] = {0xc0, 0xe0, 0xf0};
  to += char(heads[tails - 1] | character >> 6 * tails);
  while (tails-- > 0)
    to += char(0x80 | (character >> 6 * tails & 0x3f));
}

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isHighSurrogate(unsigned unit) { return unit >> 10 == 0xd800 >> 10; }
bool isLowSurrogate(unsigned unit) { return unit >> 10 == 0xdc00 >> 10; }

constexpr std::string_view escapes = "\"\\/bfnrt";
constexpr std::string_view escaped = "\"\\/\b\f\n\r\t";

/// The four hexadecimal digits that `text` begins with, or -1.
int hexadecimal(std::string_view text) {
  int value = 0;
  for (size_t i = 0; i < 4; ++i) {
    char c = i < text.size() ? text[i] : ' ';
    int digit = isDigit(c)                           ? c - '0'
                : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                     : -1;
    if (digit < 0)
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

/// Appends the character that the escape at the start of `text` means; returns the bytes that the
/// escape takes, 0 when there is no such escape.
size_t unescape(std::string_view text, std::string &to) {
  if (text.size() < 2)
    return 0;
  if (size_t index = escapes.find(text[1]); index != escapes.npos) {
    to += escaped[index];
    return 2;
  }
  int unit = text[1] == 'u' ? hexadecimal(text.substr(2)) : -1;
  if (unit < 0 || isLowSurrogate(unsigned(unit)))
    return 0;
  if (!isHighSurrogate(unsigned(unit))) {
    appendUtf8(to, unsigned(unit));
    return 6;
  }
  int low = text.substr(6, 2) == "\\u" ? hexadecimal(text.substr(8)) : -1;
  if (low < 0 || !isLowSurrogate(unsigned(low)))
    return 0;
  appendUtf8(to, 0x10000 + ((unsigned(unit) & 0x3ff) << 10 | (unsigned(low) & 0x3ff)));
  return 12;
}

/// Cuts a text into tokens. What is wrong first is kept; reading then ends.
class Parser {
public:
  explicit Parser(std::string_view text) : document{text, {}}, text(text) {}

  Result<JsonDocument> run() {
    if (text.size() > UINT32_MAX)
      return Failure{"expected less than 4 GiB"};
    value(0);
    skipSpace();
    if (problem.empty() && at < text.size())
      expected("the end of the text");
    if (!problem.empty())
      return Failure{problem};
    return std::move(document);
  }

private:
  JsonDocument document;
  std::string_view text;
  size_t at = 0;
  std::string problem;

  char here() const { return at < text.size() ? text[at] : '\0'; }

  bool expected(const std::string &what) {
    if (problem.empty())
      problem = "expected " + what + " at byte " + std::to_string(at) +
                (at < text.size() ? "" : ", where the text ends");
    return false;
  }

  void skipSpace() {
    while (at < text.size() && std::strchr(" \t\r\n", text[at]) && text[at])
      ++at;
  }

  bool take(char c) {
    skipSpace();
    if (here() != c)
      return false;
    ++at;
    return true;
  }

  uint32_t begin(Kind kind) {
    document.tokens.push_back({kind, uint32_t(at), 0, 0});
    return uint32_t(document.tokens.size() - 1);
  }

  bool end(uint32_t token) {
    document.tokens[token].end = uint32_t(at);
    document.tokens[token].next = uint32_t(document.tokens.size());
    return true;
  }

  bool value(int depth) {
    skipSpace();
    switch (here()) {
    case '{': return list(Kind::Object, '}', depth);
    case '[': return list(Kind::Array, ']', depth);
    case '"': return string();
    case 't': return word(Kind::True, "true");
    case 'f': return word(Kind::False, "false");
    case 'n': return word(Kind::Null, "null");
    default: return number();
    }
  }

  bool list(Kind kind, char closing, int depth) {
    if (depth == maxJsonDepth)
      return expected("at most " + std::to_string(maxJsonDepth) + " levels of nesting");
    uint32_t token = begin(kind);
    ++at;
    if (take(closing))
      return end(token);
    do {
      if (kind == Kind::Object) {
        skipSpace();
        if (here() != '"')
          return expected("a key");
        if (!string())
          return false;
        if (!take(':'))
          return expected("':'");
      }
      if (!value(depth + 1))
        return false;
    } while (take(','));
    if (!take(closing))
      return expected(std::string("',' or '") + closing + "'");
    return end(token);
  }

  bool string() {
    uint32_t token = begin(Kind::String);
    ++at;
    std::string ignored;
    while (here() != '"') {
      if (uint8_t(here()) < 0x20)
        return expected("a character of a string");
      size_t size =
          here() == '\\' ? unescape(text.substr(at), ignored) : characterSize(text.substr(at));
      if (size == 0)
        return expected(here() == '\\' ? "an escape" : "UTF-8");
      at += size;
    }
    ++at;
    return end(token);
  }

  bool word(Kind kind, std::string_view spelling) {
    uint32_t token = begin(kind);
    if (text.substr(at, spelling.size()) != spelling)
      return expected("a value");
    at += spelling.size();
    return end(token);
  }

  bool digits() {
    if (!isDigit(here()))
      return expected("a digit");
    while (isDigit(here()))
      ++at;
    return true;
  }

  bool number() {
    if (here() != '-' && !isDigit(here()))
      return expected("a value");
    uint32_t token = begin(Kind::Number);
    at += here() == '-';
    bool isZero = here() == '0';
    size_t first = at;
    if (!digits())
      return false;
    if (isZero && at > first + 1)
      return at = first + 1, expected("no digit after a first zero");
    if (here() == '.' && (++at, !digits()))
      return false;
    if (here() == 'e' || here() == 'E') {
      ++at;
      at += here() == '+' || here() == '-';
      if (!digits())
        return false;
    }
    return end(token);
  }
};

} // namespace

std::string JsonDocument::stringOf(uint32_t token) const {
  std::string_view rest = textOf(token);
  rest = rest.substr(1, rest.size() - 2);
  std::string characters;
  while (!rest.empty()) {
    size_t size = rest[0] == '\\' ? unescape(rest, characters) : 1;
    if (rest[0] != '\\')
      characters += rest[0];
    rest.remove_prefix(size);
  }
  return characters;
}

Result<JsonDocument> parseJson(std::string_view text) { return Parser(text).run(); }

void JsonWriter::open(char bracket) {
  text += bracket;
  ++depth;
  isFirst = true;
}

void JsonWriter::close(char bracket) {
  --depth;
  if (!isFirst)
    line();
  text += bracket;
  isFirst = false;
}

void JsonWriter::element() {
  if (!isFirst)
    text += ',';
  isFirst = false;
  line();
}

void JsonWriter::member(std::string_view key) {
  element();
  string(key);
  text += ": ";
}

void JsonWriter::string(std::string_view rest) {
  text += '"';
  while (!rest.empty()) {
    size_t size = characterSize(rest), index = escaped.find(rest[0]);
    isUtf8 = isUtf8 && size > 0;
    if (index != escaped.npos && rest[0] != '/') {
      text.append({'\\', escapes[index]});
    } else if (uint8_t(rest[0]) < 0x20) {
      text.append("\\u00").append({char('0' + (rest[0] >> 4)), "0123456789abcdef"[rest[0] & 15]});
    } else {
      text.append(rest.substr(0, size));
    }
    rest.remove_prefix(size ? size : 1);
  }
  text += '"';
}

Result<std::string> JsonWriter::finish() {
  if (!isUtf8)
    return Failure{"expected strings to be UTF-8, but one is not"};
  return std::move(text) + "\n";
}

} // namespace attune::bundle
