// src/sim/inode.h: a file or folder, as the cache knows it and as the platter has it.
#pragma once

#include <ringpost/sim/disk.h>

namespace ringpost::sim {

// What a crash would find: sectors that were ever written, and how long the file is said to be.
struct Platter {
  std::uint64_t size = 0;
  std::vector<std::byte> octets;   // whole sectors
  std::vector<std::uint8_t> held;  // a sector each: 1 = written, 0 = a hole

  void put(std::uint64_t sector, const std::byte* from);
  void cut(std::uint64_t size_now);
};

struct Inode {
  InodeNumber number = 0;
  bool folder = false;
  mode_t mode = 0;
  std::uint32_t names = 0;  // in the cache's view
  std::uint32_t opened = 0;

  // A file. The cache's view:
  std::uint64_t size = 0;
  std::vector<PageReference> cache;    // a page each; null: not resident, the platter has it
  std::vector<std::uint32_t> version;  // a sector each: grows with every write to it
  std::vector<std::uint8_t> dirty;     // a sector each
  std::uint64_t dirty_sectors = 0;
  std::uint64_t pages_used = 0;
  std::vector<std::uint64_t> sizes;  // that the file had since the last sync, oldest first
  std::uint64_t truncations = 0;
  std::uint64_t errors = 0;  // write-back errors so far
  bool errors_told = true;   // to at least one descriptor
  // The platter's view, and what it would be if no truncation of late had persisted:
  Platter platter;
  std::vector<Platter> before_truncation;

  // A folder:
  std::map<std::string, InodeNumber, std::less<>> entries;
  std::map<std::string, InodeNumber, std::less<>> durable_entries;
  std::vector<Disk::NameChange> changes;  // not yet durable, in order
  std::vector<Disk::NameChange> missed;   // behind a failed sync: the next one leaves them out

  void make_room(std::uint64_t octets);
  Page& load(std::uint64_t page);
  void clean(std::uint64_t sector) noexcept;
  void soil(std::uint64_t sector) noexcept;
  const std::byte* cached(std::uint64_t sector) const;
};

}  // namespace ringpost::sim
