// SPDX-License-Identifier: Apache-2.0
// Where in a thread's scratch memory does each tile live?
#ifndef ATTUNE_COMPILER_TARGET_HOST_BUFFERPLAN_H
#define ATTUNE_COMPILER_TARGET_HOST_BUFFERPLAN_H

#include "compiler/target/host/MapGroups.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/EquivalenceClasses.h"

namespace attune {

/// True if a tile of this type lives in memory: matrices, cols, and rows of vectors.
bool livesInMemory(mlir::Type tile);

/// Assigns offsets by liveness. Tiles that a loop carries, that an `if` yields, or that an elementwise
/// op or a contract replaces, share one buffer where no one still needs the old contents; where they
/// do not, whoever writes the code must copy.
class BufferPlan {
public:
  BufferPlan(tile::KernelOp kernel, const MapGroups &groups);

  /// The offset in bytes, a multiple of 64, of a tile that lives in memory.
  int64_t getOffset(mlir::Value tile) const;
  /// The offset of the memory that an op needs only while it runs.
  int64_t getTemporaryOffset(mlir::Operation *op) const;
  bool haveOneBuffer(mlir::Value left, mlir::Value right) const;
  int64_t getTotalBytes() const { return totalBytes; }

private:
  /// A set of tiles (or one temporary) that share memory. `live` has two slots a program position:
  /// while an op reads, and once it has written.
  struct Buffer {
    int64_t bytes = 0, offset = 0;
    llvm::BitVector live;
    /// Where its contents were merged into; itself if nowhere.
    unsigned representative = 0;
  };
  struct Span {
    unsigned begin = 0, end = 0;
  };

  void number(mlir::Block &block);
  void addTiles(mlir::Block &block);
  void addTile(mlir::Value tile, unsigned definitionSlot);
  void addTemporary(mlir::Operation *op, int64_t bytes);
  void markUse(Buffer &buffer, unsigned definitionSlot, mlir::Value tile, mlir::Operation *user);
  void merge(mlir::Value left, mlir::Value right);
  void mergeLoop(mlir::Operation *op);
  void mergeIf(mlir::Operation *op);
  void mergeElementwise(mlir::Operation *op);
  void place();
  unsigned find(unsigned index) const;
  unsigned find(mlir::Value tile) const;
  void extend(mlir::Value tile, unsigned slot);

  const MapGroups &groups;
  unsigned positions = 0;
  llvm::DenseMap<mlir::Operation *, Span> spans;
  llvm::DenseMap<mlir::Block *, Span> blockSpans;
  std::vector<Buffer> buffers;
  llvm::DenseMap<mlir::Value, unsigned> tiles;
  llvm::DenseMap<mlir::Operation *, unsigned> temporaries;
  int64_t totalBytes = 0;
};

} // namespace attune

#endif // ATTUNE_COMPILER_TARGET_HOST_BUFFERPLAN_H
