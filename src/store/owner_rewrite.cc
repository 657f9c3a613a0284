// Compaction: what lives goes into a new file, sealed before it takes the old one's name (M9).
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>

#include <ringpost/base/crc32c.h>
#include <ringpost/base/mutant.h>

#include "core.h"
#include "rewrite.h"

namespace ringpost::store {

using ring::Task;

namespace {

constexpr int draws_for_compaction_max = 64;  // what fits into the reserve gives more back than it takes (M11)

// What was read may end within the zeros that fill up the log's last record: a crash can leave a size without them.
std::int64_t filled_up(MutableOctets octets, std::int64_t read) {
  const MutableOctets missing = octets.subspan(static_cast<std::size_t>(read));
  if (missing.size() >= record_alignment) return -EIO;
  std::fill(missing.begin(), missing.end(), std::byte{0});
  return 0;
}

// The record at octets[0], made one of another edition. Sequence, times, ids, UIDL and the reply's CRC stay.
bool renew_header(MutableOctets octets, Sequence sequence, const Edition& edition) {
  const auto record = decode_record(octets);
  if (!record || record->kind != RecordKind::message || record->sequence != sequence) return false;
  RecordHeader header;
  std::memcpy(&header, octets.data(), sizeof header);
  header.edition = edition.id.octets;
  header.synced = 0;
  std::memcpy(octets.data(), &header, sizeof header);
  constexpr std::size_t crc_at = offsetof(RecordHeader, header_crc32c);
  const Octets rest = Octets(octets).subspan(crc_at + 4, record->header_octets - crc_at - 4);
  header.header_crc32c = crc32c(rest, crc32c(Octets(octets).first(crc_at)));
  std::memcpy(octets.data() + crc_at, &header.header_crc32c, 4);
  return true;
}

}  // namespace

// A login ends it, until the rename. One that must be (M5) goes through.
bool Owner::gives_up(const OpenMaildrop& maildrop, const Rewrite& rewrite) const noexcept {
  return core_.draining || (rewrite.what_for == RewriteFor::space && maildrop.wanted > 0);
}

// Nobody holds or reads the maildrop, and nobody comes in before this is over. Error in_use: gave up for a login.
Task<Done> Owner::rewrite(OpenMaildrop& maildrop, RewriteFor what_for) {
  Rewrite work{.what_for = what_for};
  std::int64_t result = co_await rewrite_to_new_file(maildrop, work);
  if (what_for != RewriteFor::writer) let_appends_go(maildrop);
  if (result >= 0) {
    ++core_.counters.compactions;
    if (maildrop.log.names_in_doubt) co_return std::unexpected(StoreError::temporary);
    co_return Done{};
  }
  work.to.close();
  work.index.close();
  for (const char* name : {"mail.new", "index.new"}) {
    const std::string path = maildrop.path(name);
    (void)co_await core_.disk.unlink(path);
  }
  if (result != -ECANCELED)
    core_.log.write(LogLevel::error, "store_compaction_failed", {{"account", maildrop.account}, {"error", -result}});
  co_return std::unexpected(result == -ECANCELED ? StoreError::in_use : StoreError::temporary);
}

Task<std::int64_t> Owner::rewrite_to_new_file(OpenMaildrop& maildrop, Rewrite& work) {
  auto listing = std::make_unique<Listing>();
  work.copied_to = maildrop.log.end;
  std::int64_t result = co_await read_listing(maildrop, *listing);
  if (result >= 0 && !RINGPOST_MUTANT(ledger_after_record_gone))
    result = co_await bring_ledger_up_to_date(maildrop, *listing);
  if (result < 0) co_return result;

  core_.proactor.fill_random(work.edition.id.octets);
  const std::string old_path = maildrop.path("mail");
  const std::string new_path = maildrop.path("mail.new");
  const std::string index_path = maildrop.path("index.new");
  Opened opened = co_await core_.disk.open(old_path, O_RDONLY);
  if (opened.result < 0) co_return opened.result;
  work.from = std::move(opened.file);
  opened = co_await core_.disk.open(new_path, O_RDWR | O_CREAT | O_TRUNC);
  if (opened.result < 0) co_return opened.result;
  work.to = std::move(opened.file);
  opened = co_await core_.disk.open(index_path, O_WRONLY | O_CREAT | O_TRUNC);
  if (opened.result < 0) co_return opened.result;
  work.index = std::move(opened.file);
  work.index_entries = encode_index_header(work.edition);
  work.window.resize(window_octets);

  result = co_await copy_living(maildrop, work, *listing);
  if (result >= 0) result = co_await core_.disk.sync(work.to.fd());  // most of it, while appends go on
  if (result < 0) co_return result;
  const bool holds = work.what_for != RewriteFor::writer && !RINGPOST_MUTANT(append_into_replaced_file);
  if (holds) co_await hold_appends(maildrop);
  if (maildrop.log.failed) co_return -EIO;  // its skip comes first
  if (!RINGPOST_MUTANT(append_into_replaced_file)) {
    result = co_await carry_over(maildrop, work);
    if (result < 0) co_return result;
  }
  if (maildrop.log.damaged) {
    std::string aside;
    result = co_await set_aside(maildrop, "mail", maildrop.log.edition, aside);
    if (result < 0) co_return result;
    core_.log.write(LogLevel::warning, "store_set_aside", {{"account", maildrop.account}, {"file", aside}});
  }
  result = co_await seal_and_rename(maildrop, work);
  if (result >= 0 && RINGPOST_MUTANT(ledger_after_record_gone))
    (void)co_await bring_ledger_up_to_date(maildrop, *listing);
  co_return result;
}

Task<std::int64_t> Owner::copy_living(OpenMaildrop& maildrop, Rewrite& work, const Listing& listing) {
  const auto& messages = listing.messages();
  std::vector<Octets> pieces;
  std::size_t at = 0;
  while (at < messages.size()) {
    if (gives_up(maildrop, work)) {
      RINGPOST_MARK("a login abandons a compaction");
      co_return -ECANCELED;
    }
    const ListedMessage& first = messages[at];
    std::int64_t result = 0;
    if (!first.alive || first.log_offset >= work.copied_to) {
      ++at;
      continue;
    }
    if (first.record_octets() > work.window.size()) {
      result = co_await copy_large(work, first);
      if (result < 0) co_return result;
      note_copied(work, listing, first, work.end - first.record_octets());
      ++at;
    } else {
      // As many as one window holds: read together, written together without the dead between them.
      std::size_t behind = at;
      std::uint64_t span = 0;
      while (behind < messages.size() && messages[behind].log_offset < work.copied_to) {
        const std::uint64_t reach = messages[behind].log_offset + messages[behind].record_octets() - first.log_offset;
        if (reach > work.window.size()) break;
        if (messages[behind].alive) span = reach;
        ++behind;
      }
      result = co_await core_.disk.read(work.from.fd(), first.log_offset, MutableOctets(work.window).first(span));
      if (result >= 0) result = filled_up(MutableOctets(work.window).first(span), result);
      if (result < 0) co_return result;
      pieces.clear();
      const std::uint64_t begin = work.end;
      for (; at < behind; ++at) {
        const ListedMessage& message = messages[at];
        if (!message.alive) continue;
        const MutableOctets record =
            MutableOctets(work.window).subspan(message.log_offset - first.log_offset, message.record_octets());
        if (!renew_header(record, message.sequence, work.edition)) co_return -EBADMSG;
        pieces.push_back(record);
        note_copied(work, listing, message, work.end);
        work.end += record.size();
      }
      result = co_await write_for_rewrite(work.to.fd(), begin, pieces);
      if (result < 0) co_return result;
    }
    if (work.index_entries.size() >= window_octets) {
      result = co_await flush_new_index(work);
      if (result < 0) co_return result;
    }
  }
  co_return 0;
}

Task<std::int64_t> Owner::copy_large(Rewrite& work, const ListedMessage& message) {
  std::vector<Octets> pieces(1);
  for (std::uint64_t at = 0; at < message.record_octets(); at += work.window.size()) {
    const MutableOctets part =
        MutableOctets(work.window).first(std::min<std::uint64_t>(work.window.size(), message.record_octets() - at));
    std::int64_t result = co_await core_.disk.read(work.from.fd(), message.log_offset + at, part);
    if (result >= 0) result = filled_up(part, result);
    if (result < 0) co_return result;
    if (at == 0 && !renew_header(part, message.sequence, work.edition)) co_return -EBADMSG;
    pieces[0] = part;
    result = co_await write_for_rewrite(work.to.fd(), work.end + at, pieces);
    if (result < 0) co_return result;
  }
  work.end += message.record_octets();
  co_return 0;
}

Task<std::int64_t> Owner::write_for_rewrite(ring::Descriptor fd, std::uint64_t offset,
                                            const std::vector<Octets>& pieces) {
  std::int64_t result = co_await core_.disk.write(fd, offset, pieces);
  for (int draws = 0; result == -ENOSPC && draws < draws_for_compaction_max; ++draws) {
    const bool drawn = co_await core_.reserve.draw();
    if (!drawn) break;
    result = co_await core_.disk.write(fd, offset, pieces);
  }
  co_return result;
}

void Owner::note_copied(Rewrite& work, const Listing& listing, const ListedMessage& message, std::uint64_t offset) {
  work.summary.add({.sequence = message.sequence,
                    .log_offset = offset,
                    .octets = message.octets,
                    .reply_octets = message.reply_octets,
                    .reply_skip = message.reply_skip(),
                    .header_octets = message.header_part_octets,
                    .unreadable = !message.readable,
                    .uidl = listing.uidl(message)});
  work.record_octets_alive += message.record_octets();
  append_index_entry(work.index_entries, work.edition,
                     IndexAdd{.sequence = message.sequence,
                              .log_offset = offset,
                              .octets = message.octets,
                              .reply_octets = message.reply_octets,
                              .header_part_octets = message.header_part_octets,
                              .flags = message.flags,
                              .source = message.source,
                              .uidl = listing.uidl(message)});
}

Task<std::int64_t> Owner::flush_new_index(Rewrite& work) {
  const std::int64_t result = co_await core_.disk.write(work.index.fd(), work.index_end, octets_of(work.index_entries));
  work.index_end += work.index_entries.size();
  work.index_entries.clear();
  co_return result;
}

// What came while the rest was copied. Appends are held.
Task<std::int64_t> Owner::carry_over(OpenMaildrop& maildrop, Rewrite& work) {
  if (maildrop.log.end == work.copied_to) co_return 0;
  Listing came;
  ScanStart start;
  start.log_octets = start.promised = maildrop.log.end;
  start.from = work.copied_to;
  start.edition = maildrop.log.edition;
  LogScan log_scan(start, came);
  std::int64_t result = co_await scan(work.from.fd(), log_scan);
  if (result < 0) co_return result;
  came.finish();
  RINGPOST_MARK("compaction carries over what came meanwhile");
  work.copied_to = maildrop.log.end;
  result = co_await copy_living(maildrop, work, came);
  if (result >= 0) result = co_await core_.disk.sync(work.to.fd());
  co_return result;
}

Task<std::int64_t> Owner::seal_and_rename(OpenMaildrop& maildrop, Rewrite& work) {
  std::int64_t result = co_await flush_new_index(work);
  if (!RINGPOST_MUTANT(compacted_file_not_sealed)) {
    // The seal says that all before it was promised: damage there is never taken for a torn tail.
    const std::string seal = encode_skip(work.edition, {maildrop.log.next_sequence++}, work.end, work.end, work.end);
    if (result >= 0) result = co_await write_at_need(work.to.fd(), work.end, octets_of(seal));
    if (result >= 0) result = co_await core_.disk.sync(work.to.fd());
    work.end += seal.size();
  }
  if (result < 0) co_return result;
  if (gives_up(maildrop, work)) co_return -ECANCELED;
  const std::string old_path = maildrop.path("mail");
  const std::string new_path = maildrop.path("mail.new");
  result = co_await core_.disk.rename(new_path, old_path);
  if (result < 0) co_return result;
  maildrop.summary = std::move(work.summary);
  maildrop.log.edition = work.edition;
  maildrop.log.end = maildrop.log.synced = work.end;
  maildrop.log.record_octets_alive = work.record_octets_alive;
  maildrop.log.index_whole = false;
  maildrop.log.damaged = false;
  maildrop.log.names_in_doubt = false;
  (void)co_await sync_names(maildrop);
  co_await drop_cached_logs(maildrop);
  const std::string index_path = maildrop.path("index");
  const std::string new_index_path = maildrop.path("index.new");
  result = co_await core_.disk.rename(new_index_path, index_path);
  maildrop.log.index_whole = result >= 0;
  maildrop.log.index_end = result >= 0 ? work.index_end : 0;
  co_return 0;
}

}  // namespace ringpost::store
