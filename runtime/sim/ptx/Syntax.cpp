// SPDX-License-Identifier: Apache-2.0
// Names of special registers, and lines of a module's text.
#include "runtime/sim/ptx/Syntax.h"

#include <iterator>

namespace attune::sim::ptx {

std::string_view spelling(Special special) {
  // In the order of Special.
  static constexpr std::string_view names[] = {
      "%tid.x",
      "%tid.y",
      "%tid.z",
      "%ntid.x",
      "%ntid.y",
      "%ntid.z",
      "%ctaid.x",
      "%ctaid.y",
      "%ctaid.z",
      "%nctaid.x",
      "%nctaid.y",
      "%nctaid.z",
      "%laneid",
      "%warpid",
      "%nwarpid",
      "%lanemask_eq",
      "%lanemask_le",
      "%lanemask_lt",
      "%lanemask_ge",
      "%lanemask_gt",
      "%clusterid.x",
      "%clusterid.y",
      "%clusterid.z",
      "%nclusterid.x",
      "%nclusterid.y",
      "%nclusterid.z",
      "%cluster_ctaid.x",
      "%cluster_ctaid.y",
      "%cluster_ctaid.z",
      "%cluster_nctaid.x",
      "%cluster_nctaid.y",
      "%cluster_nctaid.z",
      "%cluster_ctarank",
      "%cluster_nctarank",
      "%is_explicit_cluster",
      "%smid",
      "%nsmid",
      "%gridid",
      "%clock",
      "%clock_hi",
      "%clock64",
      "%globaltimer",
      "%globaltimer_lo",
      "%globaltimer_hi",
      "%dynamic_smem_size",
      "%total_smem_size",
  };
  static_assert(std::size(names) == static_cast<size_t>(Special::TotalSharedSize) + 1);
  return names[static_cast<size_t>(special)];
}

bool fitsIn(int64_t value, unsigned bits) {
  return bits >= 64 || (value >= -(int64_t(1) << (bits - 1)) && value < (int64_t(1) << bits));
}

std::string_view Module::line(uint32_t number) const {
  std::string_view rest = text;
  for (uint32_t current = 1; current < number; ++current) {
    size_t end = rest.find('\n');
    if (end == std::string_view::npos)
      return {};
    rest.remove_prefix(end + 1);
  }
  rest = rest.substr(0, rest.find('\n'));
  size_t begin = rest.find_first_not_of(" \t\r");
  if (!number || begin == std::string_view::npos)
    return {};
  return rest.substr(begin, rest.find_last_not_of(" \t\r") - begin + 1);
}

} // namespace attune::sim::ptx
