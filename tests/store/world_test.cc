// Single rules of the store in a simulated world: what a plain machine cannot be made to do.
#include <chrono>
#include <gtest/gtest.h>

#include <ringpost/sim/peer.h>
#include <ringpost/sim/world.h>
#include <ringpost/store/names.h>

#include "people.h"

namespace ringpost::store {
namespace {

using namespace std::chrono_literals;
using ring::Task;

class StoreInAWorld : public ::testing::Test {
 protected:
  static constexpr std::uint32_t cores = 2;

  explicit StoreInAWorld(std::uint64_t seed = 7)
      : world(seed, sim::Faults::none(), cores), peers(cores), events(cores), maildrops(cores), data(cores) {
    world.make_durable_folder("data");
    settings.reserve = 2 << 20;
  }
  void begin() {
    world.boot();
    for (std::uint32_t core = 0; core < cores; ++core) {
      data[core] = world.open_folder("data");
      maildrops[core] = std::make_shared<Maildrops>(world.core(core), settings, data[core], events[core],
                                                    std::span<Maildrops* const>(peers));
      peers[core] = maildrops[core].get();
    }
    EXPECT_TRUE(world.run(0, maildrops[0]->start())->has_value());
  }
  void end() {
    for (std::uint32_t core = 0; core < cores; ++core) EXPECT_TRUE(world.run(core, maildrops[core]->drain()));
    for (std::uint32_t core = 0; core < cores; ++core) {
      maildrops[core].reset();
      world.core(core).close(data[core]);
    }
    world.shut_down();
    EXPECT_TRUE(world.story().violations().empty()) << world.story().violations().front();
  }

  Stored deliver(std::string raw) { return *world.run(0, store::deliver(*maildrops[0], "alice", std::move(raw))); }
  Visit visit(std::vector<std::uint32_t> deletes = {}) {
    return *world.run(0, store::visit(world.core(0), *maildrops[0], "alice", std::move(deletes)));
  }
  // The process dies as soon as `moment` is there; the machine lives on.
  template <typename Moment>
  void die_at(Task<void> doing, Moment&& moment) {
    auto its_gate = std::make_shared<ring::Gate>();
    world.spawn(0, *its_gate, std::move(doing));
    world.run_until(moment, 1min);
    EXPECT_TRUE(moment());
    sim::keep_remains(its_gate);
    for (auto& each : maildrops) sim::keep_remains(std::exchange(each, nullptr));
    world.kill_process();
  }
  static Task<void> delivering(Maildrops& store) { (void)co_await store::deliver(store, "alice", "never answered"); }
  static Task<void> emptying(ring::Proactor& core, Maildrops& store) {
    std::vector<std::uint32_t> all{0};
    (void)co_await store::visit(core, store, "alice", std::move(all));
  }

  std::uint64_t counted(std::uint64_t StoreCounters::* which) {
    std::uint64_t all = 0;
    for (auto& each : maildrops) all += each->counters().*which;
    return all;
  }

  sim::SimWorld world;
  config::Store settings;
  std::vector<Maildrops*> peers;
  std::vector<EventNames> events;
  std::vector<std::shared_ptr<Maildrops>> maildrops;
  std::vector<ring::Descriptor> data;
};

// M4, M8: the refused one is covered by a skip, never shown, also not after a crash; what comes then is kept.
TEST_F(StoreInAWorld, AFailedSyncRefusesTheDeliveryForGood) {
  begin();
  ASSERT_TRUE(deliver("one"));
  world.faults().sync_fails = 1;
  EXPECT_EQ(deliver("refused").error(), StoreError::temporary);
  EXPECT_EQ(visit().replies(), std::vector{reply_to("one")}) << "reading never stops";
  world.faults().sync_fails = 0;
  ASSERT_TRUE(deliver("two"));
  EXPECT_EQ(counted(&StoreCounters::skips_written), 1U);
  end();
  world.disk().crash();
  begin();
  EXPECT_EQ(visit().replies(), (std::vector{reply_to("one"), reply_to("two")}));
  end();
}

// What a failed sync of a folder leaves of the names is chance.
class NamesInDoubt : public StoreInAWorld, public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  NamesInDoubt() : StoreInAWorld(GetParam()) {}

  // M5: a killed process left a folder whose name only the cache knows, and the next one's sync of that name fails. The
  // sync after that one succeeds, and says nothing about the name.
  void lose_name_of(const std::string& folder) {
    begin();
    die_at(delivering(*maildrops[0]), [&] { return world.disk().find("data/" + folder) != 0; });
    begin();
    world.faults().folder_sync_fails = 0.6;
    bool acknowledged = false;
    for (int tries = 0; tries < 200 && !acknowledged; ++tries) acknowledged = deliver("acknowledged").has_value();
    ASSERT_TRUE(acknowledged);
    world.faults().folder_sync_fails = 0;
    end();
    world.disk().crash();
    begin();
    EXPECT_EQ(visit().replies(), std::vector{reply_to("acknowledged")});
    end();
  }
};
TEST_P(NamesInDoubt, AMaildropsFolderIsMadeAnew) {
  lose_name_of(folder_of("alice").folder);
}
TEST_P(NamesInDoubt, AFolderAboveMaildropsIsMadeAnew) {
  lose_name_of(folder_of("alice").middle);
}
// M5, M17: the same with the ledger.
TEST_P(NamesInDoubt, ALedgerIsNamedAnew) {
  begin();
  ASSERT_TRUE(world.run(0, store::import(*maildrops[0], "alice", "once", 1, {})).value());
  const std::string ledger = "data/" + folder_of("alice").folder + "/imported";
  die_at(emptying(world.core(0), *maildrops[0]), [&] {
    const sim::InodeNumber made = world.disk().find(ledger);
    return made != 0 && world.disk().size_of(made) > 0;
  });
  begin();
  world.faults().folder_sync_fails = 1;
  EXPECT_EQ(visit().opened.error(), StoreError::temporary);
  world.faults().folder_sync_fails = 0;
  EXPECT_EQ(visit().messages.size(), 0U);
  const auto again = [&] { return world.run(0, store::import(*maildrops[0], "alice", "once", 1, {})).value()->what; };
  EXPECT_EQ(again(), Appended::already_there);
  end();
  world.disk().crash();
  begin();
  EXPECT_EQ(again(), Appended::already_there) << "a client deleted it";
  end();
}
INSTANTIATE_TEST_SUITE_P(Seeds, NamesInDoubt, ::testing::Range<std::uint64_t>(1, 41));

// P037, M6: a QUIT whose sync fails deletes nothing, and the lock is free all the same (P038).
TEST_F(StoreInAWorld, AQuitWhoseSyncFailsDeletesNothing) {
  begin();
  ASSERT_TRUE(deliver("one"));
  world.faults().sync_fails = 1;
  EXPECT_EQ(visit({0}).closed.error(), StoreError::temporary);
  world.faults().sync_fails = 0;
  EXPECT_EQ(visit({0}).messages.size(), 1U);
  EXPECT_EQ(visit().messages.size(), 0U);
  end();
}

// M11: a full disk refuses what comes in, and never keeps people from deleting.
TEST_F(StoreInAWorld, OnAFullDiskPeopleFetchAndDeleteAndMailComesAgainWhenThereIsRoom) {
  settings.compaction_floor = 1 << 30;
  begin();
  const std::string large(40000, 'x');
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(deliver(large));
  world.disk().set_foreign_octets(static_cast<std::uint64_t>(world.disk().room_left()));
  const Stored refused = deliver(large);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), StoreError::no_room);
  const Visit full = visit({0});
  EXPECT_EQ(full.messages.size(), 3U);
  EXPECT_TRUE(full.closed);
  EXPECT_EQ(visit({1}).messages.size(), 2U);
  EXPECT_EQ(deliver("small").error(), StoreError::no_room) << "the reserve is not whole";
  world.disk().set_foreign_octets(0);
  world.run_for(10s);
  EXPECT_TRUE(deliver("small"));
  EXPECT_EQ(visit().messages.size(), 2U);
  end();
}

// Accepts one connection.
class Accepting final : public ring::Operation {
 public:
  Accepting(ring::Proactor& its_proactor, ring::Descriptor listener) : proactor(its_proactor) {
    kind = ring::OpKind::accept;
    fd = listener;
    proactor.start(*this);
  }
  void completed(const ring::Completion& completion) noexcept override {
    if (completion.result >= 0) {
      socket = static_cast<ring::Descriptor>(completion.result);
      if (completion.more) proactor.cancel(*this);
    }
  }
  ring::Proactor& proactor;
  ring::Descriptor socket = ring::no_descriptor;
};

class TakeOver : public StoreInAWorld {
 protected:
  void hold() {
    begin();
    ASSERT_TRUE(deliver("one"));
    listener = world.listen(110);
    // The holder's core is not the owner's: it is asked by message.
    const std::uint32_t other = 1 - owner_core_of("alice", cores);
    Accepting accepting(world.core(other), listener);
    client.emplace(world.network(), world.events(), 1, 110);
    world.run_until([&] { return accepting.socket != ring::no_descriptor && !accepting.in_flight; }, 10s);
    holder.emplace(world.core(other));
    holder->its_socket = accepting.socket;
    auto lease = world.run(other, maildrops[other]->open("alice", *holder));
    held = std::move(**lease);
    world.run_for(11s);  // silent
  }
  // A contender from the same address, and the holder's end when it is told to.
  std::expected<Lease, StoreError> contend() {
    contender.emplace(world.core(0));
    auto result = std::make_shared<std::optional<std::expected<Lease, StoreError>>>();
    world.spawn(0, gate, into(*maildrops[0], *contender, result));
    const std::uint32_t other = 1 - owner_core_of("alice", cores);
    world.run_until([&] { return result->has_value() || holder->told_to_end; }, 20s);
    if (!result->has_value()) {
      EXPECT_TRUE(world.run(other, maildrops[other]->close(std::move(held), {})).has_value());
      world.run_until([&] { return result->has_value(); }, 20s);
    }
    return std::move(**result);
  }
  static Task<void> into(Maildrops& store, Person& person,
                         std::shared_ptr<std::optional<std::expected<Lease, StoreError>>> result) {
    auto lease = co_await store.open("alice", person);
    result->emplace(std::move(lease));
  }
  void finish(Lease lease, std::uint32_t core) {
    EXPECT_TRUE(world.run(core, maildrops[core]->close(std::move(lease), {})).has_value());
    world.core(1 - owner_core_of("alice", cores)).close(holder->its_socket);
    world.core(0).close(listener);
    client.reset();
    end();
  }

  ring::Gate gate;
  ring::Descriptor listener = ring::no_descriptor;
  std::optional<sim::Peer> client;
  std::optional<Person> holder;
  std::optional<Person> contender;
  Lease held;
};

// M13, R019: the holder's machine has vanished without a word.
TEST_F(TakeOver, FromAPeerThatIsDeadTheLockPasses) {
  hold();
  client->go_silent();
  const Instant asked = world.now();
  auto lease = contend();
  ASSERT_TRUE(lease);
  EXPECT_TRUE(holder->told_to_end);
  EXPECT_LT(world.now() - asked, 5s);
  finish(std::move(*lease), 0);
}

TEST_F(TakeOver, FromALivingPeerItDoesNot) {
  hold();
  auto lease = contend();
  ASSERT_FALSE(lease);
  EXPECT_EQ(lease.error(), StoreError::in_use);
  EXPECT_FALSE(holder->told_to_end);
  finish(std::move(held), 1 - owner_core_of("alice", cores));
}

}  // namespace
}  // namespace ringpost::store
