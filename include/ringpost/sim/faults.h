// ringpost/sim/faults.h: what may go wrong in a simulated world, how often, and how often it did.
//
// The fault model. Ratios are per occasion, 0 = never; a seed draws them, a test sets them. What a recovery is still
// owed to survive is exactly this, and no more:
//
//   disk     A sector of 512 octets under an interrupted write holds its old or its new octets, nothing else. Octets
//            written again unchanged survive. Unsynced sectors reach the disk in any order, or not. A file's size and
//            its data are kept apart; where the size came first the gap reads as zeros or as an older file's blocks.
//            A truncation persists before any later octet of that file. A name counts only when its folder was synced;
//            names of one folder persist in the order in which they were changed. A sync that fails says so once to
//            each descriptor that was open, then the pages count as clean although some never reached the disk; after
//            a folder's sync that failed the same holds for its names, within that process. A write may be short, find
//            the disk full, or fail with a part of it done; a read may fail now, not later. Bits flip only where a test
//            flips them.
//   machine  Crashes between any two completions, again during recovery. A process may die while the machine lives on:
//            the page cache stays, operations in flight happen or do not.
//   network  Octets arrive in order and unchanged, or not at all: delayed, split, merged; a peer may reset, half-close,
//            stop reading, or vanish without a word.
//   kernel   Sends are short, multishot operations end at any completion, receive buffers run out, accept fails for
//            once, a completion of an operation long gone turns up late. A pool's queue may be full.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include <ringpost/base/time.h>
#include <ringpost/sim/random.h>

namespace ringpost::sim {

enum class Fault : std::uint8_t {
  machine_crash,
  crash_in_recovery,
  process_death,
  operation_cut_off,  // in flight at a crash or death, and its effect came about all the same
  sync_failed,
  folder_sync_failed,
  write_back_failed,
  write_failed,
  write_short,
  read_failed,
  read_short,
  disk_full,
  open_failed,
  sector_lost,
  sector_landed_unsynced,
  size_before_data,
  gap_of_zeros,
  gap_of_older_blocks,
  name_lost,
  truncation_lost,
  page_evicted,
  octet_flipped,
  packet_delayed,
  packet_split,
  connection_reset,
  connection_vanished,
  connection_half_closed,
  peer_stopped_reading,
  probe_unanswered,
  send_short,
  multishot_ended,
  buffers_ran_out,
  accept_failed,
  late_completion,
  pool_full,
  count
};
inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(Fault::count);
const char* name_of(Fault) noexcept;

struct FaultCounts {
  std::array<std::uint64_t, fault_kinds> met{};
  std::uint64_t& operator[](Fault fault) noexcept { return met[static_cast<std::size_t>(fault)]; }
  void add(const FaultCounts& other) noexcept {
    for (std::size_t kind = 0; kind < fault_kinds; ++kind) met[kind] += other.met[kind];
  }
};

struct Faults {
  // Disk, errors: a world that has any of them is not "without disk faults".
  double sync_fails = 0;
  double folder_sync_fails = 0;
  double write_back_fails = 0;
  double write_fails = 0;
  double read_fails = 0;
  double open_fails = 0;
  std::uint64_t disk_octets = std::uint64_t{1} << 30;
  // Disk, ordinary life.
  double write_short = 0;
  double read_short = 0;
  double older_blocks_in_gap = 0;  // else zeros
  double write_back = 0;           // after a file operation, some of what is dirty goes to the disk by itself
  double evict = 0;                // after a file operation, some of what is clean leaves the page cache
  Duration disk_latency_min{};
  Duration disk_latency_mean{};
  // Network.
  double packet_split = 0;
  Duration network_latency_min{};
  Duration network_latency_mean{};
  std::uint32_t socket_octets_max = 1 << 16;  // of a kernel send queue, and of a receive queue
  // Kernel.
  double send_short = 0;
  double multishot_ends = 0;
  double no_buffers = 0;
  double accept_fails = 0;
  double late_completion = 0;
  double pool_full = 0;
  std::uint32_t lent_buffers = 64;  // a core
  std::uint32_t lent_buffer_octets = 2048;

  bool disk_errors() const noexcept {
    return sync_fails > 0 || folder_sync_fails > 0 || write_back_fails > 0 || write_fails > 0 || read_fails > 0 ||
           open_fails > 0 || disk_octets < (std::uint64_t{1} << 30);
  }

  static Faults none() noexcept;
  static Faults drawn(Random&) noexcept;
  std::string described() const;
};

}  // namespace ringpost::sim
