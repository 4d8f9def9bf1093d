// SPDX-License-Identifier: Apache-2.0
// Draws a mask and its tile grid as SVG and as text.
#include "compiler/picture/MaskPicture.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <map>

using namespace llvm;

namespace attune {

using mask::TileClass;

std::vector<std::vector<TileClass>> classifyTiles(const MaskScene &scene) {
  const mask::Schedule &schedule = scene.schedule;
  int64_t rows = mask::countTiles(schedule.rows, scene.queries(), scene.sizes.rowGrid);
  int64_t columns = mask::countTiles(schedule.columns, scene.keys(), scene.sizes.columnGrid);
  std::vector<std::vector<TileClass>> classes;
  if (rows == 0 || columns == 0)
    return classes;
  mask::RowTile tile(schedule, scene.sizes, scene.environment, 0);
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<TileClass> &line = classes.emplace_back(size_t(columns), TileClass::Empty);
    tile = tile.sibling(row);
    for (int64_t at = tile.next(tile.first()); at < tile.end(); at = tile.next(at + 1))
      line[size_t(at)] = tile.classify(at);
  }
  return classes;
}

/// Cells of `rowStep` by `columnStep` tiles; one whose tiles differ is partial.
static std::vector<std::vector<TileClass>>
coarsen(const std::vector<std::vector<TileClass>> &classes, int64_t rowStep, int64_t columnStep) {
  std::vector<std::vector<TileClass>> cells;
  int64_t rows = classes.size(), columns = rows ? classes.front().size() : 0;
  for (int64_t row = 0; row < rows; row += rowStep) {
    std::vector<TileClass> &cellRow = cells.emplace_back();
    for (int64_t column = 0; column < columns; column += columnStep) {
      TileClass cell = classes[row][column];
      for (int64_t i = row; i < std::min(row + rowStep, rows); ++i)
        for (int64_t j = column; j < std::min(column + columnStep, columns); ++j)
          if (classes[i][j] != cell)
            cell = TileClass::Partial;
      cellRow.push_back(cell);
    }
  }
  return cells;
}

namespace {

/// More cells of tiles than this along an axis cannot be told apart; several tiles are one cell then.
constexpr int64_t mostTileCells = 160;

/// The picture's scale: tokens a cell, and cells along each axis. A cell is at least a pixel pair.
struct Cells {
  int64_t tokens, queries, keys;

  explicit Cells(const MaskScene &scene) {
    constexpr int64_t most = 160;
    tokens = std::max<int64_t>(1, divideCeil(std::max(scene.queries(), scene.keys()), most));
    queries = divideCeil(scene.queries(), tokens);
    keys = divideCeil(scene.keys(), tokens);
  }
};

/// So many letters fit on a line.
constexpr size_t titleLetters = 90;

constexpr int samples = 4; // along each axis of a cell

bool isVisible(const MaskScene &scene, int64_t query, int64_t key) {
  auto found = scene.visible ? scene.visible(query, key)
                             : mask::holds(scene.mask.visible, query, key, scene.environment);
  return found.value_or(false);
}

/// The share of visible pairs among a grid of samples of the cell; 0 where the mask is not known.
double getShare(const MaskScene &scene, int64_t tokens, int64_t query, int64_t key) {
  int64_t seen = 0, visible = 0;
  int64_t count = std::min<int64_t>(tokens, samples);
  for (int64_t row = 0; row < count; ++row) {
    for (int64_t column = 0; column < count; ++column) {
      int64_t i = query * tokens + row * tokens / count, j = key * tokens + column * tokens / count;
      if (i >= scene.queries() || j >= scene.keys())
        continue;
      ++seen;
      visible += isVisible(scene, i, j);
    }
  }
  return seen ? double(visible) / seen : 0;
}

const char *getColour(TileClass tile) {
  switch (tile) {
  case TileClass::Empty: return "#f4f4f2";
  case TileClass::Partial: return "#f6d28b";
  case TileClass::Full: return "#a9d5a0";
  }
  llvm_unreachable("no such class");
}

/// Writes shapes in units of tokens into one scaled group.
class SvgWriter {
public:
  explicit SvgWriter(const MaskScene &scene)
      : scene(scene), scale(640.0 / std::max<int64_t>({1, scene.queries(), scene.keys()})) {}

  std::string draw();

private:
  void drawTiles();
  void drawBoxes();
  void drawPairs();
  void drawLegend();
  /// Adds a rectangle of tokens to the path of its style.
  void rectangle(int64_t x, int64_t y, int64_t width, int64_t height, StringRef style) {
    paths[style.str()] += formatv("M{0} {1}h{2}v{3}h-{2}z", x, y, width, height);
  }
  void drawPaths();
  void label(double x, double y, const Twine &words, StringRef anchor = "start") {
    text += formatv("<text x=\"{0:f1}\" y=\"{1:f1}\" text-anchor=\"{2}\">{3}</text>\n", x, y,
                    anchor, escape(words.str()));
  }
  static std::string escape(StringRef words) {
    std::string result;
    for (char c : words)
      result += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
    return result;
  }

  static constexpr double left = 48, top = 56;
  const MaskScene &scene;
  double scale;
  std::string text;
  /// The rectangles of each style, not yet written.
  std::map<std::string, std::string> paths;
};

/// Writes the rectangles so far, one path a style: a tenth of the text that elements would take.
void SvgWriter::drawPaths() {
  text += formatv("<g transform=\"translate({0} {1}) scale({2:f4})\">\n", left, top, scale);
  for (const auto &[style, path] : paths)
    text += formatv("<path {0} d=\"{1}\"/>\n", style, path);
  text += "</g>\n";
  paths.clear();
}

void SvgWriter::drawTiles() {
  const mask::TileShape &rows = scene.schedule.rows, &columns = scene.schedule.columns;
  if (!rows.box.empty() || !columns.box.empty())
    return drawBoxes();
  int64_t rowStep = divideCeil(divideCeil(scene.queries(), rows.tokens), mostTileCells);
  int64_t columnStep = divideCeil(divideCeil(scene.keys(), columns.tokens), mostTileCells);
  auto cells = coarsen(classifyTiles(scene), std::max<int64_t>(1, rowStep),
                       std::max<int64_t>(1, columnStep));
  int64_t cellQueries = rowStep * rows.tokens, cellKeys = columnStep * columns.tokens;
  for (auto [row, tiles] : enumerate(cells)) {
    int64_t query = row * cellQueries;
    int64_t height = std::min(cellQueries, scene.queries() - query);
    for (auto [column, tile] : enumerate(tiles)) {
      int64_t key = column * cellKeys;
      rectangle(key, query, std::min(cellKeys, scene.keys() - key), height,
                formatv("fill=\"{0}\" stroke=\"#ffffff\" stroke-width=\"{1:f2}\"", getColour(tile),
                        1 / scale)
                    .str());
    }
  }
}

/// The tile that each token lies in.
static std::vector<int64_t> tilesOfTokens(const mask::TileShape &shape, int64_t tokens,
                                          ArrayRef<int64_t> grid) {
  std::vector<int64_t> tiles(size_t(tokens), 0);
  for (int64_t tile = 0, end = mask::countTiles(shape, tokens, grid); tile < end; ++tile)
    for (int64_t token : mask::tokensOf(shape, tokens, grid, tile))
      tiles[size_t(token)] = tile;
  return tiles;
}

/// One rectangle for each horizontal run of cells of one class; the first token of a cell speaks for it.
void SvgWriter::drawBoxes() {
  auto classes = classifyTiles(scene);
  auto rows = tilesOfTokens(scene.schedule.rows, scene.queries(), scene.sizes.rowGrid);
  auto columns = tilesOfTokens(scene.schedule.columns, scene.keys(), scene.sizes.columnGrid);
  Cells cells(scene);
  for (int64_t query = 0; query < scene.queries(); query += cells.tokens) {
    const std::vector<TileClass> &line = classes[size_t(rows[size_t(query)])];
    auto classAt = [&](int64_t key) { return line[size_t(columns[size_t(key)])]; };
    for (int64_t key = 0, end; key < scene.keys(); key = end) {
      for (end = key; end < scene.keys() && classAt(end) == classAt(key);)
        end += cells.tokens;
      end = std::min(end, scene.keys());
      rectangle(key, query, end - key, std::min(cells.tokens, scene.queries() - query),
                formatv("fill=\"{0}\"", getColour(classAt(key))).str());
    }
  }
}

/// Shades visible pairs, one rectangle for each horizontal run of equal shade.
void SvgWriter::drawPairs() {
  Cells cells(scene);
  for (int64_t query = 0; query < cells.queries; ++query) {
    int64_t start = 0;
    double shade = 0;
    for (int64_t key = 0; key <= cells.keys; ++key) {
      double next = key < cells.keys ? getShare(scene, cells.tokens, query, key) : -1;
      if (next == shade)
        continue;
      if (shade > 0) {
        int64_t x = start * cells.tokens, y = query * cells.tokens;
        rectangle(x, y, std::min(key * cells.tokens, scene.keys()) - x,
                  std::min(cells.tokens, scene.queries() - y),
                  formatv("fill=\"#1f3a5f\" fill-opacity=\"{0:f2}\"", 0.55 * shade).str());
      }
      start = key;
      shade = next;
    }
  }
}

void SvgWriter::drawLegend() {
  // What does not fit on one line goes on below it.
  StringRef title = scene.title;
  size_t cut =
      title.size() <= titleLetters ? StringRef::npos : title.take_front(titleLetters).rfind(", ");
  label(left, 16, title.substr(0, cut == StringRef::npos ? cut : cut + 1));
  if (cut != StringRef::npos)
    label(left, 31, title.drop_front(cut + 2));
  label(left, 50, "keys 0 .. " + Twine(scene.keys() - 1));
  double x = left - 10, middle = top + scene.queries() * scale / 2;
  text += formatv(
      "<text x=\"{0:f1}\" y=\"{1:f1}\" text-anchor=\"middle\" transform=\"rotate(-90 {0:f1} "
      "{1:f1})\">queries 0 .. {2}</text>\n",
      x, middle, scene.queries() - 1);
  double y = top + scene.queries() * scale + 24;
  const std::pair<TileClass, const char *> entries[] = {{TileClass::Empty, "skipped tile"},
                                                        {TileClass::Partial, "masked tile"},
                                                        {TileClass::Full, "full tile, no mask"}};
  x = left;
  for (auto [tile, words] : entries) {
    text += formatv("<rect x=\"{0:f1}\" y=\"{1:f1}\" width=\"14\" height=\"14\" fill=\"{2}\" "
                    "stroke=\"#999999\"/>\n",
                    x, y - 12, getColour(tile));
    label(x + 20, y, words);
    x += 150;
  }
  text += formatv("<rect x=\"{0:f1}\" y=\"{1:f1}\" width=\"14\" height=\"14\" fill=\"#1f3a5f\" "
                  "fill-opacity=\"0.55\"/>\n",
                  x, y - 12);
  label(x + 20, y, "visible pairs");
}

std::string SvgWriter::draw() {
  double width = left + std::max(scene.keys() * scale, 600.0) + 24;
  double height = top + scene.queries() * scale + 48;
  text = formatv("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:f0}\" height=\"{1:f0}\" "
                 "shape-rendering=\"crispEdges\" font-family=\"sans-serif\" font-size=\"13\">\n"
                 "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
                 width, height);
  drawTiles();
  drawPaths();
  drawPairs();
  drawPaths();
  drawLegend();
  text += "</svg>\n";
  return text;
}

} // namespace

std::string drawSvg(const MaskScene &scene) { return SvgWriter(scene).draw(); }

std::string drawText(const MaskScene &scene, int64_t width) {
  auto classes = classifyTiles(scene);
  if (classes.empty() || classes.front().empty())
    return "(no pairs)\n";
  int64_t rows = classes.size(), columns = classes.front().size();
  // A character is about twice as high as wide: half as many rows as columns keep the shape.
  int64_t columnStep = std::max<int64_t>(1, divideCeil(columns, width));
  int64_t rowStep = std::max<int64_t>(1, divideCeil(rows, std::max<int64_t>(1, width / 2)));
  std::string text;
  for (const auto &row : coarsen(classes, rowStep, columnStep)) {
    for (TileClass cell : row)
      text += cell == TileClass::Partial ? '+' : cell == TileClass::Full ? '#' : '.';
    text += '\n';
  }
  return text;
}

} // namespace attune
