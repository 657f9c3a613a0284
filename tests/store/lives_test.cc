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
// M2 to M9, M16, M17. M5 too: a killed process leaves names that only the cache knows, and folder syncs fail.
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

#ifdef RINGPOST_MUTANTS
// Planted faults that the store must be seen to stumble over. The others of the list are the session's and the ring's.
class StoreMutants : public ::testing::TestWithParam<Mutant> {};

TEST_P(StoreMutants, IsFound) {
  planted_mutant = GetParam();
  const std::uint64_t seeds_max = number_from("RINGPOST_STORE_SEEDS", 3000);
  std::uint64_t seed = 0;
  std::string found;
  while (found.empty() && ++seed <= seeds_max) {
    const LivesReport report = live(seed);
    if (!report.violations.empty()) found = report.violations.front();
  }
  planted_mutant = Mutant::none;
  std::printf("after %lu seeds: %s\n", seed, found.c_str());
  EXPECT_FALSE(found.empty());
}

INSTANTIATE_TEST_SUITE_P(Planted, StoreMutants,
                         ::testing::Values(Mutant::missing_sync_of_mail, Mutant::index_before_record_sync,
                                           Mutant::index_trusted_behind_invalid, Mutant::shown_without_rewrite,
                                           Mutant::failed_sync_forgotten, Mutant::skip_and_records_in_one_sync,
                                           Mutant::compacted_file_not_sealed, Mutant::folder_names_not_synced_again,
                                           Mutant::refused_tombstone_counts, Mutant::lock_freed_twice,
                                           Mutant::lock_not_freed_on_drop, Mutant::lock_passed_before_close,
                                           Mutant::deletion_answered_before_durable, Mutant::compaction_under_reader,
                                           Mutant::append_into_replaced_file, Mutant::truncation_with_import,
                                           Mutant::ledger_after_record_gone, Mutant::parent_folder_not_synced,
                                           Mutant::uidl_used_twice),
                         [](const auto& info) {
                           for (const MutantName& row : mutant_names())
                             if (row.mutant == info.param) return std::string(row.name);
                           return std::string("unknown");
                         });
#endif

}  // namespace
}  // namespace ringpost::store
