// SPDX-License-Identifier: Apache-2.0
// What does a mask look like, and which tiles does a kernel visit because of it?
#ifndef ATTUNE_COMPILER_PICTURE_MASKPICTURE_H
#define ATTUNE_COMPILER_PICTURE_MASKPICTURE_H

#include "compiler/analysis/MaskBounds.h"
#include <string>
#include <vector>

namespace attune {

/// One mask at one problem size. `uniform` gives the numbers of the block (scalars, lengths); a
/// predicate on a number that it does not know is drawn as partial tiles without pairs.
struct MaskScene {
  std::string title;
  Formula mask;
  int64_t queries = 0, keys = 0;
  int64_t tileQueries = 0, tileKeys = 0;
  std::function<std::optional<int64_t>(const Node *)> uniform;
};

/// The class of each tile, query tiles first: classes[queryTile][keyTile].
std::vector<std::vector<TileClass>> classifyTiles(const MaskScene &scene);

/// An SVG document: queries run down, keys to the right; visible pairs are shaded, tiles are
/// coloured empty, partial or full; with a legend and the sizes. Long axes are drawn in cells of
/// several tokens, shaded by the share of visible pairs in samples of the cell.
std::string drawSvg(const MaskScene &scene);

/// The tile grid for a terminal, at most `width` columns and about half as many rows: `.` empty, `+` partial, `#` full;
/// a cell that stands for several tiles shows `+` unless they are of one class.
std::string drawText(const MaskScene &scene, int64_t width = 64);

} // namespace attune

#endif // ATTUNE_COMPILER_PICTURE_MASKPICTURE_H
