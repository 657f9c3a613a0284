// src/sim/program/chores.h: what an appliance does to its maildrops beside mail: compaction when asked, readers that
// need no lock.
#pragma once

#include <string>

#include <ringpost/ring/task.h>
#include <ringpost/sim/world.h>

#include "oracle.h"

namespace ringpost::sim {

struct ChoreFigures {
  std::uint64_t compactions_asked = 0, snapshots_read = 0;
};

struct ChorePlan {
  std::string account;
  std::uint32_t chores = 1;
  bool compacts = false;  // else it reads a lent snapshot
  Duration pause_max{};
  bool honest = false;
};

ring::Task<void> do_chores(SimWorld& world, ring::Proactor& core, store::Maildrops& maildrops, Oracle& oracle,
                           ChorePlan plan, ChoreFigures& figures);

}  // namespace ringpost::sim
