#include "../../src/program/nic.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace ringpost::program {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

TEST(Nics, CardsQueuesAndInterruptsAreReadFromTheSystem) {
  char path[] = "/tmp/ringpost-nic-XXXXXX";
  const fs::path root = mkdtemp(path);
  for (const char* folder :
       {"sys/class/net/lo/queues/rx-0", "sys/class/net/eth0/queues/rx-0", "sys/class/net/eth0/queues/rx-1",
        "sys/class/net/eth0/queues/tx-0", "sys/class/net/eth0/device/msi_irqs", "proc/irq/31", "proc/irq/32"})
    fs::create_directories(root / folder);
  std::ofstream(root / "sys/class/net/eth0/device/msi_irqs/31");
  std::ofstream(root / "sys/class/net/eth0/device/msi_irqs/32");
  std::ofstream(root / "proc/irq/31/smp_affinity_list") << "0\n";
  std::ofstream(root / "proc/irq/32/smp_affinity_list") << "1\n";
  const auto cards = network_cards(root.string());
  ASSERT_EQ(cards.size(), 1u);
  EXPECT_EQ(cards[0].name, "eth0");
  EXPECT_EQ(cards[0].receive_queues, 2u);
  EXPECT_EQ(cards[0].interrupt_cpus, (std::vector<std::string>{"0", "1"}));
  fs::remove_all(root);
}

TEST(Nics, TheVerdictSaysWhatToDo) {
  EXPECT_TRUE(verdict_of({"eth0", 2, {"0", "1"}}, 2).good);
  EXPECT_TRUE(verdict_of({"eth0", 0, {}}, 2).good);
  EXPECT_THAT(verdict_of({"eth0", 1, {"0"}}, 2).text, HasSubstr("ethtool -L eth0 combined 2"));
  EXPECT_THAT(verdict_of({"eth0", 2, {"0", "0"}}, 2).text, HasSubstr("all its interrupts are served by CPU 0"));
}

}  // namespace
}  // namespace ringpost::program
