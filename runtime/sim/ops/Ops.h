// SPDX-License-Identifier: Apache-2.0
// Which instructions does the simulator know? Each family adds the first words of its opcodes; what
// no family adds is refused when a module is loaded.
#pragma once

#include "runtime/sim/program/Decoder.h"

namespace attune::sim {

/// mov, cvta, pack and unpack, special registers, mapa, isspacep, createpolicy.
void addMoves(InstructionSet &set);
/// Integer arithmetic, logic, shifts, bit fields.
void addIntegers(InstructionSet &set);
/// f32, f64, f16 and bf16 arithmetic, and the approximate functions. Shares first words with the
/// integers (add, min, ...): `addArithmetic` dispatches on the type.
void addFloats(InstructionSet &set);
/// cvt.
void addConversions(InstructionSet &set);
/// setp, set, selp, slct, testp.
void addComparisons(InstructionSet &set);
/// bra, brx.idx, ret, exit, trap, nanosleep, griddepcontrol.
void addControl(InstructionSet &set);
/// setmaxnreg.
void addRegisterCounts(InstructionSet &set);
/// Registers of a thread when a block starts: what its directives say, or as many as there are for
/// the threads that they name; 0 when they name none.
uint32_t registersAtStart(const ptx::Function &function);
/// shfl, vote, match, redux, activemask, elect.
void addWarpOperations(InstructionSet &set);
/// bar (also bar.warp.sync), barrier, barrier.cluster.
void addBarriers(InstructionSet &set);
/// ld, ldu, st, prefetch, atom, red.
void addMemory(InstructionSet &set);
/// membar, fence (also fence.proxy and fence.mbarrier_init).
void addFences(InstructionSet &set);
/// cp.async and its groups; cp.async.bulk, cp.reduce.async.bulk, prefetch.tensormap belong to
/// addBulkCopies: `cp` dispatches.
void addCopies(InstructionSet &set);
/// mbarrier.
void addMbarriers(InstructionSet &set);
/// mma, ldmatrix, stmatrix.
void addMatrices(InstructionSet &set);
/// wgmma.
void addWgmma(InstructionSet &set);

/// All of them.
const InstructionSet &instructionSet();

} // namespace attune::sim
