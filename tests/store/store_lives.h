// store_lives.h: a store in a simulated world: people who deliver, read and delete; lives that end by crashes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ringpost/sim/faults.h>

namespace ringpost::store {

struct LivesReport {
  std::vector<std::string> violations;
  sim::FaultCounts faults;
  std::uint64_t deliveries = 0, deletions = 0, logins = 0, refused = 0, compactions = 0, truncations = 0, skips = 0;
};

// All that happens in it comes from the seed.
LivesReport live(std::uint64_t seed, bool tell = false);

}  // namespace ringpost::store
