// src/sim/program/scenario.h: what one seed plays: a world, several lives of the server, clients and deliveries, and
// at the end a quiet world in which everything promised must be there.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <ringpost/ring/connection.h>
#include <ringpost/sim/faults.h>
#include <ringpost/store/maildrops.h>

#include "chores.h"
#include "client.h"
#include "delivery.h"

namespace ringpost::sim {

struct Outcome {
  std::uint64_t seed = 0;
  std::uint64_t hash = 0;
  std::uint64_t events = 0;
  std::uint64_t lives = 0;
  std::uint64_t listings_checked = 0;
  FaultCounts faults;
  ClientFigures clients;
  DeliveryFigures deliveries;
  ChoreFigures chores;
  store::StoreCounters stored;
  ring::SendCounters sent;
  std::vector<std::string> violations;
};

// `story`: where to tell it, or nullptr.
Outcome play(std::uint64_t seed, std::FILE* story);

}  // namespace ringpost::sim
