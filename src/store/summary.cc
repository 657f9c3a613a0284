#include "summary.h"

#include <algorithm>
#include <cstring>

#include <ringpost/base/ensure.h>

namespace ringpost::store {
namespace {

constexpr std::uint32_t first_capacity = 16;

std::uint32_t digits_of(std::uint64_t value) noexcept {
  std::uint32_t digits = 1;
  for (; value >= 10; value /= 10) ++digits;
  return digits;
}

}  // namespace

void Chunk::add(const MessageEntry& entry) {
  ensure(used_ < capacity_ && entry.uidl.size() <= uidl_characters_max && entry.reply_skip <= 0xffff);
  PackedEntry& packed = entries_[used_];
  packed.sequence = entry.sequence.value;
  packed.log_offset = entry.log_offset;
  packed.octets = entry.octets;
  packed.reply_octets = entry.reply_octets;
  packed.header_octets = entry.header_octets;
  packed.reply_skip = static_cast<std::uint16_t>(entry.reply_skip);
  packed.unreadable = entry.unreadable;
  packed.uidl_characters = static_cast<std::uint8_t>(entry.uidl.size());
  if (entry.uidl.size() <= sizeof packed.uidl) {
    std::memcpy(packed.uidl, entry.uidl.data(), entry.uidl.size());
  } else {
    far_uidls_.push_back(std::make_unique<char[]>(entry.uidl.size()));
    char* copy = far_uidls_.back().get();
    std::memcpy(copy, entry.uidl.data(), entry.uidl.size());
    std::memcpy(packed.uidl, &copy, sizeof copy);
    far_octets_ += entry.uidl.size() + sizeof copy;
  }
  ++used_;
}

MessageEntry unpacked(const PackedEntry& packed) noexcept {
  const char* uidl = packed.uidl;
  if (packed.uidl_characters > sizeof packed.uidl) std::memcpy(&uidl, packed.uidl, sizeof uidl);
  return {.sequence = {packed.sequence},
          .log_offset = packed.log_offset,
          .octets = packed.octets,
          .reply_octets = packed.reply_octets,
          .reply_skip = packed.reply_skip,
          .header_octets = packed.header_octets,
          .status_line_octets = 13 + digits_of(packed.octets),  // "+OK ", " octets", CRLF
          .unreadable = packed.unreadable != 0,
          .uidl = {uidl, packed.uidl_characters}};
}

const PackedEntry& SummaryChunks::at(std::uint32_t index) const noexcept {
  // Right at once unless something was deleted in a large maildrop: all chunks but the last are full.
  std::size_t chunk = index / Chunk::entries_max;
  if (chunk >= starts.size() || starts[chunk] != chunk * Chunk::entries_max ||
      (chunk + 1 < starts.size() && starts[chunk + 1] <= index)) {
    auto after = std::upper_bound(starts.begin(), starts.end(), index);
    chunk = static_cast<std::size_t>(after - starts.begin()) - 1;
  }
  return (*chunks[chunk])[index - starts[chunk]];
}

Summary::Summary() : list_(std::make_shared<SummaryChunks>()) {}

std::uint32_t Summary::find(Sequence sequence) const noexcept {
  std::uint32_t low = 0;
  std::uint32_t high = count_;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (list_->at(middle).sequence < sequence.value)
      low = middle + 1;
    else
      high = middle;
  }
  return low < count_ && list_->at(low).sequence == sequence.value ? low : count_;
}

bool Summary::has_uidl(std::string_view uidl) const noexcept {
  for (const auto& chunk : list_->chunks)
    for (std::uint32_t i = 0; i < chunk->used(); ++i)
      if (unpacked((*chunk)[i]).uidl == uidl) return true;
  return false;
}

void Summary::own_list() {
  if (list_.use_count() > 1) list_ = std::make_shared<SummaryChunks>(*list_);
}

// A small maildrop has one chunk that is replaced by a larger one as it grows; a lent one stays with its readers.
void Summary::make_room() {
  if (!list_->chunks.empty()) {
    const Chunk& last = *list_->chunks.back();
    if (last.used() < last.capacity()) return;
    if (last.capacity() < Chunk::entries_max) {
      auto larger = std::make_shared<Chunk>(std::min(last.capacity() * 2, Chunk::entries_max));
      for (std::uint32_t i = 0; i < last.used(); ++i) larger->add(unpacked(last[i]));
      memory_ += larger->octets() - last.octets();
      own_list();
      list_->chunks.back() = std::move(larger);
      return;
    }
  }
  own_list();
  const std::uint32_t capacity = list_->chunks.empty() ? first_capacity : Chunk::entries_max;
  list_->chunks.push_back(std::make_shared<Chunk>(capacity));
  list_->starts.push_back(count_);
  memory_ += list_->chunks.back()->octets();
}

void Summary::add(const MessageEntry& entry) {
  make_room();
  Chunk& last = *list_->chunks.back();
  memory_ -= last.octets();
  last.add(entry);
  memory_ += last.octets();
  ++count_;
  octets_in_all_ += entry.octets;
}

void Summary::remove(std::span<const std::uint32_t> indices) {
  if (indices.empty()) return;
  auto next = std::make_shared<SummaryChunks>();
  std::size_t gone = 0;
  count_ = 0;
  memory_ = 0;
  for (std::size_t c = 0; c < list_->chunks.size(); ++c) {
    std::shared_ptr<Chunk> chunk = list_->chunks[c];
    const std::uint32_t start = list_->starts[c];
    if (gone < indices.size() && indices[gone] < start + chunk->used()) {
      std::vector<const PackedEntry*> kept;
      for (std::uint32_t i = 0; i < chunk->used(); ++i) {
        if (gone < indices.size() && indices[gone] == start + i) {
          octets_in_all_ -= (*chunk)[i].octets;
          ++gone;
        } else {
          kept.push_back(&(*chunk)[i]);
        }
      }
      // Thin neighbours become one chunk, so that many small deletions leave no trail of them.
      const bool joins = !next->chunks.empty() && next->chunks.back()->used() + kept.size() <= Chunk::entries_max / 2;
      std::uint32_t wanted = static_cast<std::uint32_t>(kept.size()) + (joins ? next->chunks.back()->used() : 0);
      if (wanted == 0) continue;
      auto rest = std::make_shared<Chunk>(std::max(wanted, first_capacity));
      if (joins) {
        const Chunk& before = *next->chunks.back();
        for (std::uint32_t i = 0; i < before.used(); ++i) rest->add(unpacked(before[i]));
        count_ -= before.used();
        memory_ -= before.octets();
        next->chunks.pop_back();
        next->starts.pop_back();
      }
      for (const PackedEntry* entry : kept) rest->add(unpacked(*entry));
      chunk = std::move(rest);
    }
    next->starts.push_back(count_);
    count_ += chunk->used();
    memory_ += chunk->octets();
    next->chunks.push_back(std::move(chunk));
  }
  ensure(gone == indices.size());
  list_ = std::move(next);
}

void Summary::mark_unreadable(std::uint32_t index) {
  ensure(index < count_);
  const auto after = std::upper_bound(list_->starts.begin(), list_->starts.end(), index);
  const auto which = static_cast<std::size_t>(after - list_->starts.begin()) - 1;
  const Chunk& old = *list_->chunks[which];
  auto marked = std::make_shared<Chunk>(old.capacity());
  for (std::uint32_t i = 0; i < old.used(); ++i) {
    MessageEntry entry = unpacked(old[i]);
    entry.unreadable = entry.unreadable || list_->starts[which] + i == index;
    marked->add(entry);
  }
  own_list();
  list_->chunks[which] = std::move(marked);
}

std::expected<SnapshotIndex, StoreError> Snapshot::index_of(MessageNumber number) const noexcept {
  if (number.value < 1 || number.value > count_) return std::unexpected(StoreError::no_such_message);
  return SnapshotIndex{number.value - 1};
}

MessageEntry Snapshot::entry(SnapshotIndex index) const noexcept {
  ensure(index.value < count_);
  return unpacked(chunks_->at(index.value));
}

}  // namespace ringpost::store
