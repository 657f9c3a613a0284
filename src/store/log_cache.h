// src/store/log_cache.h: the logs that a core has open for reading, least recently used first to go (M9, M15).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include <ringpost/config/configuration.h>
#include <ringpost/store/maildrops.h>
#include <ringpost/store/names.h>

#include "disk.h"

namespace ringpost::store {

struct CachedLog {
  std::string account;
  File file;
  ring::Mapping mapping;
  Edition edition;
  std::uint32_t borrowed = 0;
  bool stale = false;  // not found any more; closed by the last one who gives it back
  CachedLog* newer = nullptr;
  CachedLog* older = nullptr;
};

class LogCache {
 public:
  LogCache(const Disk& disk, const config::Store& settings, StoreCounters& counters)
      : disk_(disk), settings_(settings), counters_(counters) {}
  LogCache(const LogCache&) = delete;
  LogCache& operator=(const LogCache&) = delete;
  ~LogCache();

  // The log whose edition is the snapshot's, long enough for its last message. count() > 0.
  ring::Task<std::expected<LogView, StoreError>> view(const std::string& account, const Snapshot&);
  void release(LogView) noexcept;
  // The file of this name is about to be, or was, replaced or emptied.
  void drop(std::string_view account) noexcept;
  void clear() noexcept;

 private:
  ring::Task<std::expected<std::unique_ptr<CachedLog>, StoreError>> open(const std::string& account, const Snapshot&);
  LogView lend(CachedLog&) noexcept;
  CachedLog* find(std::string_view account) noexcept;
  void link(CachedLog&) noexcept;
  void unlink(CachedLog&) noexcept;
  void close(CachedLog*) noexcept;
  void trim() noexcept;

  struct NameHash {
    std::size_t operator()(std::string_view name) const noexcept { return name_hash(name); }
  };
  const Disk& disk_;
  const config::Store& settings_;
  StoreCounters& counters_;
  std::unordered_map<std::string_view, CachedLog*, NameHash> logs_;
  CachedLog* newest_ = nullptr;
  CachedLog* oldest_ = nullptr;
  std::uint32_t open_ = 0;
};

}  // namespace ringpost::store
