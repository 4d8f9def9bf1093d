// SPDX-License-Identifier: Apache-2.0
// What does it take to interpret a schedule, whatever the problem?
#include "compiler/mask/ScheduleCode.h"
#include "compiler/mask/Arithmetic.h"
#include "compiler/mask/Assemble.h"

using namespace attune;
using namespace attune::mask;

ScheduleCode::ScheduleCode(const Schedule &schedule)
    : body(std::make_shared<const Body>(schedule)) {}

const Schedule &ScheduleCode::schedule() const { return body->schedule; }

ScheduleCode::Body::Body(const Schedule &schedule) : schedule(schedule), varies(findVarying()) {
  folds = TokenFolds(schedule.program, schedule.folds, varies);
  summaries = TokenFolds(schedule.program, schedule.summaries, varies);
  plans[Ends] = planOf({schedule.firstTile, schedule.endTile});
  plans[Seek] = split(planOf(schedule.seek));
  plans[Ranges] = split(planOf({schedule.touched, schedule.blemished}));
  plans[MayHold] = split(planOf({schedule.mayVisible, schedule.mayHidden}));
  plans[Touched] = split(planOf(schedule.touched));
  plans[MayShow] = split(planOf(schedule.mayVisible));
  for (const Cut &cut : schedule.rowCuts)
    rowCuts.push_back(planOf({cut.divisor, cut.offset}));
  for (const Cut &cut : schedule.columnCuts)
    columnCuts.push_back(planOf({cut.divisor, cut.offset}));
  for (int id : schedule.program.needed(rootsOf(schedule)))
    if (!varies[id])
      fixed.push_back(stepOf(id));
}

/// What is more than one number of a problem, made of scalars and constants.
llvm::BitVector ScheduleCode::Body::findVarying() const {
  llvm::BitVector found(unsigned(schedule.program.size()));
  for (int id = 0; id < int(found.size()); ++id) {
    const Instruction &instruction = schedule.program[Value{id}];
    if (instruction.opcode == Opcode::Input || instruction.opcode == Opcode::AtToken ||
        instruction.opcode == Opcode::Fold || instruction.opcode == Opcode::Summary ||
        llvm::any_of(instruction.operands,
                     [&](Value operand) { return operand && found[operand.id]; }))
      found.set(id);
  }
  return found;
}

Step ScheduleCode::Body::stepOf(int id) const {
  const Instruction &instruction = schedule.program[Value{id}];
  Step step{instruction.opcode, id, {}};
  for (auto [place, operand] : llvm::zip_equal(step.operands, instruction.operands))
    place = operand ? operand.id : int(schedule.program.size());
  return step;
}

Plan ScheduleCode::Body::planOf(llvm::ArrayRef<Value> roots) const {
  Plan plan;
  for (int id : schedule.program.needed(roots)) {
    if (varies[id])
      plan.steps.push_back(stepOf(id));
    else if (isLeaf(schedule.program[Value{id}].opcode))
      plan.read.push_back(id);
  }
  return plan;
}

/// What depends on RowFirst, RowLast and folds alone stands by itself.
Plan ScheduleCode::Body::split(Plan plan) const {
  llvm::BitVector other(unsigned(schedule.program.size() + 1));
  llvm::SmallVector<Step, 0> steps = std::move(plan.steps);
  plan.steps.clear();
  for (const Step &step : steps) {
    const Instruction &instruction = schedule.program[Value{step.value}];
    bool isOfRows =
        instruction.opcode == Opcode::Input
            ? instruction.input == Input::RowFirst || instruction.input == Input::RowLast
            : instruction.opcode != Opcode::AtToken && instruction.opcode != Opcode::Summary;
    for (int operand : step.operands)
      isOfRows &= !other[operand];
    if (!isOfRows)
      other.set(step.value);
    (isOfRows ? plan.ofRows : plan.steps).push_back(step);
  }
  return plan;
}
