// A repair that is cut off anywhere (M18): by the end of its process, or of the machine. The maildrop is there all the
// time, what is whole is never lost, what was deleted never comes back, and the next repair succeeds.
#include <gtest/gtest.h>
#include <memory>
#include <set>

#include <ringpost/sim/world.h>
#include <ringpost/store/names.h>

#include "people.h"

namespace ringpost::store {
namespace {

std::string mail(char fill) {
  return "Subject: r\r\n\r\n" + std::string(3000, fill);
}

class CutOffRepair {
 public:
  explicit CutOffRepair(std::uint64_t seed) : world_(seed, sim::Faults::none(), 1) {
    world_.make_durable_folder("data");
    begin();
    for (char c : {'a', 'b', 'c', 'd'}) EXPECT_TRUE(*world_.run(0, deliver(maildrops(), "alice", mail(c))));
    EXPECT_TRUE(world_.run(0, visit(world_.core(0), maildrops(), "alice", {3}))->closed);
    const std::string file = "data/" + folder_of("alice").folder + "/mail";
    world_.run(0, maildrops().drain());
    life_->maildrops.reset();
    world_.core(0).close(life_->data);
    world_.shut_down();
    world_.disk().flip_bit(world_.disk().find(file), 4000, 3);  // in the second message
  }

  // False: the repair came to its end before the death.
  bool die_in_repair(std::uint64_t events, sim::Death how) {
    begin();
    EXPECT_TRUE(world_.run(0, check_it(maildrops()))->harm == 1 || how == sim::Death::process);
    world_.death_after(events, how);
    const auto repaired = world_.run(0, repair_it(maildrops()));
    world_.no_death();
    EXPECT_TRUE(!repaired || repaired->mended);
    if (world_.alive()) world_.kill_process();
    sim::keep_remains(life_);
    return !repaired;
  }

  void all_that_is_whole_is_there() {
    begin();
    const Visit seen = *world_.run(0, visit(world_.core(0), maildrops(), "alice", {}));
    ASSERT_TRUE(seen.opened);
    std::set<std::string> replies;
    for (const Seen& message : seen.messages) replies.insert(message.reply);
    EXPECT_TRUE(replies.contains(reply_to(mail('a'))));
    EXPECT_TRUE(replies.contains(reply_to(mail('c'))));
    EXPECT_FALSE(replies.contains(reply_to(mail('d'))));
    EXPECT_LE(seen.messages.size(), 3u);
    EXPECT_TRUE(world_.run(0, repair_it(maildrops())));
    EXPECT_TRUE(world_.run(0, check_it(maildrops()))->whole());
    EXPECT_EQ(world_.run(0, visit(world_.core(0), maildrops(), "alice", {}))->messages.size(), 2u);
    world_.kill_process();
    sim::keep_remains(life_);
  }

 private:
  struct Life {
    EventNames events;
    std::vector<Maildrops*> peers{nullptr};
    std::unique_ptr<Maildrops> maildrops;
    ring::Descriptor data = ring::no_descriptor;
  };

  Maildrops& maildrops() { return *life_->maildrops; }
  void begin() {
    world_.boot();
    life_ = std::make_shared<Life>();
    life_->data = world_.open_folder("data");
    life_->maildrops = std::make_unique<Maildrops>(world_.core(0), settings_, life_->data, life_->events,
                                                   std::span<Maildrops* const>(life_->peers));
    life_->peers[0] = life_->maildrops.get();
  }
  static ring::Task<CheckReport> check_it(Maildrops& maildrops) {
    auto report = co_await maildrops.check("alice");
    co_return report ? *report : CheckReport{};
  }
  static ring::Task<RepairReport> repair_it(Maildrops& maildrops) {
    auto report = co_await maildrops.repair("alice");
    co_return report ? *report : RepairReport{};
  }

  static config::Store settings() {
    config::Store settings;
    settings.reserve = 0;
    return settings;
  }
  const config::Store settings_ = settings();
  sim::SimWorld world_;
  std::shared_ptr<Life> life_;
};

TEST(RepairLives, CutOffAnywhereLosesNothingThatIsWhole) {  // M18
  for (auto how : {sim::Death::machine, sim::Death::process}) {
    bool cut_off = true;
    std::uint64_t tried = 0;
    for (std::uint64_t events = 1; cut_off && events < 2000; ++events, ++tried) {
      auto repair = std::make_shared<CutOffRepair>(events);
      sim::keep_remains(repair);
      cut_off = repair->die_in_repair(events, how);
      repair->all_that_is_whole_is_there();
      if (testing::Test::HasFailure()) {
        ADD_FAILURE() << "after " << events << " events";
        return;
      }
    }
    EXPECT_FALSE(cut_off);
    EXPECT_GT(tried, 20u);
  }
}

}  // namespace
}  // namespace ringpost::store
