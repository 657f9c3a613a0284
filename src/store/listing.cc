#include <algorithm>

#include <ringpost/store/listing.h>

namespace ringpost::store {
namespace {

bool begins_in(const Stretch& stretch, std::uint64_t offset) noexcept {
  return offset >= stretch.offset && offset < stretch.end();
}

// `stretches` without what `hole` covers.
void cut_out(std::vector<Stretch>& stretches, const Stretch& hole) {
  std::vector<Stretch> left;
  for (const Stretch& stretch : stretches) {
    const std::uint64_t before_end = std::min(stretch.end(), hole.offset);
    const std::uint64_t behind = std::max(stretch.offset, hole.end());
    if (before_end > stretch.offset) left.push_back({stretch.offset, before_end - stretch.offset});
    if (behind < stretch.end()) left.push_back({behind, stretch.end() - behind});
  }
  stretches = std::move(left);
}

template <typename List, typename Offset>
void drop_behind(List& listed, std::uint64_t offset, Offset offset_of) {
  while (!listed.empty() && offset_of(listed.back()) >= offset) listed.pop_back();
}

}  // namespace

void Listing::put(ListedMessage message, std::string_view uidl) {
  // The scan begins at the record that the index named last.
  if (!messages_.empty() && messages_.back().log_offset >= message.log_offset) return;
  message.uidl_at = static_cast<std::uint32_t>(text_.size());
  message.uidl_octets = static_cast<std::uint8_t>(uidl.size());
  text_.insert(text_.end(), uidl.begin(), uidl.end());
  messages_.push_back(message);
}

ListedTombstones& Listing::tombstones_at(std::uint64_t offset, Sequence sequence, std::uint64_t record_octets) {
  if (tombstones_.empty() || tombstones_.back().log_offset != offset)
    tombstones_.push_back({sequence, offset, record_octets, {}});
  return tombstones_.back();
}

void Listing::take(const IndexEntry& entry) {
  if (entry.kind == IndexEntryKind::expunge) {
    const auto& expunge = entry.expunge;
    tombstones_at(expunge.log_offset, expunge.tombstones, expunge.record_octets).runs.push_back(expunge.run);
    return;
  }
  const auto& add = entry.add;
  ListedMessage message;
  message.sequence = add.sequence;
  message.log_offset = add.log_offset;
  message.octets = add.octets;
  message.reply_octets = add.reply_octets;
  message.source = add.source;
  message.header_part_octets = add.header_part_octets;
  message.flags = add.flags;
  put(message, add.uidl);
}

void Listing::message(std::uint64_t offset, const Record& record, bool readable) {
  ListedMessage message;
  message.sequence = record.sequence;
  message.log_offset = offset;
  message.octets = record.octets;
  message.reply_octets = record.payload_octets;
  message.source = record.source;
  message.header_part_octets = record.header_part_octets;
  message.flags = record.flags;
  message.readable = readable;
  put(message, record.uidl);
}

void Listing::tombstones(std::uint64_t offset, const Record& record, Octets payload) {
  auto& listed = tombstones_at(offset, record.sequence, record.record_octets());
  listed.runs.clear();  // an index may have named only some of them
  TombstoneRuns runs{payload};
  while (auto run = runs.next()) listed.runs.push_back(*run);
}

void Listing::skip(std::uint64_t offset, const Record& record) {
  if (record.from < record.to) skip_records_.push_back({offset, {record.from, record.to - record.from}});
}

void Listing::invalid(Stretch stretch, bool damage) {
  (damage ? damage_ : torn_).push_back(stretch);
}

void Listing::forget_from(std::uint64_t offset) {
  drop_behind(messages_, offset, [](const ListedMessage& message) { return message.log_offset; });
  drop_behind(tombstones_, offset, [](const ListedTombstones& record) { return record.log_offset; });
  drop_behind(skip_records_, offset, [](const Skip& skip) { return skip.record_offset; });
  drop_behind(damage_, offset, [](const Stretch& stretch) { return stretch.offset; });
  drop_behind(torn_, offset, [](const Stretch& stretch) { return stretch.offset; });
  if (!messages_.empty()) text_.resize(messages_.back().uidl_at + messages_.back().uidl_octets);
}

void Listing::withdraw(const Stretch& stretch) {
  std::erase_if(messages_, [&](const ListedMessage& message) { return begins_in(stretch, message.log_offset); });
  std::erase_if(tombstones_, [&](const ListedTombstones& record) { return begins_in(stretch, record.log_offset); });
  cut_out(damage_, stretch);
}

void Listing::bury(const SequenceRun& run) {
  auto at = std::lower_bound(messages_.begin(), messages_.end(), run.first,
                             [](const ListedMessage& m, std::uint64_t s) { return m.sequence.value < s; });
  for (; at != messages_.end() && at->sequence.value < run.end(); ++at) at->alive = false;
}

void Listing::finish() {
  for (const Skip& skip : skip_records_) {
    skips_.push_back(skip.what);
    withdraw(skip.what);
  }
  for (const ListedTombstones& record : tombstones_)
    for (const SequenceRun& run : record.runs) bury(run);
  count_alive();
}

void Listing::bury_too(const SequenceRun& run) {
  bury(run);
  count_alive();
}

std::uint64_t Listing::give_up_unreadable() {
  std::uint64_t given_up = 0;
  for (ListedMessage& message : messages_) {
    if (!message.alive || message.readable) continue;
    message.alive = false;
    ++given_up;
  }
  count_alive();
  return given_up;
}

void Listing::count_alive() {
  alive_ = octets_alive_ = log_octets_alive_ = 0;
  for (const ListedMessage& message : messages_) {
    if (!message.alive) continue;
    ++alive_;
    octets_alive_ += message.octets;
    log_octets_alive_ += message.record_octets();
  }
}

}  // namespace ringpost::store
