// src/sim/program/delivery.h: letters on their way into maildrops, as an importer or a deliverer brings them.
#pragma once

#include <string>

#include <ringpost/ring/task.h>
#include <ringpost/sim/world.h>

#include "oracle.h"

namespace ringpost::sim {

struct DeliveryFigures {
  std::uint64_t asked = 0, stored = 0, already_there = 0, refused = 0;
};

struct DeliveryPlan {
  std::string account;
  std::uint32_t letters = 1;
  std::uint64_t octets_max = 2000;
  bool imports = false;  // with a source id
  double again = 0;      // an import is one of a letter that was imported before
  double wants_taken_uidl = 0;
  bool spools = false;
  Duration pause_max{};
  bool honest = false;  // nothing may be refused
};

// Runs in the process, on the core whose proactor and maildrops these are.
ring::Task<void> deliver(SimWorld& world, ring::Proactor& core, store::Maildrops& maildrops, Oracle& oracle,
                         DeliveryPlan plan, DeliveryFigures& figures, ring::Descriptor data);

}  // namespace ringpost::sim
