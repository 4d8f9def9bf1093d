// SPDX-License-Identifier: Apache-2.0
#include "tools/attn-run/Listing.h"

#include "runtime/bundle/Bundle.h"
#include "tools/attn-run/Flags.h"

namespace attune::run {
namespace {

using bundle::Expression;

std::string spell(const Expression &expression) {
  using Kind = Expression::Kind;
  if (expression.kind == Kind::Constant)
    return std::to_string(expression.number);
  if (expression.kind == Kind::Scalar)
    return expression.operand;
  if (expression.kind == Kind::Size)
    return "size(" + expression.operand + ", " + std::to_string(expression.number) + ")";
  std::string text;
  for (const Expression &argument : expression.arguments)
    text += (text.empty() ? "" : expression.kind == Kind::Mul ? " * " : ", ") + spell(argument);
  return expression.kind == Kind::Mul
             ? text
             : std::string(bundle::spelling(expression.kind)) + "(" + text + ")";
}

/// The elements as `spellOne` spells them, with `between` between them.
template <typename List, typename Spell>
std::string join(const List &list, const char *between, Spell spellOne) {
  std::string text;
  for (const auto &element : list)
    text += (text.empty() ? "" : between) + std::string(spellOne(element));
  return text;
}

std::string spellOperand(const bundle::OperandInfo &info) {
  std::string text = info.name + ": " + std::string(bundle::spelling(info.dtype));
  if (info.isTensor())
    text += "[" +
            join(info.shape, ", ",
                 [](int64_t size) {
                   return size == bundle::dynamicSize ? "?" : std::to_string(size);
                 }) +
            "]";
  text += info.isTensor() ? " " + std::string(bundle::spelling(info.role)) : "";
  text += info.axis.empty() ? "" : " of " + info.axis;
  text += info.sorted ? ", sorted" : "";
  text += info.contiguous ? ", contiguous" : "";
  if (info.range)
    text +=
        ", from " + std::to_string((*info.range)[0]) + " to " + std::to_string((*info.range)[1]);
  return text;
}

const char *describe(bundle::MaskLevel level) {
  switch (level) {
  case bundle::MaskLevel::All: return "all tiles are visited";
  case bundle::MaskLevel::Ranges: return "ranges in closed form";
  case bundle::MaskLevel::Test: return "a test of each tile";
  case bundle::MaskLevel::Pieces: return "a test of the rows of each tile";
  }
  return "";
}

std::string spellMask(const bundle::MaskInfo &mask) {
  std::string text = std::string("tiles are found by ") + describe(mask.level);
  if (mask.level == bundle::MaskLevel::All)
    text = describe(mask.level);
  if (mask.summaries)
    text += ", with summaries of tables";
  text += mask.exact ? "; ranges alone tell all there is" : "; ranges alone tell less";
  text += "; operations: " + std::to_string(mask.perQueryTile) + " a tile of queries";
  for (auto [count, what] :
       {std::pair(mask.perQuery, " a query"), std::pair(mask.perTilePair, " a pair of tiles"),
        std::pair(mask.perKey, " a key in a pass before")})
    if (count)
      text += ", " + std::to_string(count) + what;
  return text + "; metadata: " + spell(mask.metadataBytes) + " bytes";
}

/// What a variant and a pre-pass have in common.
std::string spellCode(const bundle::Variant &variant) {
  std::string text = variant.entry + ", " + std::string(bundle::spelling(variant.format));
  if (!variant.tool.empty())
    text += " by " + variant.tool;
  if (variant.format == bundle::BlobFormat::Elf)
    text += ", " + std::to_string(variant.scratchBytes) + " bytes of scratch memory a thread";
  else
    text += ", " + std::to_string(variant.threads) + " threads, " +
            std::to_string(variant.sharedBytes) + " bytes of shared memory";
  return text + ", grid " + join(variant.grid, " x ", spell);
}

std::string list(const bundle::Variant &variant, const std::string &what) {
  std::string text = "  " + what + ": " + spellCode(variant) + "\n";
  for (const bundle::Condition &condition : variant.when)
    text += "    if " + condition.text + "\n";
  for (const bundle::MaskInfo &mask : variant.masks)
    text += "    " + spellMask(mask) + "\n";
  for (const bundle::Variant &pass : variant.before)
    text += "    before it: " + spellCode(pass) + "\n";
  for (const bundle::Workspace &workspace : variant.workspaces) {
    text += "    workspace " + workspace.name + ": " + join(workspace.shape, " x ", spell);
    text += " " + std::string(bundle::spelling(workspace.dtype)) + ", " +
            std::to_string(bundle::byteSize(workspace.dtype)) + " bytes each\n";
  }
  for (const bundle::Variant &other : variant.instead)
    text += list(other, "  or, where that reads fewer pairs");
  return text;
}

} // namespace

std::string listBundle(const std::string &bytes) {
  auto parsed = bundle::parseBundle(bytes);
  if (!parsed)
    throw Failure(parsed.message());
  std::string text = "made by " + parsed->manifest.producer + "\n";
  for (const bundle::KernelInfo &kernel : parsed->manifest.kernels) {
    text += "@" + kernel.name + "\n";
    for (const bundle::OperandInfo &operand : kernel.operands)
      text += "  takes " + spellOperand(operand) + "\n";
    for (const bundle::OperandInfo &result : kernel.results)
      text += "  gives " + spellOperand(result) + "\n";
    for (const bundle::Condition &condition : kernel.conditions)
      text += "  if " + condition.text + "\n";
    for (const bundle::Variant &variant : kernel.variants)
      text += list(variant, variant.target);
  }
  return text;
}

} // namespace attune::run
