// SPDX-License-Identifier: Apache-2.0
// How does a tensor get into and out of a .npy file?
//
// The format: "\x93NUMPY", a major and a minor version byte, the length of a header (2 bytes, from
// version 2 on 4, little endian), the header, the elements. The header is the text of a Python
// dictionary with the keys descr, fortran_order and shape. NumPy has no bf16: its bits are kept as
// 16-bit words, written as '<u2' and read from '<u2' or '<V2'.
#ifndef ATTUNE_COMPILER_REFERENCE_NPY_H
#define ATTUNE_COMPILER_REFERENCE_NPY_H

#include "compiler/reference/Tensor.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace attune::reference {

/// Reads a file of version 1 to 3 with elements f2 f4 f8 i1 i4 i8 b1 u2, little endian, in either
/// order. The result is dense in row-major order. Fails with a sentence that names the file.
llvm::Expected<Tensor> readNpy(llvm::StringRef path);

/// The same of bytes; `name` is what messages call them.
llvm::Expected<Tensor> parseNpy(llvm::StringRef bytes, llvm::StringRef name);

/// Writes version 1, in row-major order. An index is written as i8.
llvm::Error writeNpy(llvm::StringRef path, const Tensor &tensor);

} // namespace attune::reference

#endif // ATTUNE_COMPILER_REFERENCE_NPY_H
