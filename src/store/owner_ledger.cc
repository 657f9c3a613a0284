// What an import must know: ids and UIDLs of everything that ever came, in log and ledger (M16, M17).
#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include <ringpost/base/mutant.h>
#include <ringpost/store/ledger_format.h>

#include "core.h"

namespace ringpost::store {

using ring::Task;

namespace {

constexpr std::size_t ledger_octets_a_sync = 4 << 20;  // a write of all of a million's entries would take the core

// The store's own UIDLs need no ledger: a hundred random bits come once.
bool looks_random(std::string_view uidl) noexcept {
  return uidl.size() == 20 &&
         std::all_of(uidl.begin(), uidl.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7'); });
}

}  // namespace

// Of the whole log, dead messages too.
Task<std::int64_t> Owner::read_listing(OpenMaildrop& maildrop, Listing& listing) {
  if (maildrop.log.end == 0) {
    listing.finish();
    co_return 0;
  }
  if (maildrop.log.index_whole && !maildrop.log.index_behind) {
    IndexReader reader;
    const std::int64_t octets = co_await read_index(maildrop, reader, &listing);
    const bool fits = octets >= 0 && reader.state() == IndexReader::State::good &&
                      static_cast<std::uint64_t>(octets) == maildrop.log.index_end;
    if (fits) {
      listing.finish();
      co_return 0;
    }
    maildrop.log.index_whole = false;
    listing = {};
  }
  const std::string path = maildrop.path("mail");
  Opened log = co_await core_.disk.open(path, O_RDONLY);
  if (log.result < 0) co_return log.result;
  ScanStart start;
  start.log_octets = start.promised = maildrop.log.end;
  start.edition = maildrop.log.edition;
  LogScan log_scan(start, listing);
  const std::int64_t result = co_await scan(log.file.fd(), log_scan);
  if (result < 0) co_return result;
  listing.finish();
  co_return 0;
}

Task<std::int64_t> Owner::read_ledger(OpenMaildrop& maildrop, ImportMemory& memory) {
  const std::string path = maildrop.path("imported");
  Opened opened = co_await core_.disk.open(path, O_RDWR);
  if (opened.result == -ENOENT) co_return 0;
  if (opened.result < 0) co_return opened.result;
  if (!maildrop.ledger_page.empty()) {
    // A failed sync may have lost what stood in front of the failed entries (M17).
    const std::int64_t written =
        co_await core_.disk.write(opened.file.fd(), maildrop.ledger_page_at, octets_of(maildrop.ledger_page));
    if (written < 0) co_return written;
  }
  LedgerReader reader;
  std::vector<std::byte> window(window_octets);
  std::uint64_t offset = 0;
  while (true) {
    const std::int64_t octets = co_await core_.disk.read(opened.file.fd(), offset, window);
    if (octets < 0) co_return octets;
    if (octets == 0) break;
    reader.feed(Octets(window).first(static_cast<std::size_t>(octets)));
    while (const auto entry = reader.next()) {
      if (entry->source != SourceId{}) memory.sources.insert(entry->source.id);
      memory.uidls.insert(name_hash(entry->uidl));
    }
    offset += static_cast<std::uint64_t>(octets);
  }
  memory.ledger_end = reader.valid_octets();
  if (reader.damaged() > 0)
    core_.log.write(LogLevel::error, "store_damage",
                    {{"account", maildrop.account}, {"file", path}, {"entries", reader.damaged()}});
  co_return 0;
}

Task<std::int64_t> Owner::load_imports(OpenMaildrop& maildrop) {
  auto memory = std::make_unique<ImportMemory>();
  std::int64_t result = co_await read_ledger(maildrop, *memory);
  if (result < 0) co_return result;
  Listing listing;
  result = co_await read_listing(maildrop, listing);
  if (result < 0) co_return result;
  std::uint32_t in_this_turn = 0;
  for (const ListedMessage& message : listing.messages()) {
    if (message.source != SourceId{}) memory->sources.insert(message.source.id);
    memory->uidls.insert(name_hash(listing.uidl(message)));
    if (++in_this_turn % entries_a_turn == 0) co_await core_.disk.next_turn();
  }
  maildrop.imports = std::move(memory);
  co_return 0;
}

// Synced before the records of what is dead are dropped.
Task<std::int64_t> Owner::bring_ledger_up_to_date(OpenMaildrop& maildrop, const Listing& listing) {
  const auto must_be_kept = [&](const ListedMessage& message) {
    return !message.alive && (message.source != SourceId{} || !looks_random(listing.uidl(message)));
  };
  const auto& messages = listing.messages();
  std::size_t at = 0;
  while (at < messages.size() && !must_be_kept(messages[at]))
    if (++at % entries_a_turn == 0) co_await core_.disk.next_turn();
  if (at == messages.size() && maildrop.ledger_page.empty()) co_return 0;
  ImportMemory known;
  std::int64_t result = co_await read_ledger(maildrop, known);
  if (result < 0) co_return result;
  bool anew = maildrop.log.names_in_doubt && known.ledger_end > 0;
  const bool sure = (maildrop.ledger_sure && !maildrop.log.names_in_doubt) || known.ledger_end == 0;
  bool must = !sure || !maildrop.ledger_page.empty();
  std::string entries;
  while (true) {
    entries.clear();
    while (at < messages.size() && entries.size() < ledger_octets_a_sync) {
      const ListedMessage& message = messages[at];
      const bool there = message.source != SourceId{} ? known.sources.contains(message.source.id)
                                                      : known.uidls.contains(name_hash(listing.uidl(message)));
      if (must_be_kept(message) && !there)
        append_ledger_entry(entries, LedgerEntry{.source = message.source, .uidl = listing.uidl(message)});
      if (++at % entries_a_turn == 0) co_await core_.disk.next_turn();
    }
    if (entries.empty() && !must) co_return 0;
    if (anew)
      result = co_await name_ledger_anew(maildrop, known.ledger_end, entries);
    else
      result = co_await append_to_ledger(maildrop, known.ledger_end, entries);
    if (result < 0) co_return result;
    known.ledger_end += entries.size();
    anew = must = false;
  }
}

// A sync of the folder failed, and the ledger's name may be what it lost (M5).
Task<std::int64_t> Owner::name_ledger_anew(OpenMaildrop& maildrop, std::uint64_t end, const std::string& entries) {
  const std::string path = maildrop.path("imported");
  const std::string new_path = maildrop.path("imported.new");
  Opened from = co_await core_.disk.open(path, O_RDONLY);
  if (from.result < 0) co_return from.result;
  Opened to = co_await core_.disk.open(new_path, O_WRONLY | O_CREAT | O_TRUNC);
  if (to.result < 0) co_return to.result;
  std::int64_t result = co_await copy_ledger(from.file.fd(), to.file.fd(), end);
  if (result >= 0) result = co_await write_at_need(to.file.fd(), end, octets_of(entries));
  if (result >= 0) result = co_await core_.disk.sync(to.file.fd());
  if (result >= 0) result = co_await core_.disk.rename(new_path, path);
  if (result >= 0) result = co_await core_.disk.sync_folder(maildrop.where.folder);
  if (result < 0) {
    ++core_.counters.failed_syncs;
    (void)co_await core_.disk.unlink(new_path);
    co_return result;
  }
  ++core_.counters.syncs;
  maildrop.ledger_page.clear();
  maildrop.ledger_sure = true;
  co_return 0;
}

// What an earlier process wrote may be in the page cache only, behind a failed sync: in place, unchanged (as M8).
Task<std::int64_t> Owner::write_ledger_again(ring::Descriptor ledger, std::uint64_t end) {
  RINGPOST_MARK("an earlier process's ledger is written again");
  const std::int64_t result = co_await copy_ledger(ledger, ledger, end);
  co_return result;
}

Task<std::int64_t> Owner::copy_ledger(ring::Descriptor from, ring::Descriptor to, std::uint64_t end) {
  std::vector<std::byte> window(std::min<std::uint64_t>(window_octets, end));
  for (std::uint64_t offset = 0; offset < end;) {
    const MutableOctets part = MutableOctets(window).first(std::min<std::uint64_t>(window.size(), end - offset));
    std::int64_t octets = co_await core_.disk.read(from, offset, part);
    if (octets == 0) octets = -EIO;
    if (octets < 0) co_return octets;
    const auto read = static_cast<std::size_t>(octets);
    octets = co_await write_at_need(to, offset, part.first(read));
    if (octets < 0) co_return octets;
    offset += read;
  }
  co_return 0;
}

Task<std::int64_t> Owner::append_to_ledger(OpenMaildrop& maildrop, std::uint64_t end, const std::string& entries) {
  const std::string path = maildrop.path("imported");
  Opened opened = co_await core_.disk.open(path, O_RDWR);
  const bool made = opened.result == -ENOENT;
  if (made) opened = co_await core_.disk.open(path, O_RDWR | O_CREAT);
  if (opened.result < 0) co_return opened.result;
  std::string page(end - page_of(end), '\0');
  const MutableOctets into{reinterpret_cast<std::byte*>(page.data()), page.size()};
  std::int64_t result = co_await core_.disk.read(opened.file.fd(), page_of(end), into);
  if (result >= 0 && static_cast<std::size_t>(result) != page.size()) result = -EIO;
  if (result < 0) co_return result;  // nothing was written, and what the page holds is not known
  if (!maildrop.ledger_sure) result = co_await write_ledger_again(opened.file.fd(), end);
  if (result >= 0) result = co_await write_at_need(opened.file.fd(), end, octets_of(entries));
  if (result >= 0) result = co_await core_.disk.sync(opened.file.fd());
  if (made) {
    if (result >= 0) result = co_await core_.disk.sync_folder(maildrop.where.folder);
    if (result < 0) {
      // Its name may be lost: made anew by the next try.
      const std::int64_t gone = co_await core_.disk.unlink(path);
      if (gone < 0) maildrop.log.names_in_doubt = true;
      co_return result;
    }
  }
  if (result < 0) {
    ++core_.counters.failed_syncs;
    maildrop.ledger_sure = false;
    maildrop.ledger_page = page;
    maildrop.ledger_page_at = page_of(end);
    co_return result;
  }
  ++core_.counters.syncs;
  maildrop.ledger_page.clear();
  maildrop.ledger_sure = true;
  co_return 0;
}

}  // namespace ringpost::store
