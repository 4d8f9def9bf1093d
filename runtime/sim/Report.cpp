// SPDX-License-Identifier: Apache-2.0
// Collects findings and writes them for people.
#include "runtime/sim/Report.h"

#include <algorithm>

namespace attune::sim {

const char *describe(FindingKind kind) {
  switch (kind) {
  case FindingKind::OutOfBounds: return "out of bounds";
  case FindingKind::Misaligned: return "misaligned access";
  case FindingKind::UninitialisedRead: return "uninitialised read";
  case FindingKind::Race: return "race";
  case FindingKind::WarpHazard: return "hazard within a warp";
  case FindingKind::InFlight: return "access to bytes in flight";
  case FindingKind::MissingProxyFence: return "missing proxy fence";
  case FindingKind::BusyRegister: return "busy register";
  case FindingKind::BarrierMisuse: return "barrier misuse";
  case FindingKind::WarpgroupMisuse: return "warpgroup misuse";
  case FindingKind::BadDescriptor: return "bad descriptor";
  case FindingKind::SharedOutput: return "output written by two blocks";
  case FindingKind::Deadlock: return "deadlock";
  case FindingKind::Hang: return "hang";
  case FindingKind::Fault: return "fault";
  }
  return "finding";
}

/// Blocks in the order in which the grid numbers them.
static std::array<uint32_t, 3> blockOrder(const Finding &finding) {
  const auto &block = finding.party.block;
  return {block[2], block[1], block[0]};
}

void Findings::add(Finding finding) {
  std::lock_guard<std::mutex> guard(mutex);
  if (finding.severity == Severity::Error)
    error = true;
  auto key = std::make_tuple(finding.kind, finding.party.line, finding.other.line);
  auto known = found.find(key);
  finding.order = added++;
  if (known != found.end()) {
    // The text that is kept is that of the first block, whatever thread was quicker.
    finding.times += known->second.times;
    finding.severity = std::max(known->second.severity, finding.severity);
    if (blockOrder(finding) < blockOrder(known->second))
      known->second = std::move(finding);
    else
      std::tie(known->second.times, known->second.severity) =
          std::tie(finding.times, finding.severity);
  } else if (found.size() < limit) {
    found.emplace(key, std::move(finding));
  } else {
    ++droppedCount;
  }
}

bool Findings::empty() const {
  std::lock_guard<std::mutex> guard(mutex);
  return found.empty();
}

std::vector<Finding> Findings::take() {
  std::lock_guard<std::mutex> guard(mutex);
  std::vector<Finding> all;
  for (auto &[key, finding] : found)
    all.push_back(std::move(finding));
  found.clear();
  std::sort(all.begin(), all.end(), [](const Finding &a, const Finding &b) {
    auto key = [](const Finding &finding) {
      return std::tuple(finding.severity == Severity::Warning, blockOrder(finding), finding.order);
    };
    return key(a) < key(b);
  });
  return all;
}

namespace {

/// "0-3, 7".
std::string lanesText(uint32_t lanes) {
  std::string text;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (!(lanes >> lane & 1))
      continue;
    unsigned last = lane;
    while (last < 31 && (lanes >> (last + 1) & 1))
      ++last;
    text += (text.empty() ? "" : ", ") + std::to_string(lane);
    if (last != lane)
      text += "-" + std::to_string(last);
    lane = last;
  }
  return text;
}

std::string blockText(const std::array<uint32_t, 3> &block) {
  return "block (" + std::to_string(block[0]) + "," + std::to_string(block[1]) + "," +
         std::to_string(block[2]) + ")";
}

/// "warp 2, lanes 0-31, line 431:  ldmatrix...". The block stands in front when `withBlock`.
std::string partyText(const Party &party, bool withBlock,
                      std::string_view (*lineText)(const void *, uint32_t), const void *context) {
  std::string text;
  auto append = [&](const std::string &piece) { text += (text.empty() ? "" : ", ") + piece; };
  if (withBlock)
    append(blockText(party.block));
  if (party.warp >= 0)
    append("warp " + std::to_string(party.warp));
  if (party.lanes)
    append((party.lanes & (party.lanes - 1) ? "lanes " : "lane ") + lanesText(party.lanes));
  if (party.line) {
    append("line " + std::to_string(party.line));
    std::string_view code = lineText ? lineText(context, party.line) : std::string_view();
    if (!code.empty())
      text += ":  " + std::string(code);
  }
  return text;
}

} // namespace

std::string print(const Finding &finding, std::string_view (*lineText)(const void *, uint32_t),
                  const void *context) {
  // The first line of the message belongs to the headline, the others follow the parties.
  size_t end = finding.message.find('\n');
  std::string text = finding.severity == Severity::Error ? "error: " : "warning: ";
  text += describe(finding.kind);
  if (!finding.message.empty())
    text += ": " + finding.message.substr(0, end);
  text += "\n  " + partyText(finding.party, true, lineText, context) + "\n";
  if (finding.other.line)
    text +=
        "  with: " +
        partyText(finding.other, finding.other.block != finding.party.block, lineText, context) +
        "\n";
  while (end != std::string::npos) {
    size_t begin = end + 1;
    end = finding.message.find('\n', begin);
    text += "  " + finding.message.substr(begin, end - begin) + "\n";
  }
  if (finding.times > 1)
    text += "  seen " + std::to_string(finding.times) + " times\n";
  return text;
}

} // namespace attune::sim
