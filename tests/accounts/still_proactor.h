// tests/accounts/still_proactor.h: a Proactor whose clock moves only when told, and that runs jobs only when told.
//
// For what needs clock, chance, timers and a pool, and no network or disk; everything else insists on never being
// asked.
#pragma once

#include <cerrno>
#include <deque>
#include <vector>

#include <ringpost/ring/proactor.h>

namespace ringpost::accounts {

class StillProactor final : public ring::Proactor {
 public:
  ~StillProactor() override { ensure(jobs.empty() && timers.empty()); }

  Instant time{std::chrono::hours(1)};
  bool pool_full = false;
  std::deque<ring::Job*> jobs;
  std::vector<ring::Timer*> timers;
  std::uint64_t jobs_run = 0;

  // Runs what waits in the pool; each takes `cost` of the clock's time.
  void run_jobs(Duration cost = {}) {
    while (!jobs.empty()) {
      ring::Job* job = jobs.front();
      jobs.pop_front();
      const std::int64_t result = pool_full ? -EBUSY : job->blocking_run();
      if (!pool_full) ++jobs_run;
      time += cost;
      job->in_flight = false;
      job->completed({.result = result});
    }
  }

  // Moves the clock on, firing what becomes due.
  void advance(Duration by) {
    const Instant until = time + by;
    while (true) {
      ring::Timer* next = nullptr;
      for (ring::Timer* timer : timers)
        if (timer->due <= until && (!next || timer->due < next->due)) next = timer;
      if (!next) break;
      if (time < next->due) time = next->due;
      disarm(*next);
      next->fired();
    }
    time = until;
  }

  ring::CoreIndex core() const noexcept override { return {}; }
  std::uint32_t cores() const noexcept override { return 1; }
  Instant now() const noexcept override { return time; }
  WallTime wall() const noexcept override { return {}; }
  void fill_random(MutableOctets octets) noexcept override {
    for (std::byte& octet : octets) octet = static_cast<std::byte>(++chance_ * 37);
  }
  void start(ring::Operation& operation) noexcept override {
    ensure(operation.kind == ring::OpKind::job);
    operation.in_flight = true;
    jobs.push_back(static_cast<ring::Job*>(&operation));
  }
  void cancel(ring::Operation&) noexcept override {}
  void return_buffer(std::uint16_t) noexcept override { ensure(false); }
  void arm(ring::Timer& timer, Instant due) noexcept override {
    disarm(timer);
    timer.armed = true;
    timer.due = due;
    timers.push_back(&timer);
  }
  void disarm(ring::Timer& timer) noexcept override {
    timer.armed = false;
    std::erase(timers, &timer);
  }
  void post(ring::CoreIndex, ring::Message&) noexcept override { ensure(false); }
  std::int64_t send_now(ring::Descriptor, Octets) noexcept override { return unasked(); }
  std::int64_t send_file_now(ring::Descriptor, ring::Descriptor, std::uint64_t, std::uint64_t) noexcept override {
    return unasked();
  }
  std::int64_t peek_unacknowledged(ring::Descriptor) noexcept override { return unasked(); }
  ring::PeerState peek_peer(ring::Descriptor) noexcept override { return {}; }
  void begin_probing(ring::Descriptor) noexcept override { ensure(false); }
  int peek_address(ring::Descriptor, bool, sockaddr_storage&) noexcept override { return unasked(); }
  int finish_sending(ring::Descriptor) noexcept override { return unasked(); }
  int reset_on_close(ring::Descriptor) noexcept override { return unasked(); }
  void close(ring::Descriptor) noexcept override { ensure(false); }
  std::int64_t read_now(ring::Descriptor, std::uint64_t, MutableOctets) noexcept override { return unasked(); }
  ring::Mapping map(ring::Descriptor, std::uint64_t) noexcept override { return {}; }
  void unmap(ring::Mapping) noexcept override { ensure(false); }
  bool peek_resident(const ring::Mapping&, std::uint64_t, std::uint64_t) noexcept override { return unasked() != 0; }

 private:
  static int unasked() {
    ensure(false);
    return 0;
  }
  unsigned chance_ = 0;
};

}  // namespace ringpost::accounts
