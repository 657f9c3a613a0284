#include <fmt/format.h>

#include <ringpost/sim/faults.h>

namespace ringpost::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;

const char* name_of(Fault fault) noexcept {
  static constexpr std::array<const char*, fault_kinds> names = {
      "machine crash",
      "crash in recovery",
      "process death",
      "operation cut off",
      "sync failed",
      "folder sync failed",
      "write-back failed",
      "write failed",
      "write short",
      "read failed",
      "read short",
      "disk full",
      "open failed",
      "sector lost",
      "sector landed unsynced",
      "size before data",
      "gap of zeros",
      "gap of older blocks",
      "name lost",
      "truncation lost",
      "page evicted",
      "octet flipped",
      "packet delayed",
      "packet split",
      "connection reset",
      "connection vanished",
      "connection half-closed",
      "peer stopped reading",
      "probe unanswered",
      "send short",
      "multishot ended",
      "buffers ran out",
      "accept failed",
      "late completion",
      "pool full",
  };
  return names[static_cast<std::size_t>(fault)];
}

Faults Faults::none() noexcept {
  Faults faults;
  faults.disk_latency_min = microseconds(20);
  faults.disk_latency_mean = microseconds(100);
  faults.network_latency_min = microseconds(20);
  faults.network_latency_mean = microseconds(100);
  return faults;
}

namespace {

// One world in three knows a given kind of fault at all, so that most runs go far and some go wrong in one way only.
double maybe(Random& random, double ratio_max) {
  if (!random.chance(1.0 / 3)) return 0;
  return ratio_max * static_cast<double>(random.between(1, 8)) / 8;
}

Duration any_of(Random& random, std::initializer_list<Duration> choices) {
  return choices.begin()[random.below(choices.size())];
}

}  // namespace

Faults Faults::drawn(Random& random) noexcept {
  Faults faults = none();
  if (random.chance(0.5)) {
    faults.sync_fails = maybe(random, 0.15);
    faults.folder_sync_fails = maybe(random, 0.1);
    faults.write_back_fails = maybe(random, 0.02);
    faults.write_fails = maybe(random, 0.1);
    faults.read_fails = maybe(random, 0.05);
    faults.open_fails = maybe(random, 0.05);
    if (random.chance(0.2)) faults.disk_octets = random.between(300, 900) * 4096;
  }
  faults.write_short = maybe(random, 0.2);
  faults.read_short = maybe(random, 0.2);
  faults.older_blocks_in_gap = random.chance(0.5) ? 0.5 : 0;
  faults.write_back = maybe(random, 0.3);
  faults.evict = maybe(random, 0.3);
  faults.disk_latency_mean = any_of(random, {microseconds(20), microseconds(200), milliseconds(5)});
  faults.packet_split = maybe(random, 0.5);
  faults.network_latency_mean = any_of(random, {microseconds(50), milliseconds(1), milliseconds(40)});
  faults.socket_octets_max = static_cast<std::uint32_t>(random.between(1, 32) * 2048);
  faults.send_short = maybe(random, 0.3);
  faults.multishot_ends = maybe(random, 0.1);
  faults.no_buffers = maybe(random, 0.1);
  faults.accept_fails = maybe(random, 0.1);
  faults.late_completion = maybe(random, 0.1);
  faults.pool_full = maybe(random, 0.05);
  faults.lent_buffers = static_cast<std::uint32_t>(random.skewed(2, 64));
  faults.lent_buffer_octets = static_cast<std::uint32_t>(random.skewed(64, 4096));
  return faults;
}

std::string Faults::described() const {
  return fmt::format(
      "sync fails {:.3f}, folder sync fails {:.3f}, write-back fails {:.3f}, write fails {:.3f}, read fails {:.3f}, "
      "open fails {:.3f}, disk of {} KiB, short writes {:.2f}, short reads {:.2f}, older blocks in gaps {:.2f}, "
      "write-back {:.2f}, eviction {:.2f}, disk {} us, network {} us, splits {:.2f}, socket queue {}, "
      "short sends {:.2f}, multishot ends {:.3f}, no buffers {:.3f}, accept fails {:.3f}, late completions {:.3f}, "
      "pool full {:.3f}, "
      "{} buffers of {}",
      sync_fails, folder_sync_fails, write_back_fails, write_fails, read_fails, open_fails, disk_octets / 1024,
      write_short, read_short, older_blocks_in_gap, write_back, evict, disk_latency_mean.count() / 1000,
      network_latency_mean.count() / 1000, packet_split, socket_octets_max, send_short, multishot_ends, no_buffers,
      accept_fails, late_completion, pool_full, lent_buffers, lent_buffer_octets);
}

}  // namespace ringpost::sim
