#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <ringpost/control/loop.h>

namespace ringpost::control {
namespace {

using namespace std::chrono_literals;

TEST(Loop, TellsWhoIsReadyAndRunsTimersInTheirOrder) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Loop loop;
  std::string told;
  loop.watch(ends[0], POLLIN, [&](short) {
    char octet = 0;
    ASSERT_EQ(read(ends[0], &octet, 1), 1);
    told += octet;
  });
  const auto now = Loop::Clock::now();
  loop.at(now + 40ms, [&] { loop.stop(); });
  loop.at(now + 20ms, [&] { told += '2'; });
  loop.at(now + 10ms, [&] { told += '1'; });
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  loop.run();
  EXPECT_EQ(told, "x12");
  close(ends[0]);
  close(ends[1]);
}

// A descriptor's number comes back as soon as it is closed; events of the old one are not the new one's.
TEST(Loop, ADescriptorThatWasReplacedInTheSameTurnHearsNothingOfTheOldOne) {
  int one[2], two[2];
  ASSERT_EQ(pipe(one), 0);
  ASSERT_EQ(pipe(two), 0);
  const int lower = std::min(one[0], two[0]), higher = std::max(one[0], two[0]);
  Loop loop;
  bool wrongly_told = false;
  loop.watch(lower, POLLIN, [&](short) {
    loop.unwatch(lower);
    loop.unwatch(higher);
    loop.watch(higher, POLLIN, [&](short) { wrongly_told = true; });
  });
  loop.watch(higher, POLLIN, [&](short) { wrongly_told = true; });
  ASSERT_EQ(write(one[1], "x", 1), 1);
  ASSERT_EQ(write(two[1], "x", 1), 1);
  loop.run_once();
  EXPECT_FALSE(wrongly_told);
  for (const int descriptor : {one[0], one[1], two[0], two[1]}) close(descriptor);
}

}  // namespace
}  // namespace ringpost::control
