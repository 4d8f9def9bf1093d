// SPDX-License-Identifier: Apache-2.0
// Is exactly JSON read, and is what is written read again as the same?
#include "runtime/bundle/Json.h"

#include <gtest/gtest.h>

using namespace attune::bundle;
using Kind = JsonToken::Kind;

namespace {

JsonDocument parsed(std::string_view text) {
  Result<JsonDocument> document = parseJson(text);
  EXPECT_TRUE(document) << text << ": " << document.message();
  return document ? *document : JsonDocument{};
}

std::string refusal(std::string_view text) {
  Result<JsonDocument> document = parseJson(text);
  EXPECT_FALSE(document) << text;
  return document.message();
}

TEST(Json, TokensInTheOrderOfTheText) {
  JsonDocument document = parsed(R"( {"a": [1, [true, null]], "b": {}} )");
  const Kind kinds[] = {Kind::Object, Kind::String, Kind::Array,  Kind::Number, Kind::Array,
                        Kind::True,   Kind::Null,   Kind::String, Kind::Object};
  const uint32_t nexts[] = {9, 2, 7, 4, 7, 6, 7, 8, 9};
  ASSERT_EQ(document.tokens.size(), std::size(kinds));
  for (size_t i = 0; i < std::size(kinds); ++i) {
    EXPECT_EQ(document.tokens[i].kind, kinds[i]) << i;
    EXPECT_EQ(document.tokens[i].next, nexts[i]) << i;
  }
  EXPECT_EQ(document.textOf(4), "[true, null]");
  EXPECT_EQ(document.textOf(7), "\"b\"");
}

TEST(Json, Numbers) {
  for (const char *number :
       {"0", "-0", "10", "-1.5", "0.0", "1e9", "2E-3", "3.25e+10", "18446744073709551616"}) {
    JsonDocument document = parsed(number);
    EXPECT_EQ(document.tokens[0].kind, Kind::Number);
    EXPECT_EQ(document.textOf(0), number);
  }
  EXPECT_EQ(refusal("01"), "expected no digit after a first zero at byte 1");
  EXPECT_EQ(refusal("-"), "expected a digit at byte 1, where the text ends");
  EXPECT_EQ(refusal("1."), "expected a digit at byte 2, where the text ends");
  EXPECT_EQ(refusal("1e+"), "expected a digit at byte 3, where the text ends");
  EXPECT_EQ(refusal(".5"), "expected a value at byte 0");
  EXPECT_EQ(refusal("+1"), "expected a value at byte 0");
  EXPECT_EQ(refusal("1x"), "expected the end of the text at byte 1");
  EXPECT_EQ(refusal("NaN"), "expected a value at byte 0");
}

TEST(Json, Strings) {
  auto characters = [](std::string_view text) { return parsed(text).stringOf(0); };
  EXPECT_EQ(characters(R"("")"), "");
  EXPECT_EQ(characters(R"("a\"\\\/\b\f\n\r\t")"), "a\"\\/\b\f\n\r\t");
  EXPECT_EQ(characters(R"("\u0041\u00e9\u20AC\ud83d\ude00")"), "A\u00e9\u20ac\U0001f600");
  EXPECT_EQ(characters(R"("\u0000")"), std::string(1, '\0'));
  EXPECT_EQ(characters("\"\u00e9\u20ac\U0001f600\""), "\u00e9\u20ac\U0001f600");
}

TEST(Json, StringsThatAreNone) {
  EXPECT_EQ(refusal("\"a"), "expected a character of a string at byte 2, where the text ends");
  EXPECT_EQ(refusal("\"a\n\""), "expected a character of a string at byte 2");
  for (const char *escape : {R"("\x")", R"("\u12g4")", R"("\u12)", R"("\ud800")",
                             R"("\ud800\u0041")", R"("\udc00")", R"("\)"})
    EXPECT_EQ(refusal(escape).rfind("expected an escape at byte 1", 0), 0u) << escape;
  // Bytes that begin nothing, overlong spellings, a surrogate, beyond the last character, cut off.
  for (const char *bytes :
       {"\"\x80\"", "\"\xc0\x80\"", "\"\xe0\x80\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
        "\"\xf8\x88\x80\x80\"", "\"\xe2\x82\"", "\"\xf0\x9f"})
    EXPECT_EQ(refusal(bytes), "expected UTF-8 at byte 1") << bytes;
}

TEST(Json, Structure) {
  EXPECT_EQ(refusal(""), "expected a value at byte 0, where the text ends");
  EXPECT_EQ(refusal("[1,]"), "expected a value at byte 3");
  EXPECT_EQ(refusal("[1 2]"), "expected ',' or ']' at byte 3");
  EXPECT_EQ(refusal("[1"), "expected ',' or ']' at byte 2, where the text ends");
  EXPECT_EQ(refusal("{1: 2}"), "expected a key at byte 1");
  EXPECT_EQ(refusal(R"({"a" 2})"), "expected ':' at byte 5");
  EXPECT_EQ(refusal(R"({"a": 2,})"), "expected a key at byte 8");
  EXPECT_EQ(refusal("tru"), "expected a value at byte 0");
  EXPECT_EQ(refusal("[] []"), "expected the end of the text at byte 3");
  EXPECT_EQ(refusal(std::string_view("1\0", 2)), "expected the end of the text at byte 1");
}

TEST(Json, Nesting) {
  auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  parsed(nested(64));
  EXPECT_EQ(refusal(nested(65)), "expected at most 64 levels of nesting at byte 64");
}

TEST(Json, WritesForPeople) {
  JsonWriter writer;
  writer.open('{');
  writer.member("a");
  writer.number(-3);
  writer.member("b");
  writer.open('[');
  writer.element();
  writer.word("null");
  writer.element();
  writer.open('[');
  writer.close(']');
  writer.close(']');
  writer.member("c");
  writer.open('{');
  writer.close('}');
  writer.close('}');
  EXPECT_EQ(*writer.finish(), R"({
 "a": -3,
 "b": [
  null,
  []
 ],
 "c": {}
}
)");
}

TEST(Json, EveryStringIsReadAgain) {
  std::string all;
  for (int i = 0; i < 128; ++i)
    all += char(i);
  all += "\u00e9\u20ac\U0001f600";
  JsonWriter writer;
  writer.string(all);
  Result<std::string> text = writer.finish();
  ASSERT_TRUE(text) << text.message();
  EXPECT_EQ(parsed(*text).stringOf(0), all);
}

TEST(Json, StringThatIsNotUtf8) {
  JsonWriter writer;
  writer.string("a\xff");
  EXPECT_EQ(writer.finish().message(), "expected strings to be UTF-8, but one is not");
}

} // namespace
