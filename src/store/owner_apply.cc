// What a batch changes once it is durable: summary, counts, index entries.
#include <algorithm>

#include <ringpost/base/mutant.h>

#include "batch.h"
#include "core.h"

namespace ringpost::store {

using ring::Task;

Task<void> Owner::collect_index_entries(OpenMaildrop& maildrop, Batch& batch) {
  std::uint32_t in_this_turn = 0;
  for (const Prepared& record : batch.records) {
    if (record.request->message) {
      append_index_entry(batch.index_entries, maildrop.log.edition, index_add_of(record));
      continue;
    }
    const std::vector<SequenceRun> runs = runs_of(record.request->tombstones);
    for (const SequenceRun& run : runs) {
      append_index_entry(
          batch.index_entries, maildrop.log.edition,
          IndexExpunge{
              .tombstones = record.sequence, .log_offset = record.offset, .record_octets = record.octets, .run = run});
      if (++in_this_turn % entries_a_turn == 0) co_await core_.disk.next_turn();
    }
  }
}

IndexAdd Owner::index_add_of(const Prepared& record) {
  const Incoming& incoming = *record.request->message;
  return {.sequence = record.sequence,
          .log_offset = record.offset,
          .octets = incoming.octets,
          .reply_octets = record.frame.reply_octets,
          .header_part_octets = incoming.header_octets,
          .flags = incoming.flags,
          .source = incoming.source,
          .uidl = record.uidl};
}

std::vector<SequenceRun> Owner::runs_of(std::span<const Sequence> sequences) {
  std::vector<SequenceRun> runs;
  for (Sequence sequence : sequences) {
    if (!runs.empty() && runs.back().end() == sequence.value)
      ++runs.back().count;
    else
      runs.push_back({sequence.value, 1});
  }
  return runs;
}

// Durable now; large deletions are told to the summary over several turns, in which nobody else writes there.
Task<void> Owner::apply(OpenMaildrop& maildrop, Batch& batch) {
  if (batch.records.empty()) co_return;
  maildrop.log.end = maildrop.log.synced = batch.end;
  maildrop.log.last_page.clear();
  maildrop.log.index_behind = true;
  if (!RINGPOST_MUTANT(index_before_record_sync)) co_await collect_index_entries(maildrop, batch);
  for (Prepared& record : batch.records) {
    if (record.request->message)
      apply_message(maildrop, record);
    else
      co_await apply_tombstones(maildrop, record.request->tombstones);
  }
}

void Owner::apply_message(OpenMaildrop& maildrop, const Prepared& record) {
  const Incoming& incoming = *record.request->message;
  maildrop.summary.add({.sequence = record.sequence,
                        .log_offset = record.offset,
                        .octets = incoming.octets,
                        .reply_octets = record.frame.reply_octets,
                        .reply_skip = record.frame.reply_skip,
                        .header_octets = incoming.header_octets,
                        .uidl = record.uidl});
  maildrop.log.record_octets_alive += record.octets;
  if (maildrop.imports) {
    if (incoming.source != SourceId{}) maildrop.imports->sources.insert(incoming.source.id);
    maildrop.imports->uidls.insert(name_hash(record.uidl));
  }
  ++core_.counters.appends;
  ++core_.counters.summary_messages;
}

Task<void> Owner::apply_tombstones(OpenMaildrop& maildrop, std::span<const Sequence> sequences) {
  std::vector<std::uint32_t> indices;
  indices.reserve(sequences.size());
  std::uint32_t in_this_turn = 0;
  for (Sequence sequence : sequences) {
    if (++in_this_turn % entries_a_turn == 0) co_await core_.disk.next_turn();
    // Neighbours mostly go together: all of a large maildrop in one QUIT costs no search for each.
    const std::uint32_t next = indices.empty() ? 0 : indices.back() + 1;
    const bool is_next = next < maildrop.summary.count() && maildrop.summary.entry(next).sequence == sequence;
    const std::uint32_t index = is_next ? next : maildrop.summary.find(sequence);
    if (index == maildrop.summary.count()) continue;
    const MessageEntry gone = maildrop.summary.entry(index);
    maildrop.log.record_octets_alive -= aligned_up(gone.reply_skip + gone.reply_octets);
    indices.push_back(index);
  }
  // From behind: what stands before keeps its index.
  for (std::span<const std::uint32_t> left = indices; !left.empty();) {
    const std::size_t some = std::min<std::size_t>(left.size(), entries_a_turn);
    maildrop.summary.remove(left.last(some));
    left = left.first(left.size() - some);
    if (!left.empty()) co_await core_.disk.next_turn();
  }
  core_.counters.messages_deleted += indices.size();
  core_.counters.summary_messages -= indices.size();
}

}  // namespace ringpost::store
