#include "inspection.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unordered_set>

#include <ringpost/store/ledger_format.h>

namespace ringpost::store {

using ring::Awaited;
using ring::OpKind;
using ring::Task;

namespace {

constexpr std::uint64_t direct_alignment = 4096;
constexpr std::size_t direct_window_octets = LogScan::window_octets_max + 2 * direct_alignment;

}  // namespace

Task<std::int64_t> DirectReader::open(const std::string& path) {
  path_ = path;
  if (!window_) window_.reset(static_cast<std::byte*>(std::aligned_alloc(direct_alignment, direct_window_octets)));
  Opened opened = co_await disk_.open(path, O_RDONLY | O_DIRECT);
  direct_ = opened.result != -EINVAL;
  if (!direct_) opened = co_await disk_.open(path, O_RDONLY);
  if (opened.result < 0) co_return opened.result;
  file_ = std::move(opened.file);
  const std::int64_t size = co_await disk_.size(file_.fd());
  co_return size;
}

Task<Octets> DirectReader::read(std::uint64_t offset, std::size_t octets) {
  const std::uint64_t from = offset & ~(direct_alignment - 1);
  const std::size_t wanted = offset + octets - from;
  const std::size_t length = (wanted + direct_alignment - 1) & ~(direct_alignment - 1);
  std::size_t done = 0;
  while (done < wanted) {
    iovec vector{window_.get() + done, length - done};
    Awaited op(disk_.proactor(), OpKind::read);
    op.fd = file_.fd();
    op.vectors = &vector;
    op.vector_count = 1;
    op.offset = from + done;
    const std::int64_t result = co_await op;
    if (result == -EINVAL && direct_) {
      // Opened with it, refused with it: some file systems are like that.
      direct_ = false;
      Opened opened = co_await disk_.open(path_, O_RDONLY);
      if (opened.result >= 0) {
        file_ = std::move(opened.file);
        continue;
      }
    }
    error_ = result == 0 ? -EIO : result;  // the file is shorter than it was
    if (result <= 0) co_return Octets{};
    done += static_cast<std::size_t>(result);  // a short one may end off the alignment: then the cache goes on
  }
  error_ = 0;
  co_return Octets(window_.get() + (offset - from), octets);
}

namespace {

Task<void> inspect_index(const Disk& disk, const std::string& path, Inspection& found) {
  DirectReader reader(disk);
  const std::int64_t size = co_await reader.open(path);
  if (size == -ENOENT) co_return;
  found.has_index = size >= 0;
  if (size < 0) found.report.add({FindingKind::index_unfit, path, 0, 0, {}});
  for (std::uint64_t at = 0; at < static_cast<std::uint64_t>(std::max<std::int64_t>(size, 0));) {
    const auto want = static_cast<std::size_t>(
        std::min<std::uint64_t>(LogScan::window_octets_max, static_cast<std::uint64_t>(size) - at));
    const Octets octets = co_await reader.read(at, want);
    if (octets.empty()) {
      found.report.add({FindingKind::index_unfit, path, at, want, {}});
      break;
    }
    found.index.feed(octets);
    while (const IndexEntry* entry = found.index.next()) found.by_index.take(*entry);
    at += octets.size();
  }
  found.index.finish();
  found.by_index.finish();
}

Task<void> inspect_log(const Disk& disk, const std::string& path, std::uint64_t promised, Inspection& found) {
  DirectReader reader(disk);
  const std::int64_t size = co_await reader.open(path);
  found.report.past_cache = reader.past_cache();
  if (size == -ENOENT) co_return;
  if (size < 0) {
    found.error = size;
    found.report.add({FindingKind::cannot_be_read, path, 0, 0, {}});
    co_return;
  }
  found.log_there = true;
  found.log_octets = static_cast<std::uint64_t>(size);
  ScanStart start;
  start.verify_all = true;
  start.log_octets = promised ? std::min(promised, found.log_octets) : found.log_octets;
  start.promised = promised;
  if (!promised && found.has_index && found.index.entries() > 0) {
    start.promised = found.index.last_record_end();
    start.promised_in = found.index.edition();
  }
  LogScan scan(start, found.listing);
  while (const auto want = scan.want()) {
    const Octets octets = co_await reader.read(want->offset, want->octets);
    if (octets.empty()) {
      found.error = reader.error();
      found.report.add({FindingKind::cannot_be_read, path, want->offset, want->octets, {}});
      co_return;
    }
    scan.feed(octets);
    co_await disk.next_turn();
  }
  found.listing.finish();
  found.summary = scan.summary();
  found.report.log_octets = start.log_octets;
  found.report.past_cache = reader.past_cache();
}

Task<void> inspect_ledger(const Disk& disk, const std::string& path, Inspection& found) {
  DirectReader reader(disk);
  const std::int64_t size = co_await reader.open(path);
  if (size <= 0) co_return;
  LedgerReader ledger;
  for (std::uint64_t at = 0; at < static_cast<std::uint64_t>(size);) {
    const auto want = static_cast<std::size_t>(
        std::min<std::uint64_t>(LogScan::window_octets_max, static_cast<std::uint64_t>(size) - at));
    const Octets octets = co_await reader.read(at, want);
    if (octets.empty()) {
      found.report.add({FindingKind::cannot_be_read, path, at, want, {}});
      found.error = reader.error();
      co_return;
    }
    ledger.feed(octets);
    while (ledger.next()) {
    }
    at += octets.size();
  }
  found.ledger_damaged = ledger.damaged() > 0;
  if (found.ledger_damaged)
    found.report.add({FindingKind::ledger_damage, path, 0, ledger.damaged() * ledger_entry_octets, {}});
}

void judge_log(const std::string& path, Inspection& found) {
  const std::uint64_t all = found.log_octets;
  if (all > 0 && !found.summary.edition && !found.summary.begins_with_magic && !found.summary.begins_with_zeros) {
    found.report.add({FindingKind::log_foreign, path, 0, all, {}});
    found.log_harmed = true;
    return;
  }
  if (found.same_edition() && found.index.last_record_end() > aligned_up(all)) {
    found.report.add({FindingKind::log_cut, path, all, found.index.last_record_end() - all, {}});
    found.log_harmed = true;
  }
  for (const Stretch& stretch : found.listing.damage()) {
    found.report.add({FindingKind::damage, path, stretch.offset, stretch.octets, {}});
    found.log_harmed = true;
  }
  for (const Stretch& stretch : found.listing.skips())
    found.report.add({FindingKind::skip, path, stretch.offset, stretch.octets, {}});
  for (const Stretch& stretch : found.listing.torn())
    found.report.add({FindingKind::torn_tail, path, stretch.offset, stretch.octets, {}});
}

void judge_messages(const std::string& path, Inspection& found) {
  std::unordered_set<std::string_view> uidls;
  for (const ListedMessage& message : found.listing.messages()) {
    if (!message.alive) continue;
    const std::string_view uidl = found.listing.uidl(message);
    ++found.report.messages;
    found.report.octets += message.octets;
    if (!message.readable) {
      found.report.add(
          {FindingKind::unreadable_message, path, message.log_offset, message.record_octets(), std::string(uidl)});
      found.log_harmed = true;
    }
    if (!uidls.insert(uidl).second)
      found.report.add({FindingKind::uidl_twice, path, message.log_offset, message.record_octets(), std::string(uidl)});
  }
}

// The index may lag behind the log, and it may keep entries of what a log that was damaged since no longer tells; that
// damage has its own finding. What both tell of, they tell alike.
bool tells_otherwise(const Listing& log, const Listing& index, bool index_knows_more) {
  auto at = log.messages().begin();
  for (const ListedMessage& indexed : index.messages()) {
    while (at != log.messages().end() && at->log_offset < indexed.log_offset) {
      if (log.damage().empty() && at->alive) return true;  // the index passes over a living one
      ++at;
    }
    if (at == log.messages().end()) return false;
    if (at->log_offset > indexed.log_offset) {
      if (log.damage().empty()) return true;
      continue;
    }
    const bool alike = at->sequence == indexed.sequence && at->octets == indexed.octets &&
                       at->reply_octets == indexed.reply_octets && log.uidl(*at) == index.uidl(indexed);
    const bool revived = at->alive && !indexed.alive && log.damage().empty() && !index_knows_more;
    if (!alike || revived) return true;
    ++at;
  }
  return false;
}

void judge_index(const std::string& path, Inspection& found) {
  if (!found.has_index) return;
  const bool fits = found.index.state() != IndexReader::State::holed && found.same_edition();
  if (!fits) {
    if (found.log_octets > 0 || found.index.entries() > 0)
      found.report.add({FindingKind::index_unfit, path, found.index.valid_octets(), 0, {}});
    return;
  }
  const bool knows_more = found.index.last_record_end() > found.report.log_octets;  // of what came since
  found.index_differs = tells_otherwise(found.listing, found.by_index, knows_more);
  if (found.index_differs) found.report.add({FindingKind::index_differs, path, 0, found.index.valid_octets(), {}});
}

}  // namespace

Task<void> inspect(const Disk& disk, const OpenMaildrop& maildrop, std::uint64_t promised, Inspection& found) {
  Opened folder = co_await disk.open(maildrop.where.folder, O_RDONLY | O_DIRECTORY);
  std::vector<ring::FolderEntry> entries;
  Awaited list(disk.proactor(), OpKind::list_folder);
  list.fd = folder.file.fd();
  list.entries = &entries;
  if (folder.result >= 0) found.error = co_await list;
  if (folder.result < 0) found.error = folder.result;
  if (found.error < 0) {
    found.report.add({FindingKind::cannot_be_read, maildrop.where.folder, 0, 0, {}});
    co_return;
  }
  found.error = 0;
  bool others = false;
  for (const auto& entry : entries) {
    const bool own = entry.name == "mail.new" || entry.name == "index.new" || entry.name == "imported.new";
    others = others || (!own && entry.name != "." && entry.name != "..");
    if (entry.name.starts_with("mail.damaged-") || entry.name.starts_with("imported.damaged-"))
      found.report.add({FindingKind::set_aside, maildrop.path(entry.name), 0, 0, {}});
  }

  const std::string log_path = maildrop.path("mail");
  const std::string index_path = maildrop.path("index");
  const std::string ledger_path = maildrop.path("imported");
  co_await inspect_index(disk, index_path, found);
  co_await inspect_log(disk, log_path, promised, found);
  if (found.error == 0) {
    if (!found.log_there && others) {
      found.report.add({FindingKind::log_missing, log_path, 0, 0, {}});
      found.log_harmed = true;
    }
    judge_log(log_path, found);
    judge_messages(log_path, found);
    judge_index(index_path, found);
  }
  co_await inspect_ledger(disk, ledger_path, found);
}

}  // namespace ringpost::store
