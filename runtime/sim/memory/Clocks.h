// SPDX-License-Identifier: Apache-2.0
// Which accesses are ordered? Vector clocks over the agents of a cluster: its warps, and the
// asynchronous units that work for them.
#pragma once

#include <cstdint>
#include <vector>

namespace attune::sim {

/// A warp, an mbarrier (for the copies that report to it), a warp's bulk stores, a warpgroup's tensor
/// core.
using Agent = uint16_t;

/// An agent at one of its moments: 10 bits of agent, 22 bits of clock. 0 is "never".
using Epoch = uint32_t;
inline constexpr unsigned clockBits = 22;
inline constexpr uint32_t maximumClock = (1u << clockBits) - 1;
inline constexpr Agent maximumAgents = 1 << (32 - clockBits);
inline Epoch makeEpoch(Agent agent, uint32_t clock) { return uint32_t(agent) << clockBits | clock; }
inline Agent agentOf(Epoch epoch) { return Agent(epoch >> clockBits); }
inline uint32_t clockOf(Epoch epoch) { return epoch & maximumClock; }

/// For each agent the moment up to which something is known. Missing entries are 0.
class Moments {
public:
  uint32_t at(Agent agent) const { return agent < clocks.size() ? clocks[agent] : 0; }
  bool covers(Epoch epoch) const { return at(agentOf(epoch)) >= clockOf(epoch); }
  /// All moments of `other`, but for that of `except`.
  bool coversAllBut(Agent except, const Moments &other) const;
  void raise(Agent agent, uint32_t clock);
  void join(const Moments &other);
  void clear() { clocks.clear(); }

private:
  std::vector<uint32_t> clocks;
};

/// What an agent, a barrier or a phase knows: what happened before it, and the part of that which a
/// proxy fence has made visible to the async proxy.
struct Knowledge {
  Moments happened, fenced;
  void join(const Knowledge &other) {
    happened.join(other.happened);
    fenced.join(other.fenced);
  }
  void clear() {
    happened.clear();
    fenced.clear();
  }
};

/// The agents of one cluster. An agent's own clock counts what it has published: it moves on at
/// every release, so that what comes later is not covered by it.
class Clocks {
public:
  /// A new agent whose clock is 1. Past maximumAgents it returns agents again (orders too much,
  /// reports nothing wrong).
  Agent add();
  uint32_t now(Agent agent) const { return known[agent].happened.at(agent); }
  Epoch epoch(Agent agent) const { return makeEpoch(agent, now(agent)); }
  const Knowledge &of(Agent agent) const { return known[agent]; }

  /// `into` learns what `agent` knows; the agent's clock moves on.
  void release(Agent agent, Knowledge &into);
  /// `agent` learns.
  void acquire(Agent agent, const Knowledge &from);
  /// `agent` learns that another agent has got this far, but not what that one knew.
  void acquire(Agent agent, Epoch epoch);
  /// All that `agent` knows is visible to the async proxy from now on.
  void fenceProxy(Agent agent);
  /// The agent's clock moves on; returns the epoch of what it does next.
  Epoch tick(Agent agent);
  /// Changes whenever what `agent` knows changes: what was found ordered stays so while it is equal.
  /// No two agents ever have the same.
  uint64_t version(Agent agent) const { return versions[agent]; }

private:
  std::vector<Knowledge> known;
  std::vector<uint64_t> versions;
  uint64_t lastVersion = 0;
  Agent reused = maximumAgents - 1;
};

} // namespace attune::sim
