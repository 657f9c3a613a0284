#include "options.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <string>
#include <vector>

namespace ringpost::load {
namespace {

// The options, or the exit status.
std::expected<Options, int> options_with(std::vector<const char*> more) {
  std::vector<const char*> arguments = {"ringpost-load", "poll", "127.0.0.1:1", "--accounts", "u{0..99}"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return options_of(static_cast<int>(arguments.size()), arguments.data());
}

TEST(LoadOptions, WrongUsageIsStatusTwo) {
  for (const std::vector<const char*>& wrong : {std::vector{"--nonsense"},
                                                {"--tls"},
                                                {"--message", "0"},
                                                {"--message", "5..2"},
                                                {"--rate", "-1"},
                                                {"--duration", "soon"},
                                                {"--connections", "101"},
                                                {"--password-file", "/nonexistent"}}) {
    const auto options = options_with(wrong);
    ASSERT_FALSE(options) << wrong[0];
    EXPECT_EQ(options.error(), 2) << wrong[0];
  }
  EXPECT_TRUE(options_with({}));
}

TEST(LoadOptions, ACpuThatMayNotBeUsedIsRefusedAndNotLeftOut) {
  for (const char* cpu : {"-1", "1023", "99999", "0,99999"}) {
    const auto options = options_with({"--cpu", cpu});
    ASSERT_FALSE(options) << cpu;
    EXPECT_EQ(options.error(), 2) << cpu;
  }
  const int mine = sched_getcpu();
  const std::string number = std::to_string(mine);
  const auto options = options_with({"--cpu", number.c_str()});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->cpus, std::vector{mine});
}

}  // namespace
}  // namespace ringpost::load
