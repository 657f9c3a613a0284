// load/tally.h: what one thread's sessions add up to.
//
// Threads: one writer. The four relaxed counters may be read by others meanwhile (progress line), the rest only after
// the writer has ended.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "histogram.h"
#include "plan.h"

namespace ringpost::load {

// A counter with one writer, so that counting costs a plain addition.
class SharedCount {
 public:
  void add(std::uint64_t more) noexcept { value_.store(get() + more, std::memory_order_relaxed); }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct Tally {
  SharedCount sessions, failures, octets_received, logged_in;
  std::uint64_t octets_sent = 0;
  std::uint64_t messages = 0;
  std::uint64_t message_octets = 0;  // as RFC 1939 counts them
  std::uint64_t backlog_max = 0;     // open loop: most sessions that were due and not begun
  std::array<std::uint64_t, failure_count> failures_by_kind{};
  std::array<std::string, failure_count> first_words;  // of each kind: what the first one said
  std::array<Histogram, step_count> steps;
  Histogram session;  // from due (open loop) or connect (closed loop) to the answer to QUIT

  void fail(Failure kind, std::string_view words) {
    auto& first = first_words[static_cast<std::size_t>(kind)];
    if (failures_by_kind[static_cast<std::size_t>(kind)]++ == 0) first = words;
    failures.add(1);
  }
  void merge(const Tally& other);
};

}  // namespace ringpost::load
