// load/worker.h: one thread's event loop: connections, accounts and schedule, nothing that blocks.
//
// Threads: construct anywhere, run() on the worker's own thread, tally() freely for its shared counters and wholly
// after run() has returned. A worker owns its share of the accounts, so no two workers use one at the same time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "dialogue.h"
#include "options.h"
#include "schedule.h"
#include "tally.h"

namespace ringpost::load {

Instant monotonic_now() noexcept;

// What the workers of one run share.
struct Run {
  const Options& options;
  Instant start;
  std::atomic<std::uint64_t> begun{0};
  std::atomic<std::uint64_t> failures{0};
  std::atomic<bool> stop{false};  // begin no more, let what runs finish
};

class Worker {
 public:
  Worker(Run& run, std::size_t index);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void run();
  const Tally& tally() const noexcept { return tally_; }
  Instant ended() const noexcept { return ended_; }

 private:
  struct Connection {
    Connection(const Plan& plan, Tally& tally) : dialogue(plan, tally) {}
    Dialogue dialogue;
    int fd = -1;
    std::size_t account = 0;
    Instant last_heard{};
    bool opening = false;  // not logged in yet
    bool wants_to_write = false;
  };

  bool is_over() const;
  bool may_begin(Instant now) const;
  void begin_due(Instant now);
  bool begin_one(Instant due, Instant now);
  bool take_ticket();
  void open(Connection& connection, Instant due, Instant now);
  void handle(Connection& connection, std::uint32_t events);
  bool receive(Connection& connection);
  void follow(Connection& connection);
  void flush(Connection& connection);
  void watch(Connection& connection, bool write);
  void lose(Connection& connection, Failure kind, std::string_view words);
  void finish(Connection& connection);
  void sweep(Instant now);
  void leave_all(Instant now);
  Duration wait_time(Instant now) const;
  void pin() const;

  Run& run_;
  const Options& options_;
  std::size_t index_;
  Tally tally_;
  std::vector<std::size_t> accounts_;  // my share, as indices into the options' list
  std::vector<std::uint64_t> turns_;   // sessions that each of them has begun
  std::deque<std::size_t> free_accounts_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> free_connections_;
  std::size_t active_ = 0, opening_ = 0;
  std::optional<Schedule> schedule_;
  std::deque<Instant> backlog_;  // due, not begun
  std::mt19937_64 random_;
  std::vector<std::byte> buffer_;
  Instant end_{}, next_sweep_{}, retry_after_{}, ended_{};
  bool leaving_ = false;
  int epoll_ = -1;
};

}  // namespace ringpost::load
