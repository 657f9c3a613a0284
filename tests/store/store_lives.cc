#include "store_lives.h"

#include <cstdio>
#include <memory>
#include <optional>

#include <ringpost/sim/world.h>
#include <ringpost/store/names.h>

#include "ledger_of_truth.h"

namespace ringpost::store {
namespace {

using namespace std::chrono_literals;
using ring::Task;
using sim::Random;

struct Account {
  Account(std::string its_name, std::vector<std::string>& wrong) : name(std::move(its_name)), truth(wrong) {}
  std::string name;
  LedgerOfTruth truth;
  int leases = 0;             // open now
  std::uint64_t granted = 0;  // ever
  bool asked_for_compaction = false;
  std::uint32_t texts = 0;
};

// One life of the process; never destroyed before its end.
struct Life {
  explicit Life(std::uint32_t cores) : peers(cores), events(cores), maildrops(cores), done(0) {}
  std::vector<Maildrops*> peers;
  std::vector<EventNames> events;
  std::vector<std::unique_ptr<Maildrops>> maildrops;
  ring::Gate gate;
  int done;
};

class Lives {
 public:
  Lives(std::uint64_t seed, bool tell) : random_(seed * 2 + 1), faults_(sim::Faults::drawn(random_)) {
    if (random_.chance(0.3)) faults_ = sim::Faults::none();
    faults_.pool_full = 0;
    if (faults_.disk_octets < (4 << 20)) faults_.disk_octets = 4 << 20;
    cores_ = static_cast<std::uint32_t>(random_.between(1, 3));
    world_.emplace(seed, faults_, cores_);
    if (tell) world_->story().tell_to(stdout);
    world_->make_durable_folder("data");
    settings_.compaction_floor = random_.between(1, 32) << 10;
    settings_.summary_octets_max = random_.chance(0.3) ? 4096 : 1 << 20;
    settings_.open_files_max = static_cast<std::uint32_t>(random_.between(1, 8));
    settings_.reserve = random_.chance(0.5) ? 0 : 1 << 20;
    const std::uint64_t accounts = random_.between(1, 3);
    for (std::uint64_t i = 0; i < accounts; ++i)
      accounts_.push_back(std::make_unique<Account>("user" + std::to_string(i), wrong_));
  }

  LivesReport run() {
    const std::uint64_t lives = random_.between(1, 6);
    for (std::uint64_t i = 0; i < lives && wrong_.empty(); ++i) live_once(true);
    world_->faults() = sim::Faults::none();
    for (int i = 0; i < 2 && wrong_.empty(); ++i) live_once(false);
    for (auto& account : accounts_)
      if (wrong_.empty()) damage_behind_a_compaction(*account);
    report_.violations = std::move(wrong_);
    for (const std::string& violation : world_->story().violations()) report_.violations.push_back(violation);
    report_.faults = world_->counts();
    return std::move(report_);
  }

 private:
  void begin(const std::shared_ptr<Life>& life) {
    world_->boot();
    life_ = life.get();
    for (std::uint32_t core = 0; core < cores_; ++core) {
      const ring::Descriptor data = world_->open_folder("data");
      data_.push_back(data);
      life->maildrops[core] = std::make_unique<Maildrops>(world_->core(core), settings_, data, life->events[core],
                                                          std::span<Maildrops* const>(life->peers));
      life->peers[core] = life->maildrops[core].get();
    }
  }

  void live_once(bool with_faults) {
    auto life = std::make_shared<Life>(cores_);
    data_.clear();
    quiet_ = !with_faults;
    // An error of writing back that nobody has been told of outlives its process: the first sync after it hears of it.
    errors_allowed_ = faults_.disk_errors() && (with_faults || !told_of_errors_);
    if (quiet_) told_of_errors_ = true;
    begin(life);
    if (with_faults && random_.chance(0.8))
      world_->death_after(random_.skewed(1, 6000), random_.chance(0.7) ? sim::Death::machine : sim::Death::process);
    int actors = 0;
    spawn(*life, 0, starter(), actors);
    const auto put = [&](double chance, auto actor, Account& account) {
      if (!random_.chance(chance)) return;
      const auto core = static_cast<std::uint32_t>(random_.below(cores_));
      spawn(*life, core, (this->*actor)(core, account, random_.branch()), actors);
    };
    for (auto& account : accounts_) {
      put(1, &Lives::client, *account);
      if (quiet_) continue;
      put(0.5, &Lives::client, *account);
      put(1, &Lives::deliverer, *account);
      put(1, &Lives::deliverer, *account);
      put(0.5, &Lives::importer, *account);
      put(0.3, &Lives::reader, *account);
      put(0.3, &Lives::compactor, *account);
      put(0.3, &Lives::inspector, *account);
    }
    const bool ended = world_->run_until([&] { return !world_->alive() || life->done == actors; }, 2h);
    if (!ended && world_->alive()) wrong_.push_back("somebody waits for ever");
    if (world_->alive() && ended && wrong_.empty()) shut_down(*life);
    if (!world_->alive()) died();
    for (const auto& maildrops : life->maildrops) {
      if (!maildrops) continue;
      report_.compactions += maildrops->counters().compactions;
      report_.truncations += maildrops->counters().truncations;
      report_.skips += maildrops->counters().skips_written;
    }
    sim::keep_remains(life);
    life_ = nullptr;
  }

  // A compacted file is promised to its end: damage in its last message is damage, never a torn tail, and hides nothing
  // (M7, M9).
  void damage_behind_a_compaction(Account& account) {
    const auto alone = [this](Task<void> task) {
      auto life = std::make_shared<Life>(cores_);
      data_.clear();
      begin(life);
      int actors = 0;
      spawn(*life, 0, std::move(task), actors);
      world_->run_until([&] { return life->done == actors; }, 1h);
      shut_down(*life);
      sim::keep_remains(life);
    };
    std::vector<Seen> before;
    std::vector<Seen> after;
    alone(compacted_listing(account, true, before));
    if (before.empty() || !wrong_.empty()) return;
    const std::string folder = "data/" + folder_of(account.name).folder;
    const sim::InodeNumber log = world_->disk().find(folder + "/mail");
    std::string octets(world_->disk().size_of(log), '\0');
    world_->disk().read(log, 0, {reinterpret_cast<std::byte*>(octets.data()), octets.size()}, false);
    const std::size_t at = octets.rfind("Subject: ");
    ensure(at != std::string::npos);
    world_->disk().flip_bit(log, at + 4, 1);
    world_->disk().unlink(sim::Disk::root, folder + "/index", false);
    alone(compacted_listing(account, false, after));
    if (before.size() != after.size()) wrong_.push_back("damage hides a message that was promised");
    for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i)
      if (before[i].uidl != after[i].uidl) wrong_.push_back("damage changes a UIDL");
  }

  Task<void> compacted_listing(Account& account, bool compacts, std::vector<Seen>& seen) {
    Maildrops& maildrops = *life_->maildrops[0];
    if (compacts) (void)co_await maildrops.compact(account.name);
    Person person(world_->core(0));
    auto lease = co_await maildrops.open(account.name, person);
    if (!lease) {
      wrong_.push_back(std::string("a login was refused: ") + text_of(lease.error()));
      co_return;
    }
    auto listed = co_await read_all(world_->core(0), maildrops, *lease);
    seen = std::move(listed);
    (void)co_await maildrops.close(std::move(*lease), {});
  }

  void shut_down(Life& life) {
    for (auto& account : accounts_)
      if (account->leases != 0) wrong_.push_back("a lease was never given back");
    int drained = 0;
    const int before = life.done;
    for (std::uint32_t core = 0; core < cores_; ++core) spawn(life, core, drain(*life.maildrops[core]), drained);
    const bool idle = world_->run_until([&] { return !world_->alive() || life.done == before + drained; }, 1h);
    if (!world_->alive()) return;
    if (!idle) {
      wrong_.push_back("a core never drains: something is lent or in flight");
      return;
    }
    for (std::uint32_t core = 0; core < cores_; ++core) {
      life.maildrops[core].reset();
      world_->core(core).close(data_[core]);
    }
    world_->shut_down();
    died();  // what was refused may come either way again
  }

  void died() {
    for (auto& account : accounts_) {
      account->truth.death();
      account->leases = 0;
    }
  }

  void spawn(Life& life, std::uint32_t core, Task<void> task, int& actors) {
    ++actors;
    world_->spawn(core, life.gate, counted(life, std::move(task)));
  }
  static Task<void> counted(Life& life, Task<void> task) {
    co_await std::move(task);
    ++life.done;
  }
  static Task<void> drain(Maildrops& maildrops) { co_await maildrops.drain(); }
  Task<void> starter() { (void)co_await life_->maildrops[0]->start(); }

  ring::Proactor& core_of(std::uint32_t core) { return world_->core(core); }

  void judge(const char* what, StoreError error, bool in_use_allowed) {
    ++report_.refused;
    if (error == StoreError::in_use && in_use_allowed) return;
    const bool of_the_disk = error == StoreError::temporary || error == StoreError::no_room;
    if (of_the_disk && errors_allowed_) return;
    wrong_.push_back(std::string(what) + " was refused: " + text_of(error));
  }

  std::string new_text(Account& account, Random& random) {
    std::string text = "Subject: " + account.name + " " + std::to_string(++account.texts) + "\r\n\r\n";
    const std::uint64_t octets = random.chance(0.03) ? 300 << 10 : random.skewed(0, 12000);
    text.append(octets, static_cast<char>('a' + account.texts % 26));
    return text;
  }

  void tell_delivery(ring::Proactor& core, const Account& account, std::size_t which, const Stored& stored) {
    if (!world_->story().told()) return;
    const char* how = !stored ? text_of(stored.error()) : stored->what == Appended::stored ? "stored" : "already there";
    world_->story().line(core.now(), account.truth.subject(which) + ": " + how);
  }

  Task<void> pause(ring::Proactor& core, Random& random, Duration most) {
    ring::Pause pause(core, core.now() + Duration(random.below(static_cast<std::uint64_t>(most.count()))));
    co_await pause;
  }

  Task<void> deliverer(std::uint32_t here, Account& account, Random random) {
    Maildrops& maildrops = *life_->maildrops[here];
    ring::Proactor& core = core_of(here);
    for (std::uint64_t i = random.between(1, 12); i > 0; --i) {
      co_await pause(core, random, 20ms);
      const std::string text = new_text(account, random);
      const std::size_t which = account.truth.begin_delivery(text);
      auto stored = co_await store::deliver(maildrops, account.name, text);
      tell_delivery(core, account, which, stored);
      account.truth.delivered(which, stored);
      ++report_.deliveries;
      if (!stored) judge("a delivery", stored.error(), false);
    }
  }

  // The same few sources again and again, and few UIDLs for all of them (M16, M17).
  Task<void> importer(std::uint32_t here, Account& account, Random random) {
    Maildrops& maildrops = *life_->maildrops[here];
    ring::Proactor& core = core_of(here);
    for (std::uint64_t i = random.between(1, 10); i > 0; --i) {
      co_await pause(core, random, 20ms);
      const auto source = static_cast<std::uint8_t>(random.between(1, 12));
      const std::string text = new_text(account, random);
      const std::size_t which = account.truth.begin_delivery(text, source);
      const std::string uidl = random.chance(0.5) ? "kept" + std::to_string(source % 4) : "";
      auto stored = co_await store::import(maildrops, account.name, text, source, uidl);
      tell_delivery(core, account, which, stored);
      account.truth.delivered(which, stored);
      if (!stored) judge("an import", stored.error(), false);
    }
  }

  Task<void> client(std::uint32_t here, Account& account, Random random) {
    Maildrops& maildrops = *life_->maildrops[here];
    ring::Proactor& core = core_of(here);
    for (std::uint64_t i = quiet_ ? 1 : random.between(1, 8); i > 0; --i) {
      co_await pause(core, random, 30ms);
      co_await session(account, maildrops, core, random);
    }
  }

  Task<void> session(Account& account, Maildrops& maildrops, ring::Proactor& core, Random& random) {
    Person person(core);
    const int leases_before = account.leases;
    const std::uint64_t granted_before = account.granted;
    const auto before = account.truth.before_login();
    auto lease = co_await maildrops.open(account.name, person);
    if (!lease) {
      const bool another = leases_before > 0 || account.granted != granted_before || account.asked_for_compaction;
      judge("a login", lease.error(), another);
      co_return;
    }
    ++report_.logins;
    ++account.granted;
    if (++account.leases > 1) wrong_.push_back("two sessions hold " + account.name);
    auto seen = co_await read_all(core, maildrops, *lease);
    for (Seen& each : seen)
      if (errors_allowed_ && each.reply.size() != 0 && each.reply.rfind("+OK", 0) != 0) each.reply.clear();
    const auto found = account.truth.listed(before, seen);
    if (random.chance(0.5)) co_await pause(core, random, 20ms);
    std::vector<SnapshotIndex> marks;
    std::vector<std::size_t> which;
    const double one_in = random.chance(0.3) ? 1.0 : 0.3;
    const bool quits = !quiet_ && random.chance(0.6);
    for (std::uint32_t i = 0; quits && i < found.size(); ++i)
      if (random.chance(one_in) && found[i] != LedgerOfTruth::nobody) {
        marks.push_back({i});
        which.push_back(found[i]);
      }
    if (!wrong_.empty()) which.clear();  // found may hold what is none
    person.is_ending = true;
    if (random.chance(0.3)) co_await pause(core, random, 10ms);
    if (world_->story().told()) {
      std::string words;
      for (std::size_t each : which) words += ' ' + account.truth.subject(each);
      world_->story().line(
          core.now(), "a session on " + account.name + " shown " + std::to_string(seen.size()) + " deletes" + words);
    }
    account.truth.begin_deletion(which);
    const bool deletes = !marks.empty();
    --account.leases;  // free at the latest when the answer comes
    auto closed = co_await maildrops.close(std::move(*lease), std::move(marks));
    account.truth.deleted(which, closed.has_value());
    if (deletes) ++report_.deletions;
    if (!closed) judge("a QUIT", closed.error(), false);
  }

  Task<void> reader(std::uint32_t here, Account& account, Random random) {
    Maildrops& maildrops = *life_->maildrops[here];
    ring::Proactor& core = core_of(here);
    co_await pause(core, random, 50ms);
    const auto before = account.truth.before_login();
    auto lease = co_await maildrops.open_reader(account.name);
    if (!lease) {
      if (lease.error() != StoreError::not_found) judge("a reader", lease.error(), false);
      co_return;
    }
    co_await pause(core, random, 50ms);
    auto seen = co_await read_all(core, maildrops, *lease);
    for (std::size_t i = 0; i < seen.size(); ++i)
      if (!errors_allowed_ && seen[i].reply.rfind("+OK ", 0) != 0)
        wrong_.push_back("a reader was shown something else: " + seen[i].reply.substr(0, 60));
    co_await maildrops.close_reader(std::move(*lease));
  }

  Task<void> compactor(std::uint32_t here, Account& account, Random random) {
    Maildrops& maildrops = *life_->maildrops[here];
    ring::Proactor& core = core_of(here);
    for (std::uint64_t i = random.between(1, 3); i > 0; --i) {
      co_await pause(core, random, 50ms);
      account.asked_for_compaction = true;
      auto done = co_await maildrops.compact(account.name);
      if (!done && done.error() != StoreError::not_found) judge("a compaction", done.error(), true);
    }
  }

  // No bit flips in these worlds: whatever else the disk and the machine do is no damage (M7, M18).
  Task<void> inspector(std::uint32_t here, Account& account, Random random) {
    Maildrops& maildrops = *life_->maildrops[here];
    ring::Proactor& core = core_of(here);
    for (std::uint64_t i = random.between(1, 4); i > 0; --i) {
      co_await pause(core, random, 50ms);
      auto report = co_await maildrops.check(account.name);
      if (report)
        judge(*report);
      else if (report.error() != StoreError::not_found)
        judge("a check", report.error(), false);
      if (!random.chance(0.5)) continue;
      account.asked_for_compaction = true;
      auto repaired = co_await maildrops.repair(account.name);
      if (repaired && repaired->mended) judge(repaired->before);
      if (!repaired && repaired.error() != StoreError::not_found) judge("a repair", repaired.error(), true);
    }
  }
  void judge(const CheckReport& report) {
    for (const Finding& finding : report.findings)
      if (is_harm(finding.kind) && !(finding.kind == FindingKind::cannot_be_read && errors_allowed_))
        wrong_.push_back("damage where there is none: " + std::string(text_of(finding.kind)) + ", " + finding.file +
                         " at " + std::to_string(finding.offset) + ", " + std::to_string(finding.octets));
  }

  Random random_;
  sim::Faults faults_;
  std::uint32_t cores_ = 1;
  std::optional<sim::SimWorld> world_;
  config::Store settings_;
  std::vector<std::string> wrong_;
  std::vector<std::unique_ptr<Account>> accounts_;
  LivesReport report_;
  Life* life_ = nullptr;
  std::vector<ring::Descriptor> data_;
  bool quiet_ = false;
  bool errors_allowed_ = false;
  bool told_of_errors_ = false;
};

}  // namespace

LivesReport live(std::uint64_t seed, bool tell) {
  // Frames of lives that died still point here.
  auto lives = std::make_shared<Lives>(seed, tell);
  sim::keep_remains(lives);
  return lives->run();
}

}  // namespace ringpost::store
