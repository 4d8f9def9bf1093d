// SPDX-License-Identifier: Apache-2.0
// What does a mask look like, and which tiles does a kernel visit because of it?
#ifndef ATTUNE_COMPILER_PICTURE_MASKPICTURE_H
#define ATTUNE_COMPILER_PICTURE_MASKPICTURE_H

#include "compiler/mask/Schedule.h"
#include <functional>
#include <string>
#include <vector>

namespace attune {

/// One mask at one problem size, with the schedule of its tiles (forward: rows are queries). What
/// `environment` does not know is drawn as partial tiles without pairs.
struct MaskScene {
  std::string title;
  mask::MaskFormula mask;
  const mask::Schedule &schedule;
  mask::RowTile::Sizes sizes;
  const mask::Environment &environment;
  /// Is a pair visible? If not given, the formula says.
  std::function<std::optional<bool>(int64_t query, int64_t key)> visible = nullptr;

  int64_t queries() const { return sizes.rowTokens; }
  int64_t keys() const { return sizes.columnTokens; }
};

/// The class of each tile, query tiles first: classes[queryTile][keyTile].
std::vector<std::vector<mask::TileClass>> classifyTiles(const MaskScene &scene);

/// An SVG document: queries run down, keys to the right; visible pairs are shaded, tiles are
/// coloured empty, partial or full; with a legend and the sizes. Long axes are drawn in cells of
/// several tokens, shaded by the share of visible pairs in samples of the cell. Tokens are in order
/// also where tiles are boxes: the tokens of a box lie apart then.
std::string drawSvg(const MaskScene &scene);

/// The tile grid for a terminal, tile by tile, at most `width` columns and about half as many rows:
/// `.` empty, `+` partial, `#` full; a cell that stands for several tiles shows `+` unless they are of
/// one class.
std::string drawText(const MaskScene &scene, int64_t width = 64);

} // namespace attune

#endif // ATTUNE_COMPILER_PICTURE_MASKPICTURE_H
