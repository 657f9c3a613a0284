// ringpost/sim/disk.h: a file system with its page cache above and its platter below.
//
// Everything a process sees is the cache's view. The platter's view is kept apart: sectors of 512 octets, a size of its
// own for each file, and the names that each folder has for certain. crash() makes the platter's view the truth, after
// chance has decided what of the unsynced landed (sim/faults.h says what may happen). Time is the proactor's affair:
// calls here take effect at once; a sync has a beginning and an end, so that a crash or a write may come between.
// Results: >= 0 or a negative errno. Pages are shared: what a socket queue refers to is the page itself (M10).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/base/octets.h>
#include <ringpost/ring/operation.h>
#include <ringpost/sim/faults.h>
#include <ringpost/sim/random.h>
#include <ringpost/sim/story.h>

namespace ringpost::sim {

inline constexpr std::uint64_t page_octets = 4096;
inline constexpr std::uint64_t sector_octets = 512;
inline constexpr std::uint64_t sectors_a_page = page_octets / sector_octets;

using InodeNumber = std::uint64_t;  // never used twice in a world

struct Page {
  std::array<std::byte, page_octets> octets{};
};
using PageReference = std::shared_ptr<Page>;

// An open file: what one descriptor knows.
struct OpenFile {
  InodeNumber inode = 0;
  std::uint64_t errors_seen = 0;  // write-back errors that this descriptor has been told of
};

// A sync that has begun: what it must have made durable when it ends.
struct SyncBegun {
  struct Sector {
    std::uint64_t number;
    std::uint32_t version;
    std::array<std::byte, sector_octets> octets;
  };
  std::vector<Sector> sectors;
  std::uint64_t size = 0;
  std::uint64_t truncations = 0;
};

struct Inode;

class Disk {
 public:
  static constexpr InodeNumber root = 1;

  Disk(Random random, const Faults& faults, FaultCounts& counts, Story& story);
  ~Disk();

  // Names. `path` is relative to `folder` and may hold slashes.
  std::int64_t open(InodeNumber folder, std::string_view path, int flags, mode_t mode, OpenFile& opened);
  void close(const OpenFile&);  // the last one drops an inode without a name
  std::int64_t link(InodeNumber from, std::string_view path, const OpenFile* unnamed, InodeNumber to,
                    std::string_view path2);
  std::int64_t rename(InodeNumber from, std::string_view path, InodeNumber to, std::string_view path2);
  std::int64_t unlink(InodeNumber folder, std::string_view path, bool remove_folder);
  std::int64_t make_folder(InodeNumber folder, std::string_view path, mode_t mode);
  std::int64_t stat(InodeNumber folder, std::string_view path, ring::FileInfo&) const;
  std::int64_t list(InodeNumber folder, std::vector<ring::FolderEntry>&) const;
  std::int64_t sync_folder(OpenFile&);

  // Octets.
  std::int64_t read(InodeNumber, std::uint64_t offset, MutableOctets, bool from_cache_only);
  std::int64_t write(InodeNumber, std::uint64_t offset, Octets);
  SyncBegun begin_sync(InodeNumber);
  std::int64_t end_sync(OpenFile&, SyncBegun&&);
  std::int64_t truncate(InodeNumber, std::uint64_t octets);
  std::int64_t allocate(InodeNumber, std::uint64_t offset, std::uint64_t length);
  std::int64_t room_left() const noexcept;
  std::uint64_t size_of(InodeNumber) const;
  bool resident(InodeNumber, std::uint64_t offset, std::uint64_t length) const;
  // The page that holds this octet, brought into the cache if need be; nullptr past the end. `was_cold` says that it
  // had to be read.
  PageReference page_at(InodeNumber, std::uint64_t offset, bool& was_cold);

  // What happens by itself.
  void write_back_some();
  void evict_some();
  void set_foreign_octets(std::uint64_t octets) noexcept { foreign_octets_ = octets; }  // another writer's

  // The end of a process, and of the machine. Every OpenFile is void afterwards.
  void process_died();
  void crash();

  // Damage, for tests and told to the oracle by who does it.
  void flip_bit(InodeNumber, std::uint64_t offset, unsigned bit);
  InodeNumber find(std::string_view path) const;  // from the root; 0: no such name

  std::uint64_t open_files() const noexcept { return open_files_; }

 private:
  friend struct Inode;
  struct NameChange {
    std::string name;
    InodeNumber inode = 0;  // 0: the name goes
    std::string gone;       // a rename within the folder: this name goes at the same moment
  };

  Inode* inode(InodeNumber) const;
  InodeNumber make_inode(bool folder, mode_t mode);
  Inode* walk(InodeNumber folder, std::string_view path, std::string& last) const;  // the folder of the last part
  InodeNumber lookup(InodeNumber folder, std::string_view path) const;
  void change_name(Inode& folder, NameChange change);
  void drop_if_unused(InodeNumber);
  void keep_older_blocks(const Inode&);
  void take_back_blocks(const Inode&);
  void land_unsynced(Inode&);
  void settle_size(Inode&);
  void fill_gap(Inode&, std::uint64_t from_octet);
  void settle_names(Inode& folder);
  void remove_unreachable();
  std::uint64_t octets_used() const noexcept { return pages_used_ * page_octets + foreign_octets_; }

  mutable Random random_;
  const Faults& faults_;
  FaultCounts& counts_;
  Story& story_;
  std::map<InodeNumber, std::unique_ptr<Inode>> inodes_;
  InodeNumber last_inode_ = 0;
  std::vector<std::array<std::byte, sector_octets>> older_blocks_;  // of files that are gone, oldest first
  std::uint64_t pages_used_ = 0;
  std::uint64_t foreign_octets_ = 0;
  std::uint64_t open_files_ = 0;
};

}  // namespace ringpost::sim
