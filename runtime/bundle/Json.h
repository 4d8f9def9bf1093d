// SPDX-License-Identifier: Apache-2.0
// What is in a JSON text, and how is one written? As much of JSON as a manifest needs, in little
// code: a text is checked whole and cut into tokens, which refer to it. Private to the bundle.
#pragma once

#include "runtime/bundle/Result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attune::bundle {

/// A value of a document, or the key of a member.
struct JsonToken {
  enum class Kind : uint8_t { Null, True, False, Number, String, Array, Object };
  Kind kind;
  /// Where it begins and ends in the text; of a string with its quotes.
  uint32_t begin, end;
  /// The number of the token after this one and all that is in it.
  uint32_t next;
};

/// A text and its tokens: the first is the whole value, and what is in an array or an object follows
/// it, of an object a key and then its value in turn.
struct JsonDocument {
  /// Has to live as long as the document.
  std::string_view text;
  std::vector<JsonToken> tokens;

  std::string_view textOf(uint32_t token) const {
    return text.substr(tokens[token].begin, tokens[token].end - tokens[token].begin);
  }
  /// The characters of a string or a key, without quotes and escapes.
  std::string stringOf(uint32_t token) const;
};

inline constexpr int maxJsonDepth = 64;

/// Reads a text (RFC 8259) that is UTF-8 and nests at most maxJsonDepth levels deep.
Result<JsonDocument> parseJson(std::string_view text);

/// Writes a text that is indented for people. Members and elements are announced before they are
/// written: member("size"), number(3).
class JsonWriter {
public:
  void open(char bracket);
  void close(char bracket);
  void element();
  void member(std::string_view key);

  void string(std::string_view characters);
  void number(int64_t value) { text += std::to_string(value); }
  void word(std::string_view nullOrTruth) { text += nullOrTruth; }

  /// Fails when one of the strings was not UTF-8.
  Result<std::string> finish();

private:
  void line() { text.append("\n").append(depth, ' '); }

  std::string text;
  size_t depth = 0;
  bool isFirst = true;
  bool isUtf8 = true;
};

} // namespace attune::bundle
