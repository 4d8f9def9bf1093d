// SPDX-License-Identifier: Apache-2.0
// How does a manifest become JSON text and back? Strict: every field is there, of its type, and no
// other; a message names the field by its path, as in kernels[0].variants[1].blob.
#include "runtime/bundle/Spelling.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <initializer_list>
#include <limits>

namespace attune::bundle {
namespace {

using Json = nlohmann::ordered_json;

/// Thrown inside this file only; parseManifest turns it into a Failure.
struct FormatError {
  std::string message;
};

/// A value somewhere in the document, and the path to it.
class Field {
public:
  Field(const Json &json, std::string path) : json(json), path(std::move(path)) {}

  [[noreturn]] void fail(const std::string &expected) const {
    std::string found = json.is_structured()
                            ? json.type_name()
                            : json.dump(-1, ' ', true, Json::error_handler_t::replace);
    if (found.size() > 60)
      found = found.substr(0, 57) + "...";
    throw FormatError{path + ": expected " + expected + ", but got " + found};
  }

  /// Every member has to be named in `known`.
  void expectObject(std::initializer_list<std::string_view> known) const {
    if (!json.is_object())
      fail("an object");
    for (const auto &[key, value] : json.items())
      if (std::find(known.begin(), known.end(), key) == known.end())
        throw FormatError{path + ": unknown field '" + key + "'"};
  }

  bool has(const char *key) const { return json.contains(key); }

  Field member(const char *key) const {
    auto found = json.find(key);
    if (found == json.end())
      throw FormatError{path + ": field '" + key + "' is missing"};
    return Field(*found, path.empty() ? key : path + "." + key);
  }

  std::string string() const {
    if (!json.is_string())
      fail("a string");
    return json.get<std::string>();
  }

  int64_t integer() const {
    bool tooLarge = json.is_number_unsigned() &&
                    json.get<uint64_t>() > uint64_t(std::numeric_limits<int64_t>::max());
    if (!json.is_number_integer() || tooLarge)
      fail("an integer of 64 bits");
    return json.get<int64_t>();
  }

  template <typename Enum> Enum enumerator() const {
    if (!json.is_string())
      fail("one of " + listSpellings<Enum>());
    std::optional<Enum> value = parseSpelling<Enum>(json.get_ref<const std::string &>());
    if (!value)
      fail("one of " + listSpellings<Enum>());
    return *value;
  }

  bool isNull() const { return json.is_null(); }
  bool isArray() const { return json.is_array(); }
  size_t size() const { return json.size(); }

  Field element(size_t index) const {
    return Field(json[index], path + "[" + std::to_string(index) + "]");
  }

  template <typename Read> auto list(Read read) const {
    if (!json.is_array())
      fail("an array");
    std::vector<decltype(read(*this))> values;
    for (size_t i = 0; i < json.size(); ++i)
      values.push_back(read(element(i)));
    return values;
  }

private:
  const Json &json;
  std::string path;
};

int64_t readSize(Field field) {
  if (field.isNull())
    return dynamicSize;
  int64_t size = field.integer();
  if (size < 0)
    field.fail("null or a size of at least 0");
  return size;
}

OperandInfo readOperand(Field field) {
  field.expectObject({"name", "role", "axis", "dtype", "shape"});
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
  return info;
}

AxisCheck readCheck(Field field) {
  field.expectObject({"axis", "multiple", "like"});
  AxisCheck check;
  check.axis = field.member("axis").string();
  if (field.has("like"))
    check.like = field.member("like").string();
  if (field.has("multiple") || !field.has("like"))
    check.multiple = field.member("multiple").integer();
  return check;
}

Expression readExpression(Field field, size_t depth) {
  if (!field.isArray())
    return Expression::constant(field.integer());
  if (depth == 0)
    field.fail("an expression that is less deeply nested");
  if (field.size() == 0)
    field.fail("an operator and its arguments");
  Expression expression;
  expression.kind = field.element(0).enumerator<Expression::Kind>();
  if (expression.kind == Expression::Kind::Constant)
    field.element(0).fail("an operator (a constant is a plain number)");
  bool isSize = expression.kind == Expression::Kind::Size;
  bool isScalar = expression.kind == Expression::Kind::Scalar;
  size_t count = isSize ? 2 : isScalar ? 1 : Expression::argumentCount(expression.kind);
  if (field.size() != count + 1)
    field.fail(std::string(spelling(expression.kind)) + " and " + std::to_string(count) +
               (count == 1 ? " argument" : " arguments"));
  if (isSize || isScalar)
    expression.operand = field.element(1).string();
  if (isSize)
    expression.number = field.element(2).integer();
  for (size_t i = 0; i < Expression::argumentCount(expression.kind); ++i)
    expression.arguments.push_back(readExpression(field.element(i + 1), depth - 1));
  return expression;
}

Condition readCondition(Field field) {
  field.expectObject({"expression", "text"});
  return {readExpression(field.member("expression"), maxExpressionDepth),
          field.member("text").string()};
}

Parameter readParameter(Field field) {
  field.expectObject({"kind", "operand", "dim", "type", "box", "swizzle"});
  Parameter parameter;
  parameter.kind = field.member("kind").enumerator<ParameterKind>();
  parameter.operand = field.member("operand").string();
  parameter.type = field.member("type").enumerator<ParameterType>();
  if (parameter.kind == ParameterKind::Size || parameter.kind == ParameterKind::Stride)
    parameter.dim = field.member("dim").integer();
  if (parameter.kind == ParameterKind::TensorMap) {
    parameter.box = field.member("box").list([](Field entry) { return entry.integer(); });
    parameter.swizzle = field.member("swizzle").enumerator<Swizzle>();
  }
  return parameter;
}

Variant readVariant(Field field) {
  field.expectObject({"target", "format", "blob", "entry", "threads", "shared_bytes",
                      "scratch_bytes", "grid", "parameters", "alignment", "tool"});
  Variant variant;
  variant.target = field.member("target").string();
  variant.format = field.member("format").enumerator<BlobFormat>();
  int64_t blob = field.member("blob").integer();
  if (blob < 0 || blob > std::numeric_limits<uint32_t>::max())
    field.member("blob").fail("the index of a blob");
  variant.blob = uint32_t(blob);
  variant.entry = field.member("entry").string();
  variant.threads = field.member("threads").integer();
  variant.sharedBytes = field.member("shared_bytes").integer();
  variant.scratchBytes = field.member("scratch_bytes").integer();
  Field grid = field.member("grid");
  if (!grid.isArray() || grid.size() != 3)
    grid.fail("an array of three expressions");
  for (size_t i = 0; i < 3; ++i)
    variant.grid[i] = readExpression(grid.element(i), maxExpressionDepth);
  variant.parameters = field.member("parameters").list(readParameter);
  if (field.has("alignment"))
    variant.alignment = field.member("alignment").integer();
  if (field.has("tool"))
    variant.tool = field.member("tool").string();
  return variant;
}

KernelInfo readKernel(Field field) {
  field.expectObject({"name", "operands", "results", "checks", "conditions", "variants"});
  KernelInfo kernel;
  kernel.name = field.member("name").string();
  kernel.operands = field.member("operands").list(readOperand);
  kernel.results = field.member("results").list(readOperand);
  if (field.has("checks"))
    kernel.checks = field.member("checks").list(readCheck);
  if (field.has("conditions"))
    kernel.conditions = field.member("conditions").list(readCondition);
  kernel.variants = field.member("variants").list(readVariant);
  return kernel;
}

Json write(const OperandInfo &info);
Json write(const AxisCheck &check);
Json write(const Condition &condition);
Json write(const Parameter &parameter);
Json write(const Variant &variant);
Json write(const KernelInfo &kernel);

template <typename T> Json writeList(const std::vector<T> &values) {
  Json json = Json::array();
  for (const T &value : values)
    json.push_back(write(value));
  return json;
}

Json write(const OperandInfo &info) {
  Json json = {{"name", info.name}, {"role", spelling(info.role)}};
  if (!info.axis.empty())
    json["axis"] = info.axis;
  json["dtype"] = spelling(info.dtype);
  if (info.isTensor()) {
    json["shape"] = Json::array();
    for (int64_t size : info.shape)
      json["shape"].push_back(size == dynamicSize ? Json() : Json(size));
  }
  return json;
}

Json write(const AxisCheck &check) {
  Json json = {{"axis", check.axis}};
  if (!check.like.empty())
    json["like"] = check.like;
  if (check.like.empty() || check.multiple)
    json["multiple"] = check.multiple;
  return json;
}

Json write(const Expression &expression) {
  if (expression.kind == Expression::Kind::Constant)
    return expression.number;
  Json json = Json::array({spelling(expression.kind)});
  if (expression.kind == Expression::Kind::Size || expression.kind == Expression::Kind::Scalar)
    json.push_back(expression.operand);
  if (expression.kind == Expression::Kind::Size)
    json.push_back(expression.number);
  for (const Expression &argument : expression.arguments)
    json.push_back(write(argument));
  return json;
}

Json write(const Condition &condition) {
  return {{"expression", write(condition.expression)}, {"text", condition.text}};
}

Json write(const Parameter &parameter) {
  Json json = {{"kind", spelling(parameter.kind)}, {"operand", parameter.operand}};
  if (parameter.kind == ParameterKind::Size || parameter.kind == ParameterKind::Stride)
    json["dim"] = parameter.dim;
  json["type"] = spelling(parameter.type);
  if (parameter.kind == ParameterKind::TensorMap) {
    json["box"] = parameter.box;
    json["swizzle"] = spelling(parameter.swizzle);
  }
  return json;
}

Json write(const Variant &variant) {
  Json json = {{"target", variant.target},
               {"format", spelling(variant.format)},
               {"blob", variant.blob},
               {"entry", variant.entry},
               {"threads", variant.threads},
               {"shared_bytes", variant.sharedBytes},
               {"scratch_bytes", variant.scratchBytes}};
  json["grid"] = Json::array();
  for (const Expression &size : variant.grid)
    json["grid"].push_back(write(size));
  json["parameters"] = writeList(variant.parameters);
  json["alignment"] = variant.alignment;
  if (!variant.tool.empty())
    json["tool"] = variant.tool;
  return json;
}

Json write(const KernelInfo &kernel) {
  Json json = {{"name", kernel.name}};
  json["operands"] = writeList(kernel.operands);
  json["results"] = writeList(kernel.results);
  if (!kernel.checks.empty())
    json["checks"] = writeList(kernel.checks);
  if (!kernel.conditions.empty())
    json["conditions"] = writeList(kernel.conditions);
  json["variants"] = writeList(kernel.variants);
  return json;
}

/// Refuses documents nested so deeply that they could exhaust memory.
bool limitDepth(int depth, Json::parse_event_t, Json &) {
  if (depth > 64)
    throw FormatError{"expected at most 64 levels of nesting"};
  return true;
}

} // namespace

Result<std::string> printManifest(const Manifest &manifest) {
  try {
    Json json = {{"producer", manifest.producer}};
    json["kernels"] = writeList(manifest.kernels);
    return json.dump(1) + "\n";
  } catch (const Json::exception &error) {
    return Failure{std::string("manifest cannot be written as JSON: ") + error.what()};
  }
}

Result<Manifest> parseManifest(std::string_view text) {
  try {
    Json json = Json::parse(text, limitDepth);
    Field root(json, "");
    if (!json.is_object())
      throw FormatError{"expected an object, but got " + std::string(json.type_name())};
    root.expectObject({"producer", "kernels"});
    Manifest manifest;
    manifest.producer = root.member("producer").string();
    manifest.kernels = root.member("kernels").list(readKernel);
    return manifest;
  } catch (const FormatError &error) {
    std::string_view start = error.message;
    bool atRoot = start.substr(0, 2) == ": ";
    return Failure{"manifest: " + std::string(atRoot ? start.substr(2) : start)};
  } catch (const Json::exception &error) {
    return Failure{std::string("manifest is not JSON: ") + error.what()};
  }
}

} // namespace attune::bundle
