// ringpost/ring/core_counters.h: what one core counts about its own work.
//
// Written and read on the core's thread only; whoever wants the figures posts a message there. (Octets by the way they
// left are in SendCounters, ring/connection.h.)
#pragma once

#include <cstdint>

namespace ringpost::ring {

struct CoreCounters {
  std::uint64_t turns = 0;
  std::uint64_t turns_long = 0;  // over 5 ms from the first completion to the next wait
  std::uint64_t turn_longest_ns = 0;
  std::uint64_t turns_switched = 0;  // with a voluntary context switch: something waited that must not (watched only)
  std::uint64_t voluntary_switches = 0;  // in turns, all together (watched only)
  std::uint64_t ring_calls = 0;          // io_uring_enter
  std::uint64_t direct_calls = 0;        // every other system call of the core's thread
  std::uint64_t submissions = 0;
  std::uint64_t completions = 0;
  std::uint64_t late_completions = 0;       // for a slot's earlier owner: dropped
  std::uint64_t receive_buffers_short = 0;  // ENOBUFS: no receive buffer was free; armed again when one is (R069)
  std::uint64_t messages = 0;               // delivered here
  std::uint64_t wakes = 0;                  // other cores that we woke
  std::uint64_t jobs = 0;                   // given to the pools
  std::uint64_t jobs_refused = 0;           // a pool's queue was full
  std::uint64_t accepted = 0;               // sockets
};

}  // namespace ringpost::ring
