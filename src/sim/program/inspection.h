// src/sim/program/inspection.h: what is looked at, or spoiled, on the disk while no process runs.
#pragma once

#include <ringpost/sim/world.h>

#include "oracle.h"

namespace ringpost::sim {

// M2, M9: the log's own records must promise every acknowledged letter but those of the last batch, index or not. What
// lies behind them was acknowledged in one batch, so no two of those letters were asked for one after the other.
void inspect_promises(SimWorld& world, const Oracle& oracle, const std::string& account);

// M3: the index is a cache. A bit flips in it, or it is gone, and nobody may notice.
void spoil_index(SimWorld& world, Random& random, const std::string& account);

}  // namespace ringpost::sim
