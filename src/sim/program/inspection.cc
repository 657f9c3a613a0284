#include "inspection.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

#include <ringpost/store/log_scan.h>
#include <ringpost/store/names.h>

namespace ringpost::sim {

namespace {

class Collected final : public store::ScanSink {
 public:
  void message(std::uint64_t offset, const store::Record& record, bool) override {
    uidls[offset] = std::string(record.uidl);
  }
  void tombstones(std::uint64_t, const store::Record&, Octets) override {}
  void skip(std::uint64_t, const store::Record& record) override {
    uidls.erase(uidls.lower_bound(record.from), uidls.lower_bound(record.to));
  }
  void invalid(store::Stretch, bool) override {}
  void forget_from(std::uint64_t offset) override { uidls.erase(uidls.lower_bound(offset), uidls.end()); }

  std::map<std::uint64_t, std::string> uidls;
};

std::string contents(Disk& disk, InodeNumber file) {
  std::string all(disk.size_of(file), '\0');
  std::uint64_t done = 0;
  while (done < all.size()) {
    const MutableOctets rest{reinterpret_cast<std::byte*>(all.data()) + done, all.size() - done};
    const std::int64_t got = disk.read(file, done, rest, false);
    if (got > 0) done += static_cast<std::uint64_t>(got);
  }
  return all;
}

std::string path_of(const std::string& account, const char* file) {
  return "data/" + store::folder_of(account).folder + "/" + file;
}

}  // namespace

void inspect_promises(SimWorld& world, const Oracle& oracle, const std::string& account) {
  const InodeNumber mail = world.disk().find(path_of(account, "mail"));
  if (!mail) return;
  const std::string log = contents(world.disk(), mail);
  Collected collected;
  store::ScanStart start;
  start.log_octets = log.size();
  store::LogScan scan(start, collected);
  while (const auto want = scan.want()) scan.feed(octets_of(log).subspan(want->offset, want->octets));
  std::vector<const Letter*> behind;
  for (auto at = collected.uidls.lower_bound(scan.summary().promised); at != collected.uidls.end(); ++at)
    if (const Letter* letter = oracle.named(account, at->second); letter && letter->answered_at)
      behind.push_back(letter);
  for (const Letter* one : behind)
    for (const Letter* other : behind)
      if (one->answered_at < other->asked_at)
        return world.violation(
            fmt::format("letters {} and {} of {} were acknowledged one after the other, and the log promises neither "
                        "(its records promise {} of {} octets)",
                        one->number, other->number, account, scan.summary().promised, log.size()));
}

void spoil_index(SimWorld& world, Random& random, const std::string& account) {
  Disk& disk = world.disk();
  const std::string path = path_of(account, "index");
  const InodeNumber index = disk.find(path);
  if (!index) return;
  const std::uint64_t octets = disk.size_of(index);
  if (octets == 0 || random.chance(0.2)) {
    world.story().tell(world.now(), "the index of {} is gone", account);
    disk.unlink(Disk::root, path, false);
    return;
  }
  const std::uint64_t at = random.below(octets);
  world.story().tell(world.now(), "a bit flips in octet {} of the index of {}", at, account);
  disk.flip_bit(index, at, static_cast<unsigned>(random.below(8)));
}

}  // namespace ringpost::sim
