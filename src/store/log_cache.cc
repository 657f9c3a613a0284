#include "log_cache.h"

#include <cerrno>
#include <fcntl.h>

#include <ringpost/base/mutant.h>
#include <ringpost/store/format.h>

namespace ringpost::store {

namespace {
// A mapping is for residency questions only and costs addresses, no memory: long enough for years of growth.
constexpr std::uint64_t mapping_octets_least = 64 << 20;
constexpr std::uint32_t headers_asked_max = 16;

std::uint64_t end_of(const Snapshot& snapshot) noexcept {
  const MessageEntry last = snapshot.entry({snapshot.count() - 1});
  return last.log_offset + last.reply_skip + last.reply_octets;
}
}  // namespace

LogCache::~LogCache() {
  clear();
  ensure(open_ == 0);
}

ring::Task<std::expected<LogView, StoreError>> LogCache::view(const std::string& account, const Snapshot& snapshot) {
  CachedLog* log = find(account);
  if (log && ((log->edition != snapshot.edition() && !RINGPOST_MUTANT(compaction_under_reader)) ||
              (log->mapping.address && log->mapping.length < end_of(snapshot)))) {
    drop(account);
    log = nullptr;
  }
  if (!log) {
    auto opened = co_await open(account, snapshot);
    if (!opened) co_return std::unexpected(opened.error());
    drop(account);  // another session of this core may have opened it meanwhile
    log = opened->release();
    ++open_;
    logs_.emplace(log->account, log);
    link(*log);
  }
  co_return lend(*log);
}

ring::Task<std::expected<std::unique_ptr<CachedLog>, StoreError>> LogCache::open(const std::string& account,
                                                                                 const Snapshot& snapshot) {
  auto log = std::make_unique<CachedLog>();
  log->account = account;
  const std::string path = folder_of(account).folder + "/mail";
  Opened opened = co_await disk_.open(path, O_RDONLY);
  if (opened.result == -ENOENT) co_return std::unexpected(StoreError::damaged);
  if (opened.result < 0) co_return std::unexpected(StoreError::temporary);
  log->file = std::move(opened.file);
  // The edition stands in every record's header: that of a record to be sent is the one that matters (M9). Damage may
  // have hit some, so the first that can be read decides.
  std::array<std::byte, record_header_octets_max> header;
  std::optional<Record> record;
  for (std::uint32_t i = 0; i < snapshot.count() && i < headers_asked_max && !record; ++i) {
    const std::uint64_t offset = snapshot.entry({i}).log_offset;
    const std::int64_t octets = co_await disk_.read(log->file.fd(), offset, header);
    if (octets < 0) co_return std::unexpected(StoreError::temporary);
    record = decode_record(Octets(header).first(static_cast<std::size_t>(octets)));
  }
  if (!record || record->edition != snapshot.edition()) co_return std::unexpected(StoreError::damaged);
  log->edition = record->edition;
  log->mapping = disk_.proactor().map(log->file.fd(), std::max(mapping_octets_least, end_of(snapshot) * 4));
  co_return log;
}

LogView LogCache::lend(CachedLog& log) noexcept {
  unlink(log);
  link(log);
  ++log.borrowed;
  trim();
  return {log.file.fd(), log.mapping, &log};
}

void LogCache::release(LogView view) noexcept {
  if (!view.cached) return;
  CachedLog& log = *view.cached;
  ensure(log.borrowed > 0);
  if (--log.borrowed == 0 && log.stale) close(&log);
}

void LogCache::drop(std::string_view account) noexcept {
  CachedLog* log = find(account);
  if (!log) return;
  logs_.erase(log->account);
  unlink(*log);
  log->stale = true;
  if (log->borrowed == 0) close(log);
}

void LogCache::clear() noexcept {
  while (oldest_) drop(oldest_->account);
}

CachedLog* LogCache::find(std::string_view account) noexcept {
  const auto found = logs_.find(account);
  return found == logs_.end() ? nullptr : found->second;
}

void LogCache::link(CachedLog& log) noexcept {
  log.older = newest_;
  log.newer = nullptr;
  (newest_ ? newest_->newer : oldest_) = &log;
  newest_ = &log;
}

void LogCache::unlink(CachedLog& log) noexcept {
  (log.newer ? log.newer->older : newest_) = log.older;
  (log.older ? log.older->newer : oldest_) = log.newer;
  log.newer = log.older = nullptr;
}

void LogCache::close(CachedLog* log) noexcept {
  if (log->mapping.address) disk_.proactor().unmap(log->mapping);
  delete log;
  --open_;
  counters_.files_cached = open_;
}

void LogCache::trim() noexcept {
  counters_.files_cached = open_;
  CachedLog* log = oldest_;
  while (log && open_ > settings_.open_files_max) {
    CachedLog* const next = log->newer;
    if (log->borrowed == 0) drop(std::string(log->account));
    log = next;
  }
}

}  // namespace ringpost::store
