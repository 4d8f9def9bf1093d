// SPDX-License-Identifier: Apache-2.0
#include "compiler/reference/Npy.h"

#include "compiler/reference/Failure.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::formatv;
using llvm::StringRef;

namespace attune::reference {
namespace {

constexpr StringRef magic("\x93NUMPY", 6);
constexpr size_t maxRank = 32;

/// NumPy's name of an element type, without byte order.
struct Kind {
  StringRef name;
  ElementType type;
};
constexpr Kind kinds[] = {{"f8", ElementType::F64},  {"f4", ElementType::F32},
                          {"f2", ElementType::F16},  {"u2", ElementType::BF16},
                          {"V2", ElementType::BF16}, {"i8", ElementType::I64},
                          {"i4", ElementType::I32},  {"i1", ElementType::I8},
                          {"b1", ElementType::I1},   {"i8", ElementType::Index}};

struct Header {
  std::optional<ElementType> type;
  std::optional<bool> fortranOrder;
  std::optional<std::vector<int64_t>> shape;
};

/// Reads the dictionary: a list of 'key': value with values that are strings, True, False or tuples
/// of integers.
class HeaderParser {
public:
  HeaderParser(StringRef text, StringRef file) : rest(text), file(file) {}
  Expected<Header> parse();

private:
  Error fail(const llvm::Twine &why) {
    return createStringError("'" + file + "': the header of the .npy file " + why);
  }
  bool take(StringRef token) {
    rest = rest.ltrim(" \n\t");
    return rest.consume_front(token);
  }
  Error parseEntry(StringRef key, Header &header);
  Error parseType(Header &header);
  Error parseShape(Header &header);
  std::optional<StringRef> takeString();

  StringRef rest, file;
};

std::optional<StringRef> HeaderParser::takeString() {
  char quote = take("'") ? '\'' : take("\"") ? '"' : 0;
  size_t end = rest.find(quote);
  if (!quote || end == StringRef::npos)
    return std::nullopt;
  StringRef text = rest.take_front(end);
  rest = rest.drop_front(end + 1);
  return text;
}

Error HeaderParser::parseType(Header &header) {
  std::optional<StringRef> descr = takeString();
  if (!descr)
    return fail("has a 'descr' that is no name: structured types are not read");
  StringRef name = *descr;
  if (name.consume_front(">"))
    return fail("says '" + *descr + "': big-endian elements are not read; convert them to '<" +
                name + "'");
  if (!name.consume_front("<") && !name.consume_front("="))
    name.consume_front("|");
  for (const Kind &kind : kinds)
    if (kind.name == name) {
      header.type = kind.type;
      return Error::success();
    }
  return fail("says '" + *descr +
              "': expected elements <f2, <f4, <f8, |i1, <i4, <i8, |b1, or <u2 for bf16");
}

Error HeaderParser::parseShape(Header &header) {
  if (!take("("))
    return fail("has a 'shape' that is no tuple");
  std::vector<int64_t> shape;
  while (!take(")")) {
    uint64_t size;
    if (rest.consumeInteger(10, size) || size > uint64_t(INT64_MAX))
      return fail("has a 'shape' with an entry that is no size");
    rest.consume_front("L"); // as Python 2 wrote long integers
    shape.push_back(int64_t(size));
    if (shape.size() > maxRank)
      return fail("has a 'shape' of more than " + llvm::Twine(maxRank) + " dimensions");
    if (!take(",") && !rest.starts_with(")"))
      return fail("has a 'shape' that does not end");
    rest = rest.ltrim(" \n\t");
  }
  header.shape = std::move(shape);
  return Error::success();
}

Error HeaderParser::parseEntry(StringRef key, Header &header) {
  if (key == "descr")
    return parseType(header);
  if (key == "shape")
    return parseShape(header);
  if (key != "fortran_order")
    return fail("has an unknown key '" + key + "'");
  if (take("True"))
    header.fortranOrder = true;
  else if (take("False"))
    header.fortranOrder = false;
  else
    return fail("has a 'fortran_order' that is neither True nor False");
  return Error::success();
}

Expected<Header> HeaderParser::parse() {
  Header header;
  if (!take("{"))
    return fail("is no dictionary");
  while (!take("}")) {
    std::optional<StringRef> key = takeString();
    if (!key || !take(":"))
      return fail("is no list of keys and values");
    if (Error error = parseEntry(*key, header))
      return std::move(error);
    if (!take(",") && !rest.ltrim(" \n\t").starts_with("}"))
      return fail("does not end");
  }
  if (!rest.trim(" \n\t").empty())
    return fail("goes on after its end");
  if (!header.type || !header.fortranOrder || !header.shape)
    return fail("lacks 'descr', 'fortran_order' or 'shape'");
  return header;
}

/// The bytes of all elements; nothing if there are too many to count.
std::optional<int64_t> countBytes(const Header &header) {
  int64_t bytes = byteSize(*header.type);
  for (int64_t size : *header.shape)
    if (llvm::MulOverflow(bytes, size, bytes))
      return std::nullopt;
  return bytes;
}

/// The header text of a file, and what follows it.
Expected<std::pair<StringRef, StringRef>> split(StringRef bytes, StringRef name) {
  auto fail = [&](const llvm::Twine &why) { return createStringError("'" + name + "' " + why); };
  if (!bytes.starts_with(magic))
    return fail("is no .npy file: it does not begin with \\x93NUMPY");
  if (bytes.size() < 10)
    return fail("ends inside the first 10 bytes of a .npy file");
  unsigned version = uint8_t(bytes[6]);
  if (version < 1 || version > 3)
    return fail(formatv("is a .npy file of version {0}; expected 1, 2 or 3", version).str());
  size_t lengthBytes = version == 1 ? 2 : 4, begin = 8 + lengthBytes;
  if (bytes.size() < begin)
    return fail("ends before the length of its header");
  const char *field = bytes.data() + 8;
  size_t length = version == 1 ? llvm::support::endian::read16le(field)
                               : llvm::support::endian::read32le(field);
  if (bytes.size() - begin < length)
    return fail(formatv("ends inside its header: expected {0} bytes of it, found {1}", length,
                        bytes.size() - begin)
                    .str());
  return std::pair(bytes.substr(begin, length), bytes.drop_front(begin + length));
}

/// The order in which Fortran stores: the first index varies fastest.
Tensor toRowMajor(const Tensor &tensor) {
  Tensor view = tensor;
  int64_t stride = 1;
  for (size_t dim = 0; dim < view.shape.size(); ++dim) {
    view.strides[dim] = stride;
    stride *= std::max<int64_t>(view.shape[dim], 1);
  }
  return convert(view, view.type);
}

} // namespace

Expected<Tensor> parseNpy(StringRef bytes, StringRef name) {
  auto parts = split(bytes, name);
  if (!parts)
    return parts.takeError();
  auto [text, elements] = *parts;
  auto header = HeaderParser(text, name).parse();
  if (!header)
    return header.takeError();
  std::optional<int64_t> expected = countBytes(*header);
  if (!expected || size_t(*expected) != elements.size())
    return makeError("'{0}': expected {1} bytes of elements for shape ({2}), found {3}", name,
                     expected ? std::to_string(*expected) : std::string("more than 2^63"),
                     spellShape(*header->shape), elements.size());
  Tensor tensor = Tensor::zeros(*header->type, *header->shape);
  std::memcpy(tensor.data.get(), elements.data(), elements.size());
  return *header->fortranOrder ? toRowMajor(tensor) : tensor;
}

Expected<Tensor> readNpy(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError("'" + path + "' cannot be read: " + buffer.getError().message());
  return parseNpy((*buffer)->getBuffer(), path);
}

Error writeNpy(StringRef path, const Tensor &tensor) {
  Tensor dense = tensor.isDense() ? tensor : convert(tensor, tensor.type);
  StringRef kindName;
  for (const Kind &kind : kinds)
    if (kind.type == dense.type && kind.name != "V2")
      kindName = kind.name;
  std::string shape;
  for (int64_t size : dense.shape)
    shape += std::to_string(size) + ", ";
  if (dense.rank() > 1)
    shape.resize(shape.size() - 2);
  std::string header =
      formatv("{{'descr': '{0}{1}', 'fortran_order': False, 'shape': ({2}), }",
              byteSize(dense.type) == 1 ? "|" : "<", kindName, StringRef(shape).rtrim(' '))
          .str();
  constexpr size_t alignment = 64, fixed = 10;
  header.append(alignment - (fixed + header.size() + 1) % alignment, ' ');
  header += '\n';

  std::error_code code;
  llvm::raw_fd_ostream out(path, code);
  if (code)
    return createStringError("'" + path + "' cannot be written: " + code.message());
  out << magic << '\1' << '\0' << char(header.size() & 0xff) << char(header.size() >> 8) << header;
  out.write(reinterpret_cast<const char *>(dense.data.get()),
            size_t(dense.numElements() * byteSize(dense.type)));
  out.close();
  if (out.has_error()) {
    std::string why = out.error().message();
    out.clear_error();
    return createStringError("'" + path + "' cannot be written: " + why);
  }
  return Error::success();
}

} // namespace attune::reference
