// Whole seeds: the server's own code in a simulated world.
#include <gtest/gtest.h>

#include "scenario.h"

namespace ringpost::sim {
namespace {

TEST(Play, SeedsShowNoViolationAndMeetFaults) {
  FaultCounts met;
  std::uint64_t listings = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const Outcome outcome = play(seed, nullptr);
    EXPECT_TRUE(outcome.violations.empty()) << "ringpost-sim " << seed << ": " << outcome.violations.front();
    met.add(outcome.faults);
    listings += outcome.listings_checked;
  }
  EXPECT_GT(met[Fault::machine_crash], 0u);
  EXPECT_GT(met[Fault::process_death], 0u);
  EXPECT_GT(met[Fault::sector_lost], 0u);
  EXPECT_GT(met[Fault::connection_vanished], 0u);
  EXPECT_GT(listings, 300u);
}

TEST(Play, SameSeedSameTrace) {
  for (std::uint64_t seed = 100; seed < 110; ++seed) {
    const Outcome once = play(seed, nullptr);
    const Outcome again = play(seed, nullptr);
    EXPECT_EQ(once.hash, again.hash) << seed;
    EXPECT_EQ(once.events, again.events) << seed;
    EXPECT_EQ(once.listings_checked, again.listings_checked) << seed;
  }
}

}  // namespace
}  // namespace ringpost::sim
