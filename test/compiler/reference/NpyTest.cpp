// SPDX-License-Identifier: Apache-2.0
// Do tensors survive a .npy file, and do damaged files give clear errors?
#include "compiler/reference/Npy.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include <gtest/gtest.h>

using namespace attune::reference;

namespace {

/// A file of version 1 with a header and elements as given.
std::string npy(const std::string &header, const std::string &elements = "") {
  std::string bytes = "\x93NUMPY";
  bytes += std::string("\1\0", 2);
  bytes += char(header.size() & 0xff);
  bytes += char(header.size() >> 8);
  return bytes + header + elements;
}

std::string header(const std::string &descr, const std::string &shape,
                   const std::string &fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

Tensor read(const std::string &bytes) {
  auto tensor = parseNpy(bytes, "x.npy");
  if (!tensor) {
    ADD_FAILURE() << llvm::toString(tensor.takeError());
    return Tensor::zeros(ElementType::F32, {0});
  }
  return *tensor;
}

std::string failure(const std::string &bytes) {
  auto tensor = parseNpy(bytes, "x.npy");
  if (!tensor)
    return llvm::toString(tensor.takeError());
  ADD_FAILURE() << "expected an error";
  return "";
}

struct TemporaryFile {
  llvm::SmallString<64> path;
  TemporaryFile() { EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("attune", "npy", path)); }
  ~TemporaryFile() { llvm::sys::fs::remove(path); }
};

TEST(Npy, everyTypeSurvives) {
  for (ElementType type : {ElementType::F64, ElementType::F32, ElementType::F16, ElementType::BF16,
                           ElementType::I64, ElementType::I32, ElementType::I8, ElementType::I1}) {
    Tensor tensor = Tensor::zeros(type, {2, 3});
    for (int64_t i = 0; i < 6; ++i)
      tensor.set(i, isFloat(type) ? double(i) - 2.5 : double(i % 2));
    TemporaryFile file;
    ASSERT_FALSE(writeNpy(file.path, tensor));
    auto again = readNpy(file.path);
    ASSERT_TRUE(bool(again)) << llvm::toString(again.takeError());
    EXPECT_EQ(again->type, type);
    EXPECT_EQ(again->shape, tensor.shape);
    for (int64_t i = 0; i < 6; ++i)
      EXPECT_EQ(again->real(i), tensor.real(i));
  }
}

TEST(Npy, shapesOfEveryRankSurvive) {
  for (std::vector<int64_t> shape :
       std::vector<std::vector<int64_t>>{{}, {5}, {0, 4}, {1, 2, 1, 3}}) {
    TemporaryFile file;
    ASSERT_FALSE(writeNpy(file.path, Tensor::zeros(ElementType::F32, shape)));
    auto again = readNpy(file.path);
    ASSERT_TRUE(bool(again)) << llvm::toString(again.takeError());
    EXPECT_EQ(again->shape, shape);
  }
}

TEST(Npy, elementsBeginAtAMultipleOf64Bytes) {
  TemporaryFile file;
  ASSERT_FALSE(writeNpy(file.path, Tensor::zeros(ElementType::F32, {3})));
  auto buffer = llvm::MemoryBuffer::getFile(file.path);
  ASSERT_TRUE(bool(buffer));
  EXPECT_EQ(((*buffer)->getBufferSize() - 12) % 64, 0u);
}

TEST(Npy, fortranOrderIsTurned) {
  std::string elements = {0, 1, 2, 3, 4, 5};
  Tensor tensor = read(npy(header("|i1", "(2, 3)", "True"), elements));
  EXPECT_TRUE(tensor.isDense());
  int expected[] = {0, 2, 4, 1, 3, 5};
  for (int64_t i = 0; i < 6; ++i)
    EXPECT_EQ(tensor.integer(i), expected[i]);
}

TEST(Npy, versionsTwoAndThree) {
  for (char version : {2, 3}) {
    std::string text = header("|b1", "(1,)");
    std::string bytes = "\x93NUMPY";
    bytes += {version, 0, char(text.size()), 0, 0, 0};
    EXPECT_EQ(read(bytes + text + '\1').integer(0), 1);
  }
}

TEST(Npy, bf16IsKeptAsWords) {
  for (const char *descr : {"<u2", "<V2", "|V2"}) {
    Tensor tensor = read(npy(header(descr, "(1,)"), "\xc0\x3f"));
    EXPECT_EQ(tensor.type, ElementType::BF16);
    EXPECT_EQ(tensor.real(0), 1.5);
  }
}

TEST(Npy, unreadableTypesAreNamed) {
  EXPECT_EQ(failure(npy(header(">f4", "(1,)"), "0123")),
            "'x.npy': the header of the .npy file says '>f4': big-endian elements are not read; "
            "convert them to '<f4'");
  EXPECT_EQ(
      failure(npy(header("<c8", "(1,)"), "01234567")),
      "'x.npy': the header of the .npy file says '<c8': expected elements <f2, <f4, <f8, |i1, "
      "<i4, <i8, |b1, or <u2 for bf16");
  EXPECT_EQ(
      failure(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "0123")),
      "'x.npy': the header of the .npy file has a 'descr' that is no name: structured types "
      "are not read");
}

TEST(Npy, missingAndExtraElements) {
  EXPECT_EQ(failure(npy(header("<f4", "(2,)"), "0123")),
            "'x.npy': expected 8 bytes of elements for shape (2), found 4");
  EXPECT_EQ(failure(npy(header("<f4", "(1,)"), "01234567")),
            "'x.npy': expected 4 bytes of elements for shape (1), found 8");
}

TEST(Npy, hostileShapes) {
  EXPECT_EQ(failure(npy(header("<f4", "(4294967296, 4294967296, 4294967296)"))),
            "'x.npy': expected more than 2^63 bytes of elements for shape "
            "(4294967296x4294967296x4294967296), found 0");
  for (const char *shape :
       {"(-1,)", "(1, a)", "(1", "1", "(99999999999999999999,)", "(1 2)", "(,)"})
    EXPECT_NE(failure(npy(header("<f4", shape), "0123")).find("'shape'"), std::string::npos)
        << shape;
  std::string many = "(";
  for (int i = 0; i < 40; ++i)
    many += "1, ";
  EXPECT_NE(failure(npy(header("<f4", many + ")"), "0123")).find("more than 32 dimensions"),
            std::string::npos);
}

TEST(Npy, damagedHeaders) {
  EXPECT_EQ(failure(""), "'x.npy' is no .npy file: it does not begin with \\x93NUMPY");
  EXPECT_EQ(failure("\x93NUMPY\1"), "'x.npy' ends inside the first 10 bytes of a .npy file");
  EXPECT_EQ(failure(std::string("\x93NUMPY\7\0\1\0x", 11)),
            "'x.npy' is a .npy file of version 7; expected 1, 2 or 3");
  for (const char *text :
       {"", "{", "{}", "{'descr'}", "{'descr': '<f4'", "{'shape': ()}",
        "{'descr': '<f4', 'fortran_order': 1, 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", "{'other': 1}"})
    EXPECT_NE(failure(npy(text)).find("the header of the .npy file"), std::string::npos) << text;
}

TEST(Npy, everyTruncationAndEveryChangedByteIsSurvived) {
  std::string whole = npy(header("<f4", "(2, 2)"), std::string(16, '\1'));
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(failure(whole.substr(0, size)), "");
  for (size_t place = 0; place < whole.size(); ++place)
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = whole;
      changed[place] = char(changed[place] ^ (1 << bit));
      auto tensor = parseNpy(changed, "x.npy");
      if (!tensor)
        EXPECT_NE(llvm::toString(tensor.takeError()), "");
    }
}

TEST(Npy, filesThatCannotBeOpened) {
  auto missing = readNpy("/nonexistent/x.npy");
  ASSERT_FALSE(bool(missing));
  EXPECT_EQ(llvm::toString(missing.takeError()),
            "'/nonexistent/x.npy' cannot be read: No such file or directory");
  EXPECT_EQ(llvm::toString(writeNpy("/nonexistent/x.npy", Tensor::zeros(ElementType::F32, {1}))),
            "'/nonexistent/x.npy' cannot be written: No such file or directory");
}

} // namespace
