// SPDX-License-Identifier: Apache-2.0
// Keeps what each agent of a cluster knows of the others.
#include "runtime/sim/memory/Clocks.h"

#include <algorithm>

namespace attune::sim {

void Moments::raise(Agent agent, uint32_t clock) {
  if (agent >= clocks.size())
    clocks.resize(size_t(agent) + 1);
  clocks[agent] = std::max(clocks[agent], clock);
}

void Moments::join(const Moments &other) {
  if (clocks.size() < other.clocks.size())
    clocks.resize(other.clocks.size());
  for (size_t i = 0; i != other.clocks.size(); ++i)
    clocks[i] = std::max(clocks[i], other.clocks[i]);
}

bool Moments::coversAllBut(Agent except, const Moments &other) const {
  for (size_t i = 0; i != other.clocks.size(); ++i)
    if (i != except && at(Agent(i)) < other.clocks[i])
      return false;
  return true;
}

Agent Clocks::add() {
  if (known.size() == maximumAgents) {
    // A shared number makes two agents look like one that is always ordered with itself.
    reused = Agent((reused + 1) % maximumAgents);
    return reused;
  }
  Agent agent = Agent(known.size());
  known.emplace_back().happened.raise(agent, 1);
  versions.push_back(++lastVersion);
  return agent;
}

void Clocks::release(Agent agent, Knowledge &into) {
  into.join(known[agent]);
  tick(agent);
}

void Clocks::acquire(Agent agent, const Knowledge &from) {
  known[agent].join(from);
  versions[agent] = ++lastVersion;
}

void Clocks::acquire(Agent agent, Epoch epoch) {
  known[agent].happened.raise(agentOf(epoch), clockOf(epoch));
  versions[agent] = ++lastVersion;
}

void Clocks::fenceProxy(Agent agent) {
  known[agent].fenced.join(known[agent].happened);
  // What the agent writes from here on is not fenced.
  tick(agent);
}

Epoch Clocks::tick(Agent agent) {
  // A clock at its end stands still: what follows looks ordered, so nothing is reported wrongly.
  known[agent].happened.raise(agent, std::min(now(agent) + 1, maximumClock));
  versions[agent] = ++lastVersion;
  return epoch(agent);
}

} // namespace attune::sim
