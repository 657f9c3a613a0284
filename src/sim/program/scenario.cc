#include "scenario.h"

#include <algorithm>
#include <fmt/format.h>

#include <ringpost/sim/peer.h>

#include "inspection.h"
#include "server.h"

namespace ringpost::sim {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr std::uint32_t lives_max = 8;
constexpr std::uint64_t death_events_max = 6000;
constexpr Duration life_max = hours(6);  // of virtual time, until whatever was begun must be over

struct Mailbox {
  std::string name;
  bool shared = false;  // by several clients at a time
};

class Scenario {
 public:
  Scenario(std::uint64_t seed, std::FILE* story);
  Outcome play();

 private:
  void configure();
  bool live(bool last);
  void begin_activity();
  bool stop_server();
  void look_at_everything();
  void after_death();
  void between_lives();
  void other_writer();
  ring::Task<void> clients_in_turn(Mailbox mailbox, std::uint32_t sessions);
  ClientPlan client_plan(const Mailbox& mailbox);
  DeliveryPlan delivery_plan(const Mailbox& mailbox);
  bool nothing_may_be_refused() const noexcept {
    const Faults& faults = world_.faults();
    return !faults.disk_errors() && faults.pool_full == 0 && faults.accept_fails == 0;
  }

  Random random_;
  Faults faults_;
  SimWorld world_;
  Oracle oracle_;
  Outcome outcome_;
  std::shared_ptr<config::Configuration> configuration_ = std::make_shared<config::Configuration>();
  std::shared_ptr<const accounts::AccountFile> accounts_;
  std::vector<Mailbox> mailboxes_;
  std::shared_ptr<ring::Gate> clients_ = std::make_shared<ring::Gate>();
  std::shared_ptr<ring::Gate> deliveries_;
  std::shared_ptr<Server> server_;
  ring::Descriptor data_ = ring::no_descriptor;
};

Faults drawn_from(std::uint64_t seed) {
  Random random(seed ^ 0x5151515151515151u);
  return Faults::drawn(random);
}

Scenario::Scenario(std::uint64_t seed, std::FILE* story)
    : random_(seed),
      faults_(drawn_from(seed)),
      world_(seed, faults_, static_cast<std::uint32_t>(random_.between(1, 3))),
      oracle_([this](std::string words) { world_.violation(std::move(words)); }) {
  outcome_.seed = seed;
  world_.story().tell_to(story);
  world_.make_durable_folder("data");
  configure();
}

void Scenario::configure() {
  config::Store& store = configuration_->store;
  store.compaction_floor = random_.skewed(512, 64 << 10);
  store.gather_octets_max = static_cast<std::uint32_t>(random_.skewed(0, 8192));
  store.summary_octets_max = random_.chance(0.3) ? 1000 : 1 << 20;
  store.open_files_max = static_cast<std::uint32_t>(random_.skewed(1, 16));
  store.reserve = 1 << 20;
  store.spool_threshold = 4096;
  configuration_->accounts.cache_octets_max = 32 << 10;
  configuration_->accounts.argon2_memory_kib = 8;
  configuration_->accounts.argon2_passes = 1;
  config::VirtualServer server;
  server.name = "simulated";
  server.require_tls = config::RequireTls::never;
  configuration_->virtual_servers.push_back(server);

  std::string file;
  const auto mailboxes = random_.between(1, 4);
  for (std::uint64_t number = 1; number <= mailboxes; ++number) {
    mailboxes_.push_back({fmt::format("user{}@example.org", number), random_.chance(0.3)});
    file += fmt::format("{}:{{PLAIN}}{}\n", mailboxes_.back().name, password);
  }
  auto parsed = accounts::AccountFile::parse(file, "users", true);
  ensure(parsed.has_value());
  accounts_ = *parsed;
}

ClientPlan Scenario::client_plan(const Mailbox& mailbox) {
  ClientPlan plan;
  plan.account = mailbox.name;
  // A few machines only, so that one client's next session comes from where the last one hangs (M13).
  plan.host = static_cast<std::uint32_t>(random_.between(1, 3));
  plan.pipelined = random_.chance(0.5);
  plan.reads_late = random_.chance(0.2);
  plan.fetches = random_.chance(0.5) ? 1.0 : 0.2;
  plan.tops = random_.chance(0.3) ? 0.5 : 0;
  plan.deletes = random_.chance(0.5) ? 0.4 : 0;
  plan.deletes_all = random_.chance(0.3);
  plan.resets_marks = random_.chance(0.1);
  using End = ClientPlan::End;
  plan.never_reads = random_.chance(0.05);
  if (random_.chance(0.35)) plan.end = static_cast<End>(random_.between(0, static_cast<std::uint64_t>(End::vanish)));
  return plan;
}

DeliveryPlan Scenario::delivery_plan(const Mailbox& mailbox) {
  DeliveryPlan plan;
  plan.account = mailbox.name;
  plan.letters = static_cast<std::uint32_t>(random_.skewed(1, 12));
  plan.octets_max = random_.chance(0.1) ? 60000 : random_.chance(0.5) ? 600 : 6000;
  plan.imports = random_.chance(0.5);
  plan.again = 0.3;
  plan.wants_taken_uidl = random_.chance(0.3) ? 0.3 : 0;
  plan.spools = random_.chance(0.2);
  plan.pause_max = random_.chance(0.5) ? Duration{} : milliseconds(random_.between(1, 200));
  plan.honest = nothing_may_be_refused();
  return plan;
}

// One after the other; each begins when the server is done with the one before, so that none meets a lock.
ring::Task<void> Scenario::clients_in_turn(Mailbox mailbox, std::uint32_t sessions) {
  const std::uint64_t life = outcome_.lives;
  for (std::uint32_t session = 0; session < sessions; ++session) {
    Wait pause(world_.events(), milliseconds(random_.skewed(0, 400)));
    co_await pause;
    if (!world_.alive() || outcome_.lives != life) co_return;
    ClientPlan plan = client_plan(mailbox);
    plan.honest = nothing_may_be_refused() && !mailbox.shared;
    co_await play_client(world_, oracle_, std::move(plan), outcome_.clients);
  }
}

void Scenario::begin_activity() {
  deliveries_ = std::make_shared<ring::Gate>();
  for (const Mailbox& mailbox : mailboxes_) {
    for (std::uint64_t count = random_.below(4); count > 0; --count) {
      const auto core = static_cast<std::uint32_t>(random_.below(world_.cores()));
      world_.spawn(core, *deliveries_,
                   deliver(world_, world_.core(core), server_->maildrops(core), oracle_, delivery_plan(mailbox),
                           outcome_.deliveries, data_));
    }
    if (random_.chance(0.3)) {
      const auto core = static_cast<std::uint32_t>(random_.below(world_.cores()));
      ChorePlan plan{mailbox.name, static_cast<std::uint32_t>(random_.between(1, 3)),
                     mailbox.shared && random_.chance(0.5), milliseconds(random_.between(1, 300)),
                     nothing_may_be_refused()};
      world_.spawn(
          core, *deliveries_,
          do_chores(world_, world_.core(core), server_->maildrops(core), oracle_, std::move(plan), outcome_.chores));
    }
    const std::uint64_t in_parallel = mailbox.shared ? random_.between(1, 3) : 1;
    for (std::uint64_t count = 0; count < in_parallel; ++count)
      ring::spawn(*clients_, clients_in_turn(mailbox, static_cast<std::uint32_t>(random_.between(0, 6))));
  }
}

// Another program fills the disk, and gives room back.
void Scenario::other_writer() {
  if (world_.faults().disk_octets > (std::uint64_t{1} << 24)) return;
  const std::uint64_t most = world_.faults().disk_octets;
  world_.disk().set_foreign_octets(random_.chance(0.5) ? 0 : random_.between(most / 4, most));
  world_.events().after(milliseconds(random_.between(1, 100)), [this, life = outcome_.lives] {
    if (life == outcome_.lives && world_.alive()) other_writer();
  });
}

void Scenario::between_lives() {
  for (const Mailbox& mailbox : mailboxes_) {
    inspect_promises(world_, oracle_, mailbox.name);
    if (random_.chance(0.1)) spoil_index(world_, random_, mailbox.name);
  }
}

void Scenario::after_death() {
  const store::StoreCounters counted = server_->counted();
  const ring::SendCounters sent = server_->sent();
  outcome_.stored.compactions += counted.compactions;
  outcome_.stored.truncations += counted.truncations;
  outcome_.stored.skips_written += counted.skips_written;
  outcome_.stored.opens_by_scan += counted.opens_by_scan;
  outcome_.stored.opens_from_index += counted.opens_from_index;
  outcome_.stored.opens_from_summary += counted.opens_from_summary;
  outcome_.stored.takeovers += counted.takeovers;
  outcome_.stored.in_use += counted.in_use;
  outcome_.stored.failed_syncs += counted.failed_syncs;
  outcome_.stored.failed_writes += counted.failed_writes;
  outcome_.sent.octets_by_ring += sent.octets_by_ring;
  outcome_.sent.octets_by_sendfile += sent.octets_by_sendfile;
  outcome_.sent.octets_cold += sent.octets_cold;
  outcome_.sent.octets_gathered += sent.octets_gathered;
  oracle_.life_ended();
}

bool Scenario::stop_server() {
  world_.no_death();
  const bool stopped = world_.run(0, server_->stop(), life_max);
  if (!stopped) world_.violation("the server does not come to its end");
  after_death();
  if (stopped) {
    world_.core(0).close(data_);
    server_.reset();
    world_.shut_down();
  } else {
    keep_remains(std::exchange(server_, nullptr));
    world_.kill_process();
  }
  return stopped;
}

// false: it died.
bool Scenario::live(bool last) {
  ++outcome_.lives;
  between_lives();
  world_.boot();
  data_ = world_.open_folder("data");
  server_ = std::make_shared<Server>(world_, configuration_, accounts_);
  const bool dies = !last && random_.chance(0.8);
  const bool early = random_.chance(0.2);
  if (dies) {
    const Death how = random_.chance(0.6) ? Death::machine : Death::process;
    world_.death_after(early ? random_.below(200) : random_.skewed(50, death_events_max), how);
  }
  const auto started = world_.run(0, server_->start());
  if (started && *started) {
    if (!last) other_writer();
    begin_activity();
    if (last) {
      const bool over = world_.run_until([&] { return clients_->count() == 0 && deliveries_->count() == 0; }, life_max);
      if (!over && world_.story().violations().empty()) world_.violation("clients or deliveries wait for ever");
      look_at_everything();
    } else {
      world_.run_until([&] { return !world_.alive() || (clients_->count() == 0 && deliveries_->count() == 0); },
                       life_max);
    }
  } else if (world_.alive()) {
    if (nothing_may_be_refused()) world_.violation("the server does not start");
    world_.kill_process();
  }
  if (!world_.alive()) {
    if (early) ++world_.counts()[Fault::crash_in_recovery];
    after_death();
    keep_remains(std::exchange(server_, nullptr));
    if (deliveries_) keep_remains(std::exchange(deliveries_, nullptr));
    if (random_.chance(0.5)) world_.run_until([&] { return clients_->count() == 0; }, life_max);
    return false;
  }
  if (clients_->count() || deliveries_->count()) {
    if (!last) world_.violation("clients or deliveries wait for ever");
    keep_remains(deliveries_);
  }
  return stop_server();
}

// Nothing goes wrong any more: every maildrop opens, and everything promised is there, octet for octet.
void Scenario::look_at_everything() {
  for (const Mailbox& mailbox : mailboxes_) {
    ClientPlan plan;
    plan.account = mailbox.name;
    plan.host = 99;
    plan.fetches = 1;
    plan.honest = true;
    ring::spawn(*clients_, play_client(world_, oracle_, std::move(plan), outcome_.clients));
    world_.run_until([&] { return clients_->count() == 0; }, life_max);
  }
}

Outcome Scenario::play() {
  world_.story().tell(world_.now(), "{} cores, {} maildrops; {}", world_.cores(), mailboxes_.size(),
                      faults_.described());
  const std::uint64_t lives = random_.skewed(1, lives_max);
  for (std::uint64_t life = 0; life < lives && world_.story().violations().empty(); ++life) live(false);
  if (world_.story().violations().empty()) {
    world_.run_until([&] { return clients_->count() == 0; }, life_max);
    const double split = world_.faults().packet_split;
    world_.faults() = Faults::none();
    world_.faults().packet_split = split;
    world_.disk().set_foreign_octets(0);
    live(true);
  }
  outcome_.hash = world_.story().hash();
  outcome_.events = world_.events().handled();
  outcome_.listings_checked = oracle_.checks();
  outcome_.faults = world_.counts();
  outcome_.violations = world_.story().violations();
  if (clients_->count()) keep_remains(clients_);
  return outcome_;
}

}  // namespace

Outcome play(std::uint64_t seed, std::FILE* story) {
  // Frames that wait for ever refer to their world, so it stays.
  auto scenario = std::make_shared<Scenario>(seed, story);
  keep_remains(scenario);
  return scenario->play();
}

}  // namespace ringpost::sim
