// src/store/inspection.h: a maildrop's files, looked at octet by octet (M18).
#pragma once

#include <cstdlib>
#include <memory>
#include <span>

#include <ringpost/store/check.h>
#include <ringpost/store/listing.h>
#include <ringpost/store/recovery.h>

#include "disk.h"
#include "maildrop.h"

namespace ringpost::store {

// Reads a file past the page cache: what the disk holds, not what memory remembers. Where the file system knows no
// direct reads, by the cache, and says so.
class DirectReader {
 public:
  explicit DirectReader(const Disk& disk) : disk_(disk) {}

  ring::Task<std::int64_t> open(const std::string& path);  // its length, or a negative errno
  // Exactly these octets; a view into the window, good until the next call. Empty: error() says why.
  ring::Task<Octets> read(std::uint64_t offset, std::size_t octets);
  std::int64_t error() const noexcept { return error_; }
  bool past_cache() const noexcept { return direct_; }

 private:
  struct Free {
    void operator()(std::byte* window) const noexcept { std::free(window); }
  };
  const Disk& disk_;
  File file_;
  std::string path_;
  std::unique_ptr<std::byte[], Free> window_;
  std::int64_t error_ = 0;
  bool direct_ = true;
};

struct Inspection {
  Listing listing;    // of the log
  Listing by_index;   // of the index, and ...
  IndexReader index;  // ... what kind of index it is
  bool has_index = false;
  ScanSummary summary;
  std::uint64_t log_octets = 0;
  bool log_there = false;
  bool log_harmed = false;  // its living messages belong into a new file
  bool index_differs = false;
  bool ledger_damaged = false;
  std::int64_t error = 0;  // something cannot be read
  CheckReport report;

  bool same_edition() const noexcept {
    return has_index && index.entries() > 0 && summary.edition && index.edition() == *summary.edition;
  }
};

// What an inspection starts from. `promised`: of a maildrop in use, the end of what its owner has synced; its log is
// looked at up to there. 0: as the files say.
ring::Task<void> inspect(const Disk&, const OpenMaildrop&, std::uint64_t promised, Inspection&);

}  // namespace ringpost::store
