// src/sim/program/runner.h: many seeds on all cores, a process each share.
//
// Processes, not threads: a world that aborts or loops takes nobody along, and what dead lives leave behind goes with
// the process after a batch.
#pragma once

#include <cstdint>
#include <string>

namespace ringpost::sim {

struct RunPlan {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
  unsigned jobs = 1;
  bool until_found = false;  // stop at the first violation
  std::string mutant;        // planted already; for the replay command
};

// Prints failing seeds with their replay commands, the faults' counts, and "N seeds, M violations" last.
int run_many(const RunPlan& plan);

}  // namespace ringpost::sim
