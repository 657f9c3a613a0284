#include <gtest/gtest.h>

#include <ringpost/config/units.h>

namespace ringpost::config {
namespace {

using namespace std::chrono_literals;

TEST(Units, ADurationIsAWholeNumberAndOneUnit) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("10m"), 10min);
  EXPECT_EQ(parse_duration("1 h"), 1h);
  EXPECT_EQ(parse_duration("7d"), 168h);
  for (const char* wrong :
       {"", "10", "m", "-1m", "1.5h", "10M", "10m ", "1h30m", "99999999999999999999s", "9999999999999d"})
    EXPECT_EQ(parse_duration(wrong), std::nullopt) << wrong;
}

TEST(Units, ASizeCountsBy1024) {
  EXPECT_EQ(parse_size("0B"), 0u);
  EXPECT_EQ(parse_size("50MB"), 50u << 20);
  EXPECT_EQ(parse_size("50MiB"), 50u << 20);
  EXPECT_EQ(parse_size("1TB"), 1ull << 40);
  for (const char* wrong : {"", "50", "MB", "-1B", "1.5MB", "50mb", "50 MB x", "99999999999TB"})
    EXPECT_EQ(parse_size(wrong), std::nullopt) << wrong;
}

TEST(Units, WhatIsShownReadsBackAsTheSame) {
  for (const milliseconds value : {0ms, 1ms, 999ms, 1000ms, 90'000ms, 3'600'000ms, 604'800'000ms})
    EXPECT_EQ(parse_duration(show_duration(value)), value);
  for (const std::uint64_t value : {0ull, 1ull, 1023ull, 1024ull, 1025ull, 50ull << 20, 3ull << 40})
    EXPECT_EQ(parse_size(show_size(value)), value);
  for (const char* text : {"127.0.0.1:1", "[::1]:65535", "[fd00::2]:110"})
    EXPECT_EQ(show_endpoint(*parse_endpoint(text)), text);
}

TEST(Units, TwoSpellingsOfOneAddressAreEqual) {
  EXPECT_EQ(parse_endpoint("[::1]:110"), parse_endpoint("[0:0:0:0:0:0:0:1]:110"));
}

TEST(Units, NamesZonesAndMissingPortsAreNoAddresses) {
  for (const char* wrong :
       {"", "110", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "localhost:110", "::1:110", "[::1]",
        "[fe80::1%lo]:110", "127.1:110", "[127.0.0.1]:110", "127.0.0.1:1 ", "127.0.0.1:+1"})
    EXPECT_EQ(parse_endpoint(wrong), std::nullopt) << wrong;
}

TEST(Units, OnlyLoopbackAndPrivateAddressesAreInternal) {
  const auto reach = [](const char* text) { return reach_of(*parse_endpoint(text)); };
  EXPECT_EQ(reach("127.255.0.1:1"), Reach::loopback);
  EXPECT_EQ(reach("[::1]:1"), Reach::loopback);
  for (const char* inside :
       {"10.0.0.1:1", "172.16.0.1:1", "172.31.255.255:1", "192.168.1.1:1", "169.254.1.1:1", "[fd00::1]:1"})
    EXPECT_EQ(reach(inside), Reach::internal) << inside;
  for (const char* outside : {"0.0.0.0:1", "[::]:1", "172.15.0.1:1", "172.32.0.1:1", "11.0.0.1:1", "192.169.0.1:1",
                              "[2001:db8::1]:1", "[::ffff:127.0.0.1]:1", "[fe00::1]:1", "255.255.255.255:1"})
    EXPECT_EQ(reach(outside), Reach::external) << outside;
}

}  // namespace
}  // namespace ringpost::config
