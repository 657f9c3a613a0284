#include "runner.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <map>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <ringpost/base/mutant.h>

#include "scenario.h"

namespace ringpost::sim {

namespace {

constexpr std::uint64_t batch_seeds = 25;
constexpr int seed_seconds_max = 60;  // of a seed that loops

constexpr std::size_t marks_max = 64;

struct Mark {
  const char* name = nullptr;  // a literal: at the same address in all processes of one program
  std::size_t octets = 0;
  std::uint64_t met = 0;
};

// What a batch's process tells its parent; plain memory that both see.
struct Shared {
  std::uint64_t seed_under_way = 0;
  std::uint64_t first_failing = 0;
  std::uint64_t seeds = 0;
  std::uint64_t failing_seeds = 0;
  std::uint64_t violations = 0;
  std::uint64_t events = 0, lives = 0, listings = 0;
  FaultCounts faults;
  ClientFigures clients;
  DeliveryFigures deliveries;
  ChoreFigures chores;
  store::StoreCounters stored;
  ring::SendCounters sent;
  std::array<Mark, marks_max> marks;
};

struct Batch {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  Shared* shared = nullptr;
};

void add_mark(Shared& sum, const Mark& mark) {
  for (Mark& known : sum.marks) {
    if (known.name && std::string_view(known.name, known.octets) != std::string_view(mark.name, mark.octets)) continue;
    known = {mark.name, mark.octets, known.met + mark.met};
    return;
  }
}

void add(Shared& sum, const Shared& one) {
  sum.seeds += one.seeds;
  sum.failing_seeds += one.failing_seeds;
  sum.violations += one.violations;
  sum.events += one.events;
  sum.lives += one.lives;
  sum.listings += one.listings;
  sum.faults.add(one.faults);
  const auto add_all = [](auto& into, const auto& from) {
    static_assert(sizeof(into) % sizeof(std::uint64_t) == 0);
    auto* to = reinterpret_cast<std::uint64_t*>(&into);
    const auto* what = reinterpret_cast<const std::uint64_t*>(&from);
    for (std::size_t at = 0; at < sizeof(into) / sizeof(std::uint64_t); ++at) to[at] += what[at];
  };
  add_all(sum.clients, one.clients);
  add_all(sum.deliveries, one.deliveries);
  add_all(sum.chores, one.chores);
  add_all(sum.stored, one.stored);
  add_all(sum.sent, one.sent);
  for (const Mark& mark : one.marks)
    if (mark.name) add_mark(sum, mark);
}

// Of all that this process has played.
void note_marks([[maybe_unused]] Shared& shared) {
#ifdef RINGPOST_MUTANTS
  for (const auto& [name, met] : marks_met()) add_mark(shared, {name.data(), name.size(), met});
#endif
}

std::string replay(const RunPlan& plan, std::uint64_t seed) {
  return fmt::format("ringpost-sim {}{}", plan.mutant.empty() ? "" : "--mutant " + plan.mutant + " ", seed);
}

void play_batch(const RunPlan& plan, const Batch& batch) {
  Shared& shared = *batch.shared;
  for (std::uint64_t seed = batch.first; seed <= batch.last; ++seed) {
    shared.seed_under_way = seed;
    alarm(seed_seconds_max);
    const Outcome outcome = play(seed, nullptr);
    Shared one;
    one.seeds = 1;
    one.failing_seeds = !outcome.violations.empty();
    one.violations = outcome.violations.size();
    one.events = outcome.events;
    one.lives = outcome.lives;
    one.listings = outcome.listings_checked;
    one.faults = outcome.faults;
    one.clients = outcome.clients;
    one.deliveries = outcome.deliveries;
    one.chores = outcome.chores;
    one.stored = outcome.stored;
    one.sent = outcome.sent;
    add(shared, one);
    if (outcome.violations.empty()) continue;
    if (!shared.first_failing) shared.first_failing = seed;
    fmt::print("seed {}: {}\n  replay: {}\n", seed, outcome.violations.front(), replay(plan, seed));
    std::fflush(stdout);
    if (plan.until_found) break;
  }
  note_marks(shared);
}

void report(const Shared& sum, double seconds) {
  fmt::print("faults met:\n");
  for (std::size_t kind = 0; kind < fault_kinds; ++kind)
    fmt::print("  {:<24} {}\n", name_of(static_cast<Fault>(kind)), sum.faults.met[kind]);
  for (const Mark& mark : sum.marks)
    if (mark.name) fmt::print("  mark: {:<40} {}\n", std::string_view(mark.name, mark.octets), mark.met);
  fmt::print("played: {} lives, {} events, {} listings checked\n", sum.lives, sum.events, sum.listings);
  fmt::print("clients: {} sessions, {} logins, {} letters fetched, {} deleted, {} refusals ({} in use), {} cut off\n",
             sum.clients.sessions, sum.clients.logins, sum.clients.fetched, sum.clients.deleted, sum.clients.refused,
             sum.clients.in_use, sum.clients.cut_off);
  fmt::print("deliveries: {} asked, {} stored, {} already there, {} refused\n", sum.deliveries.asked,
             sum.deliveries.stored, sum.deliveries.already_there, sum.deliveries.refused);
  fmt::print("chores: {} compactions asked for, {} letters read from lent snapshots\n", sum.chores.compactions_asked,
             sum.chores.snapshots_read);
  fmt::print(
      "store: {} compactions, {} truncations, {} skips, opened {} times by scan, {} by index, {} by summary, "
      "{} take-overs\n",
      sum.stored.compactions, sum.stored.truncations, sum.stored.skips_written, sum.stored.opens_by_scan,
      sum.stored.opens_from_index, sum.stored.opens_from_summary, sum.stored.takeovers);
  fmt::print("octets: {} by the ring ({} gathered), {} by sendfile, {} cold\n", sum.sent.octets_by_ring,
             sum.sent.octets_gathered, sum.sent.octets_by_sendfile, sum.sent.octets_cold);
  fmt::print("{:.1f} s, {:.1f} ms of wall clock a seed\n", seconds, 1000 * seconds / static_cast<double>(sum.seeds));
}

class Runner {
 public:
  explicit Runner(const RunPlan& plan) : plan_(plan), next_(plan.first) {}

  int run() {
    const auto begun = std::chrono::steady_clock::now();
    while (!running_.empty() || more()) {
      while (running_.size() < plan_.jobs && more()) begin_batch();
      end_batch();
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    report(sum_, took.count());
    if (plan_.until_found && lowest_failing_) fmt::print("found after {} seeds\n", lowest_failing_ - plan_.first + 1);
    fmt::print("{} seeds, {} violations\n", sum_.seeds, sum_.violations);
    return sum_.violations == 0 ? 0 : 1;
  }

 private:
  bool more() const { return next_ <= plan_.last && !(plan_.until_found && sum_.violations > 0); }

  void begin_batch() {
    Batch batch;
    batch.first = next_;
    batch.last = std::min(plan_.last, next_ + batch_seeds - 1);
    next_ = batch.last + 1;
    void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return give_up("mmap");
    batch.shared = new (memory) Shared;
    std::fflush(stdout);
    const pid_t child = fork();
    if (child < 0) return give_up("fork");
    if (child == 0) {
      play_batch(plan_, batch);
      std::fflush(stdout);
      _exit(0);
    }
    running_.emplace(child, batch);
  }

  [[noreturn]] static void give_up(const char* call) {
    fmt::print(stderr, "ringpost-sim: {}: {}\n", call, std::strerror(errno));
    std::exit(3);
  }

  void end_batch() {
    int status = 0;
    const pid_t child = waitpid(-1, &status, 0);
    auto found = running_.find(child);
    if (found == running_.end()) return;
    Batch batch = found->second;
    running_.erase(found);
    add(sum_, *batch.shared);
    if (batch.shared->first_failing) failed(batch.shared->first_failing);
    if (!WIFSIGNALED(status) && WEXITSTATUS(status) == 0) {
      munmap(batch.shared, sizeof(Shared));
      return;
    }
    // It died of this seed; the rest of the batch is played by another.
    const std::uint64_t seed = batch.shared->seed_under_way;
    failed(seed);
    munmap(batch.shared, sizeof(Shared));
    const bool looped = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    fmt::print("seed {}: {}\n  replay: {}\n", seed,
               looped
                   ? "it does not come to an end"
                   : fmt::format("the process died ({})", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit"),
               replay(plan_, seed));
    ++sum_.seeds;
    ++sum_.failing_seeds;
    ++sum_.violations;
    if (seed < batch.last) left_over_.push_back({seed + 1, batch.last, nullptr});
    if (!left_over_.empty() && !plan_.until_found) play_left_over();
  }

  void failed(std::uint64_t seed) {
    if (!lowest_failing_ || seed < lowest_failing_) lowest_failing_ = seed;
  }

  void play_left_over() {
    Batch rest = left_over_.back();
    left_over_.pop_back();
    const std::uint64_t next = next_;
    const std::uint64_t last = plan_.last;
    next_ = rest.first;
    plan_.last = rest.last;
    begin_batch();
    next_ = next;
    plan_.last = last;
  }

  RunPlan plan_;
  std::uint64_t next_;
  std::uint64_t lowest_failing_ = 0;  // 0: none; counted from the first seed, whatever order they were played in
  Shared sum_;
  std::map<pid_t, Batch> running_;
  std::vector<Batch> left_over_;
};

}  // namespace

int run_many(const RunPlan& plan) {
  return Runner(plan).run();
}

}  // namespace ringpost::sim
