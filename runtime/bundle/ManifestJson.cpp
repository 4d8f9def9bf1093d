// SPDX-License-Identifier: Apache-2.0
// How does a manifest become JSON text and back? Strict: every field is there, of its type, and no
// other; a message names the field by its path, as in kernels[0].variants[1].blob.
#include "runtime/bundle/Json.h"
#include "runtime/bundle/Spelling.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <limits>

namespace attune::bundle {
namespace {

using Kind = JsonToken::Kind;

/// Thrown inside this file only; parseManifest turns it into a Failure.
struct FormatError {
  std::string message;
};

/// A value somewhere in the document, and the path to it.
class Field {
public:
  Field(const JsonDocument &document, uint32_t token, std::string path)
      : document(document), token(token), path(std::move(path)) {}

  [[noreturn]] void fail(const std::string &expected) const {
    std::string found(isArray() ? "array" : is(Kind::Object) ? "object" : document.textOf(token));
    if (found.size() > 60) {
      size_t end = 57;
      while (uint8_t(found[end]) >> 6 == 2)
        --end;
      found = found.substr(0, end) + "...";
    }
    throw FormatError{path + ": expected " + expected + ", but got " + found};
  }

  /// Every member has to be named in `known`, and there once.
  void expectObject(std::initializer_list<std::string_view> known) const {
    if (!is(Kind::Object))
      fail("an object");
    uint64_t seen = 0;
    for (uint32_t key = token + 1; key < end(); key = document.tokens[key + 1].next) {
      std::string name = document.stringOf(key);
      size_t index = size_t(std::find(known.begin(), known.end(), name) - known.begin());
      if (index == known.size())
        throw FormatError{path + ": unknown field '" + name + "'"};
      if (seen >> index & 1)
        throw FormatError{path + ": field '" + name + "' is there twice"};
      seen |= uint64_t(1) << index;
    }
  }

  bool has(const char *key) const { return find(key) != 0; }

  Field member(const char *key) const {
    uint32_t found = find(key);
    if (found == 0)
      throw FormatError{path + ": field '" + key + "' is missing"};
    return Field(document, found, path.empty() ? key : path + "." + key);
  }

  std::string string() const {
    if (!is(Kind::String))
      fail("a string");
    return document.stringOf(token);
  }

  int64_t integer() const {
    std::string_view digits = document.textOf(token);
    int64_t value = 0;
    auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (!is(Kind::Number) || read.ec != std::errc() || read.ptr != digits.data() + digits.size())
      fail("an integer of 64 bits");
    return value;
  }

  bool boolean() const {
    if (!is(Kind::True) && !is(Kind::False))
      fail("true or false");
    return is(Kind::True);
  }

  template <typename Enum> Enum enumerator() const {
    const auto &names = Spellings<Enum>::names;
    return Enum(spelled(names.data(), names.size()));
  }

  bool isNull() const { return is(Kind::Null); }
  bool isArray() const { return is(Kind::Array); }

  std::vector<Field> elements() const {
    if (!isArray())
      fail("an array");
    std::vector<Field> fields;
    for (uint32_t next = token + 1; next < end(); next = document.tokens[next].next)
      fields.emplace_back(document, next, path + "[" + std::to_string(fields.size()) + "]");
    return fields;
  }

  template <typename T> std::vector<T> list(T (*read)(const Field &)) const {
    std::vector<T> values;
    for (const Field &field : elements())
      values.push_back(read(field));
    return values;
  }

private:
  const JsonDocument &document;
  uint32_t token;
  std::string path;

  bool is(Kind kind) const { return document.tokens[token].kind == kind; }
  uint32_t end() const { return document.tokens[token].next; }

  /// The value of a member, or 0, which is none: that is the document.
  uint32_t find(std::string_view key) const {
    for (uint32_t at = token + 1; at < end(); at = document.tokens[at + 1].next)
      if (document.stringOf(at) == key)
        return at + 1;
    return 0;
  }

  size_t spelled(const std::string_view *names, size_t count) const {
    std::string list, text = is(Kind::String) ? document.stringOf(token) : "";
    for (size_t i = 0; i < count; ++i) {
      if (is(Kind::String) && names[i] == text)
        return i;
      list.append(i == 0 ? "" : ", ").append(names[i]);
    }
    fail("one of " + list);
  }
};

int64_t readInteger(const Field &field) { return field.integer(); }

int64_t readSize(const Field &field) {
  if (field.isNull())
    return dynamicSize;
  int64_t size = field.integer();
  if (size < 0)
    field.fail("null or a size of at least 0");
  return size;
}

OperandInfo readOperand(const Field &field) {
  field.expectObject({"name", "role", "axis", "dtype", "shape", "sorted", "contiguous", "range"});
  OperandInfo info;
  info.name = field.member("name").string();
  info.role = field.member("role").enumerator<OperandRole>();
  info.dtype = field.member("dtype").enumerator<ElementType>();
  if (field.has("axis"))
    info.axis = field.member("axis").string();
  if (info.isTensor())
    info.shape = field.member("shape").list(readSize);
  else if (field.has("shape"))
    throw FormatError{"scalar '" + info.name + "' has no shape, but there is a field 'shape'"};
  info.sorted = field.has("sorted") && field.member("sorted").boolean();
  info.contiguous = field.has("contiguous") && field.member("contiguous").boolean();
  if (field.has("range")) {
    std::vector<int64_t> range = field.member("range").list(readInteger);
    if (range.size() != 2)
      field.member("range").fail("the lowest number and the greatest");
    info.range = {range[0], range[1]};
  }
  return info;
}

AxisCheck readCheck(const Field &field) {
  field.expectObject({"axis", "multiple", "like"});
  AxisCheck check;
  check.axis = field.member("axis").string();
  if (field.has("like"))
    check.like = field.member("like").string();
  if (field.has("multiple") || !field.has("like"))
    check.multiple = field.member("multiple").integer();
  return check;
}

Expression readExpression(const Field &field, size_t depth) {
  if (!field.isArray())
    return Expression::constant(field.integer());
  if (depth == 0)
    field.fail("an expression that is less deeply nested");
  std::vector<Field> elements = field.elements();
  if (elements.empty())
    field.fail("an operator and its arguments");
  Expression expression;
  expression.kind = elements[0].enumerator<Expression::Kind>();
  if (expression.kind == Expression::Kind::Constant)
    elements[0].fail("an operator (a constant is a plain number)");
  bool isSize = expression.kind == Expression::Kind::Size;
  bool isScalar = expression.kind == Expression::Kind::Scalar;
  size_t count = isSize ? 2 : isScalar ? 1 : Expression::argumentCount(expression.kind);
  if (elements.size() != count + 1)
    field.fail(std::string(spelling(expression.kind)) + " and " + std::to_string(count) +
               (count == 1 ? " argument" : " arguments"));
  if (isSize || isScalar)
    expression.operand = elements[1].string();
  if (isSize)
    expression.number = elements[2].integer();
  for (size_t i = 0; i < Expression::argumentCount(expression.kind); ++i)
    expression.arguments.push_back(readExpression(elements[i + 1], depth - 1));
  return expression;
}

Expression readWholeExpression(const Field &field) {
  return readExpression(field, maxExpressionDepth);
}

Condition readCondition(const Field &field) {
  field.expectObject({"expression", "text"});
  return {readWholeExpression(field.member("expression")), field.member("text").string()};
}

Parameter readParameter(const Field &field) {
  field.expectObject({"kind", "operand", "dim", "type", "box", "swizzle"});
  Parameter parameter;
  parameter.kind = field.member("kind").enumerator<ParameterKind>();
  parameter.operand = field.member("operand").string();
  parameter.type = field.member("type").enumerator<ParameterType>();
  if (parameter.kind == ParameterKind::Size || parameter.kind == ParameterKind::Stride)
    parameter.dim = field.member("dim").integer();
  if (parameter.kind == ParameterKind::TensorMap) {
    parameter.box = field.member("box").list(readInteger);
    parameter.swizzle = field.member("swizzle").enumerator<Swizzle>();
  }
  return parameter;
}

Workspace readWorkspace(const Field &field) {
  field.expectObject({"name", "dtype", "shape"});
  return {field.member("name").string(), field.member("dtype").enumerator<ElementType>(),
          field.member("shape").list(readWholeExpression)};
}

MaskInfo readMask(const Field &field) {
  field.expectObject({"level", "summaries", "operations", "metadata_bytes", "exact"});
  MaskInfo mask;
  mask.level = field.member("level").enumerator<MaskLevel>();
  mask.summaries = field.member("summaries").integer();
  std::vector<int64_t> counts = field.member("operations").list(readInteger);
  if (counts.size() != 4)
    field.member("operations").fail("four counts");
  mask.perQueryTile = counts[0];
  mask.perQuery = counts[1];
  mask.perTilePair = counts[2];
  mask.perKey = counts[3];
  mask.metadataBytes = readWholeExpression(field.member("metadata_bytes"));
  mask.exact = field.member("exact").boolean();
  return mask;
}

uint32_t readBlob(const Field &field) {
  int64_t blob = field.integer();
  if (blob < 0 || blob > std::numeric_limits<uint32_t>::max())
    field.fail("the index of a blob");
  return uint32_t(blob);
}

/// The fields that a variant and its pre-passes have.
Variant readCode(const Field &field) {
  Variant variant;
  variant.target = field.member("target").string();
  variant.format = field.member("format").enumerator<BlobFormat>();
  variant.blob = readBlob(field.member("blob"));
  variant.entry = field.member("entry").string();
  variant.threads = field.member("threads").integer();
  variant.sharedBytes = field.member("shared_bytes").integer();
  variant.scratchBytes = field.member("scratch_bytes").integer();
  if (field.has("rows"))
    variant.rows = field.member("rows").integer();
  if (field.has("keys"))
    variant.keys = readWholeExpression(field.member("keys"));
  Field grid = field.member("grid");
  std::vector<Field> sizes = grid.isArray() ? grid.elements() : std::vector<Field>();
  if (sizes.size() != 3)
    grid.fail("an array of three expressions");
  std::transform(sizes.begin(), sizes.end(), variant.grid.begin(), readWholeExpression);
  variant.parameters = field.member("parameters").list(readParameter);
  if (field.has("alignment"))
    variant.alignment = field.member("alignment").integer();
  if (field.has("tool"))
    variant.tool = field.member("tool").string();
  return variant;
}

Variant readPrePass(const Field &field) {
  field.expectObject({"target", "format", "blob", "entry", "threads", "shared_bytes",
                      "scratch_bytes", "rows", "keys", "grid", "parameters", "alignment", "tool"});
  return readCode(field);
}

/// What a variant has beyond its code, but for what may be launched instead of it.
Variant readWithPasses(const Field &field) {
  Variant variant = readCode(field);
  if (field.has("workspaces"))
    variant.workspaces = field.member("workspaces").list(readWorkspace);
  if (field.has("masks"))
    variant.masks = field.member("masks").list(readMask);
  if (field.has("before"))
    variant.before = field.member("before").list(readPrePass);
  if (field.has("when"))
    variant.when = field.member("when").list(readCondition);
  return variant;
}

Variant readInstead(const Field &field) {
  field.expectObject({"target", "format", "blob", "entry", "threads", "shared_bytes",
                      "scratch_bytes", "rows", "keys", "grid", "parameters", "alignment", "tool",
                      "workspaces", "masks", "before", "when"});
  return readWithPasses(field);
}

Variant readVariant(const Field &field) {
  field.expectObject({"target", "format", "blob", "entry", "threads", "shared_bytes",
                      "scratch_bytes", "rows", "keys", "grid", "parameters", "alignment", "tool",
                      "workspaces", "masks", "before", "when", "instead"});
  Variant variant = readWithPasses(field);
  if (field.has("instead"))
    variant.instead = field.member("instead").list(readInstead);
  return variant;
}

std::vector<int64_t> readIntegers(const Field &field) { return field.list(readInteger); }

SelfTest readSelfTest(const Field &field) {
  field.expectObject({"shapes", "blob", "step"});
  SelfTest test;
  test.shapes = field.member("shapes").list(readIntegers);
  test.blob = readBlob(field.member("blob"));
  test.step = field.member("step").integer();
  return test;
}

KernelInfo readKernel(const Field &field) {
  field.expectObject(
      {"name", "operands", "results", "checks", "conditions", "variants", "self_test"});
  KernelInfo kernel;
  kernel.name = field.member("name").string();
  kernel.operands = field.member("operands").list(readOperand);
  kernel.results = field.member("results").list(readOperand);
  if (field.has("checks"))
    kernel.checks = field.member("checks").list(readCheck);
  if (field.has("conditions"))
    kernel.conditions = field.member("conditions").list(readCondition);
  kernel.variants = field.member("variants").list(readVariant);
  if (field.has("self_test"))
    kernel.selfTest = readSelfTest(field.member("self_test"));
  return kernel;
}

/// Writes the structs of a manifest, each as a value.
class Writer {
public:
  Result<std::string> print(const Manifest &manifest) {
    json.open('{');
    member("producer", manifest.producer);
    list("kernels", manifest.kernels);
    json.close('}');
    return json.finish();
  }

private:
  JsonWriter json;

  void member(const char *key, std::string_view text) {
    json.member(key);
    json.string(text);
  }
  void member(const char *key, int64_t number) {
    json.member(key);
    json.number(number);
  }
  void flag(const char *key, bool truth) {
    if (!truth)
      return;
    json.member(key);
    json.word("true");
  }

  template <typename List> void list(const char *key, const List &values) {
    json.member(key);
    json.open('[');
    for (const auto &value : values) {
      json.element();
      write(value);
    }
    json.close(']');
  }
  template <typename List> void listUnlessEmpty(const char *key, const List &values) {
    if (!values.empty())
      list(key, values);
  }

  void write(int64_t number) {
    if (number == dynamicSize)
      return json.word("null");
    json.number(number);
  }

  void write(const OperandInfo &info) {
    json.open('{');
    member("name", info.name);
    member("role", spelling(info.role));
    if (!info.axis.empty())
      member("axis", info.axis);
    member("dtype", spelling(info.dtype));
    if (info.isTensor())
      list("shape", info.shape);
    flag("sorted", info.sorted);
    flag("contiguous", info.contiguous);
    if (info.range)
      writeNumbers("range", info.range->data(), 2);
    json.close('}');
  }

  void writeNumbers(const char *key, const int64_t *numbers, size_t count) {
    json.member(key);
    writeArray(numbers, count);
  }
  void writeArray(const int64_t *numbers, size_t count) {
    json.open('[');
    for (size_t i = 0; i < count; ++i) {
      json.element();
      json.number(numbers[i]);
    }
    json.close(']');
  }

  void write(const AxisCheck &check) {
    json.open('{');
    member("axis", check.axis);
    if (!check.like.empty())
      member("like", check.like);
    if (check.like.empty() || check.multiple)
      member("multiple", check.multiple);
    json.close('}');
  }

  void write(const Expression &expression) {
    if (expression.kind == Expression::Kind::Constant)
      return json.number(expression.number);
    json.open('[');
    json.element();
    json.string(spelling(expression.kind));
    if (expression.kind == Expression::Kind::Size || expression.kind == Expression::Kind::Scalar) {
      json.element();
      json.string(expression.operand);
    }
    if (expression.kind == Expression::Kind::Size) {
      json.element();
      json.number(expression.number);
    }
    for (const Expression &argument : expression.arguments) {
      json.element();
      write(argument);
    }
    json.close(']');
  }

  void write(const Condition &condition) {
    json.open('{');
    json.member("expression");
    write(condition.expression);
    member("text", condition.text);
    json.close('}');
  }

  void write(const Parameter &parameter) {
    json.open('{');
    member("kind", spelling(parameter.kind));
    member("operand", parameter.operand);
    if (parameter.kind == ParameterKind::Size || parameter.kind == ParameterKind::Stride)
      member("dim", parameter.dim);
    member("type", spelling(parameter.type));
    if (parameter.kind == ParameterKind::TensorMap) {
      writeNumbers("box", parameter.box.data(), parameter.box.size());
      member("swizzle", spelling(parameter.swizzle));
    }
    json.close('}');
  }

  void write(const Workspace &workspace) {
    json.open('{');
    member("name", workspace.name);
    member("dtype", spelling(workspace.dtype));
    list("shape", workspace.shape);
    json.close('}');
  }

  void write(const MaskInfo &mask) {
    json.open('{');
    member("level", spelling(mask.level));
    member("summaries", mask.summaries);
    int64_t counts[] = {mask.perQueryTile, mask.perQuery, mask.perTilePair, mask.perKey};
    writeNumbers("operations", counts, 4);
    json.member("metadata_bytes");
    write(mask.metadataBytes);
    json.member("exact");
    json.word(mask.exact ? "true" : "false");
    json.close('}');
  }

  void write(const Variant &variant) {
    json.open('{');
    member("target", variant.target);
    member("format", spelling(variant.format));
    member("blob", variant.blob);
    member("entry", variant.entry);
    member("threads", variant.threads);
    member("shared_bytes", variant.sharedBytes);
    member("scratch_bytes", variant.scratchBytes);
    if (variant.rows)
      member("rows", variant.rows);
    if (variant.keys != Expression::constant(1)) {
      json.member("keys");
      write(variant.keys);
    }
    list("grid", variant.grid);
    list("parameters", variant.parameters);
    member("alignment", variant.alignment);
    if (!variant.tool.empty())
      member("tool", variant.tool);
    listUnlessEmpty("workspaces", variant.workspaces);
    listUnlessEmpty("masks", variant.masks);
    listUnlessEmpty("before", variant.before);
    listUnlessEmpty("when", variant.when);
    listUnlessEmpty("instead", variant.instead);
    json.close('}');
  }

  void write(const KernelInfo &kernel) {
    json.open('{');
    member("name", kernel.name);
    list("operands", kernel.operands);
    list("results", kernel.results);
    listUnlessEmpty("checks", kernel.checks);
    listUnlessEmpty("conditions", kernel.conditions);
    list("variants", kernel.variants);
    if (kernel.selfTest) {
      json.member("self_test");
      write(*kernel.selfTest);
    }
    json.close('}');
  }

  void write(const SelfTest &test) {
    json.open('{');
    json.member("shapes");
    json.open('[');
    for (const std::vector<int64_t> &shape : test.shapes) {
      json.element();
      writeArray(shape.data(), shape.size());
    }
    json.close(']');
    member("blob", test.blob);
    member("step", test.step);
    json.close('}');
  }
};

} // namespace

Result<std::string> printManifest(const Manifest &manifest) {
  Result<std::string> text = Writer().print(manifest);
  if (!text)
    return Failure{"manifest cannot be written as JSON: " + text.message()};
  return text;
}

Result<Manifest> parseManifest(std::string_view text) {
  Result<JsonDocument> document = parseJson(text);
  if (!document)
    return Failure{"manifest is not JSON: " + document.message()};
  try {
    Field root(*document, 0, "");
    root.expectObject({"producer", "kernels"});
    Manifest manifest;
    manifest.producer = root.member("producer").string();
    manifest.kernels = root.member("kernels").list(readKernel);
    return manifest;
  } catch (const FormatError &error) {
    std::string_view start = error.message;
    bool atRoot = start.substr(0, 2) == ": ";
    return Failure{"manifest: " + std::string(atRoot ? start.substr(2) : start)};
  }
}

} // namespace attune::bundle
