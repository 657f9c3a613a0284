#include <array>
#include <gtest/gtest.h>
#include <string>

#include <ringpost/base/crc32c.h>

namespace ringpost {
namespace {

TEST(Crc32c, KnownAnswersOfRfc3720) {
  std::array<std::byte, 32> zeros{};
  EXPECT_EQ(crc32c(zeros), 0x8a9136aau);
  EXPECT_EQ(crc32c(octets_of("123456789")), 0xe3069283u);
}

TEST(Crc32c, InstructionAndTableAgreeAtEveryLengthAndSplit) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 7 + 3);
  for (std::size_t length = 0; length <= text.size(); ++length) {
    auto octets = octets_of(text).first(length);
    auto whole = crc32c(octets);
    EXPECT_EQ(whole, crc32c_portable(octets));
    EXPECT_EQ(whole, crc32c(octets.subspan(length / 3), crc32c(octets.first(length / 3))));
  }
}

TEST(Crc32c, JoinedIsTheCrcOfBothPartsAtEveryLength) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += static_cast<char>(i * 13 + i / 256);
  auto all = octets_of(text);
  for (std::size_t length = 0; length <= all.size(); length += length < 70 ? 1 : 487)
    for (std::size_t first : {std::size_t{0}, length / 3, length}) {
      auto joined = crc32c_joined(crc32c(all.first(first)), crc32c(all.subspan(first, length - first)), length - first);
      EXPECT_EQ(joined, crc32c(all.first(length))) << first << " of " << length;
    }
}

}  // namespace
}  // namespace ringpost
