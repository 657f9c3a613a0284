// The store over many lives (M1 to M17): every acknowledged delivery is shown once until an acknowledged deletion.
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

#include <ringpost/base/mutant.h>

#include "store_lives.h"

namespace ringpost::store {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// RINGPOST_STORE_SEED=n replays one and tells its story; RINGPOST_STORE_SEEDS=n runs more of them.
TEST(StoreLives, NothingAcknowledgedIsLostAndNothingIsInvented) {
  const std::uint64_t only = number_from("RINGPOST_STORE_SEED", 0);
  const std::uint64_t first = only ? only : number_from("RINGPOST_STORE_FIRST", 1);
  const std::uint64_t last = only ? only : first + number_from("RINGPOST_STORE_SEEDS", 300) - 1;
  LivesReport all;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const LivesReport report = live(seed, only != 0);
    for (const std::string& violation : report.violations) ADD_FAILURE() << "seed " << seed << ": " << violation;
    all.faults.add(report.faults);
    all.deliveries += report.deliveries;
    all.deletions += report.deletions;
    all.logins += report.logins;
    all.refused += report.refused;
    all.compactions += report.compactions;
    all.truncations += report.truncations;
    all.skips += report.skips;
  }
  std::printf("%lu deliveries, %lu deletions, %lu logins, %lu refused, %lu compactions, %lu truncations, %lu skips\n",
              all.deliveries, all.deletions, all.logins, all.refused, all.compactions, all.truncations, all.skips);
  if (only) return;
  EXPECT_GT(all.deletions, 0U);
  EXPECT_GT(all.compactions, 0U);
  EXPECT_GT(all.truncations, 0U);
  EXPECT_GT(all.skips, 0U);
  EXPECT_GT(all.faults[sim::Fault::machine_crash], 0U);
  EXPECT_GT(all.faults[sim::Fault::process_death], 0U);
}

}  // namespace
}  // namespace ringpost::store
