// ringpost/sim/world.h: a machine with disk and network, and the process that runs on it, all from one seed.
//
//   SimWorld world(seed, Faults::none(), 2);              // nothing runs yet
//   world.boot();                                         // a process with two cores
//   auto stored = world.run(0, deliver(world.core(0)));   // runs a coroutine on core 0 to its end
//   world.crash_machine();                                // or kill_process(): the page cache stays
//   world.boot();                                         // again, on what the disk has kept
//
// run() and run_for() stop early when the crash comes that crash_after() has set; then nothing of the process runs any
// more until the next boot(). Objects of a process that died are never destroyed (a frame that waits cannot be): they
// must be allocated so that nobody destroys them, see Remains. One thread.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <ringpost/ring/task.h>
#include <ringpost/sim/disk.h>
#include <ringpost/sim/events.h>
#include <ringpost/sim/network.h>
#include <ringpost/sim/proactor.h>
#include <ringpost/sim/process.h>

namespace ringpost::sim {

enum class Death : std::uint8_t { machine, process };

class SimWorld {
 public:
  SimWorld(std::uint64_t seed, const Faults& faults, std::uint32_t cores);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // --- Lives ---------------------------------------------------------------------------------------------------------
  void boot();
  bool alive() const noexcept { return process_ != nullptr; }
  void kill_process();
  void crash_machine();
  // Ends a process that has given everything back; tells as violations what it has not.
  void shut_down();
  // After so many further events the death comes, in the middle of whatever runs.
  void death_after(std::uint64_t events, Death how) noexcept;
  void no_death() noexcept { death_at_.reset(); }

  SimProactor& core(std::uint32_t core) { return *process_->cores.at(core); }
  std::uint32_t cores() const noexcept { return cores_; }
  Process& process() noexcept { return *process_; }

  // A descriptor of the root folder, or of one below it that must be there already, in the present process.
  ring::Descriptor open_folder(std::string_view path = {});
  // A folder that is there and durable, made before anything ran.
  void make_durable_folder(std::string_view path);
  ring::Descriptor listen(std::uint16_t port);

  // --- Running -------------------------------------------------------------------------------------------------------
  // The next event. false: nothing more happens before `until`, or the death came.
  bool step(Instant until = Instant::max());
  // Until the predicate holds (true), or it never will, the time is over, or the death came (false).
  template <typename Predicate>
  bool run_until(Predicate&& holds, Duration at_most = std::chrono::hours(24)) {
    const Instant until = now() + at_most;
    while (!holds())
      if (!step(until)) return holds();
    return true;
  }
  void run_for(Duration duration) {
    run_until([] { return false; }, duration);
  }
  // Starts a coroutine on a core; it is over when the gate is empty.
  void spawn(std::uint32_t core, ring::Gate& gate, ring::Task<void> task);
  // Runs a coroutine on a core to its end. Nothing: the death came first, or it waits for ever.
  template <typename T>
  std::optional<T> run(std::uint32_t core, ring::Task<T> task, Duration at_most = std::chrono::hours(24));
  bool run(std::uint32_t core, ring::Task<void> task, Duration at_most = std::chrono::hours(24));

  // --- Parts ---------------------------------------------------------------------------------------------------------
  Instant now() const noexcept { return events_.now(); }
  Random& random() noexcept { return random_; }
  Events& events() noexcept { return events_; }
  Disk& disk() noexcept { return disk_; }
  Network& network() noexcept { return network_; }
  Story& story() noexcept { return story_; }
  const Story& story() const noexcept { return story_; }
  Faults& faults() noexcept { return faults_; }  // may be changed while the world runs
  const Faults& faults() const noexcept { return faults_; }
  FaultCounts& counts() noexcept { return counts_; }
  Duration disk_latency();
  void violation(std::string words) { story_.violation(now(), std::move(words)); }

 private:
  friend class SimProactor;
  void die(Death how);
  void after_file_operation();
  void watch_cores();

  Faults faults_;
  FaultCounts counts_;
  Story story_;
  Random random_;
  Random chance_;  // of fill_random
  std::uint32_t cores_;
  std::uint32_t lives_ = 0;
  Events events_;
  Disk disk_;
  Network network_;
  std::unique_ptr<Process> process_;
  std::optional<std::uint64_t> death_at_;  // in events handled
  Death death_ = Death::machine;
  bool lost_wake_up_told_ = false;
};

// What a dead process leaves behind: kept for ever, so that no destructor runs in it and leak checks see its owner.
void keep_remains(std::shared_ptr<void> remains);

namespace detail {
template <typename T>
ring::Task<void> into(ring::Task<T> task, std::shared_ptr<std::optional<T>> result) {
  auto value = co_await std::move(task);
  result->emplace(std::move(value));
}
inline ring::Task<void> into(ring::Task<void> task, std::shared_ptr<bool> done) {
  co_await std::move(task);
  *done = true;
}
}  // namespace detail

template <typename T>
std::optional<T> SimWorld::run(std::uint32_t core, ring::Task<T> task, Duration at_most) {
  auto gate = std::make_shared<ring::Gate>();
  auto result = std::make_shared<std::optional<T>>();
  spawn(core, *gate, detail::into<T>(std::move(task), result));
  run_until([&] { return result->has_value(); }, at_most);
  if (!result->has_value()) {
    keep_remains(gate);
    return std::nullopt;
  }
  return std::move(*result);
}

}  // namespace ringpost::sim
