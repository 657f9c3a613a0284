#include <gtest/gtest.h>
#include <set>

#include <ringpost/base/mutant.h>

namespace ringpost {
namespace {

TEST(Mutant, EveryNameIsListedOnceAndFoundAgain) {
  std::set<std::string_view> seen;
  for (const auto& row : mutant_names()) {
    EXPECT_TRUE(seen.insert(row.name).second) << row.name;
    EXPECT_EQ(mutant_named(row.name), row.mutant);
  }
  EXPECT_EQ(seen.size(), 22u);
  EXPECT_EQ(mutant_named("no_such_fault"), Mutant::none);
}

TEST(Mutant, NothingIsPlantedUnlessAsked) {
  EXPECT_FALSE(RINGPOST_MUTANT(lost_wake_up));
}

}  // namespace
}  // namespace ringpost
