#include <algorithm>
#include <cstring>
#include <utility>

#include <ringpost/base/crc32c.h>
#include <ringpost/base/ensure.h>
#include <ringpost/store/format.h>
#include <ringpost/store/ledger_format.h>

namespace ringpost::store {
namespace {

constexpr std::array<std::byte, 4> ledger_magic{std::byte{0x8d}, std::byte{'R'}, std::byte{'\n'}, std::byte{'L'}};

std::uint32_t entry_crc32c(Octets entry) noexcept {
  constexpr std::size_t at = offsetof(LedgerEntryFields, crc32c);
  return crc32c(entry.subspan(at + sizeof(std::uint32_t)), crc32c(entry.first(at)));
}

}  // namespace

void append_ledger_entry(std::string& out, const LedgerEntry& entry) {
  ensure(is_valid_uidl(entry.uidl));
  LedgerEntryFields fields{};
  fields.magic = ledger_magic;
  fields.source = entry.source.id.octets;
  fields.uidl_octets = static_cast<std::uint8_t>(entry.uidl.size());
  std::copy(entry.uidl.begin(), entry.uidl.end(), fields.uidl.begin());
  fields.crc32c = entry_crc32c(Octets(reinterpret_cast<const std::byte*>(&fields), sizeof fields));
  out.append(reinterpret_cast<const char*>(&fields), sizeof fields);
}

std::optional<LedgerEntry> decode_ledger_entry(Octets octets) noexcept {
  if (octets.size() < ledger_entry_octets) return {};
  LedgerEntryFields fields;
  std::memcpy(&fields, octets.data(), sizeof fields);
  if (fields.magic != ledger_magic || fields.crc32c != entry_crc32c(octets.first(ledger_entry_octets))) return {};
  LedgerEntry entry;
  entry.source.id.octets = fields.source;
  entry.uidl = text_of(octets).substr(offsetof(LedgerEntryFields, uidl), fields.uidl_octets);
  if (fields.uidl_octets >= fields.uidl.size() || !is_valid_uidl(entry.uidl)) return {};
  return entry;
}

void LedgerReader::feed(Octets slice) noexcept {
  ensure(slice_.empty());
  slice_ = slice;
}

std::optional<LedgerEntry> LedgerReader::judge(Octets octets) noexcept {
  position_ += ledger_entry_octets;
  auto entry = decode_ledger_entry(octets);
  if (!entry) {
    ++invalid_;
    return entry;
  }
  ++entries_;
  damaged_ += std::exchange(invalid_, 0);
  valid_octets_ = position_;
  return entry;
}

std::optional<LedgerEntry> LedgerReader::next() noexcept {
  while (carried_octets_ + slice_.size() >= ledger_entry_octets) {
    Octets octets = slice_.first(std::min(slice_.size(), ledger_entry_octets - carried_octets_));
    slice_ = slice_.subspan(octets.size());
    if (carried_octets_ > 0) {
      std::memcpy(carried_.data() + carried_octets_, octets.data(), octets.size());
      octets = carried_;
      carried_octets_ = 0;
    }
    if (auto entry = judge(octets)) return entry;
  }
  std::copy(slice_.begin(), slice_.end(), carried_.begin() + static_cast<std::ptrdiff_t>(carried_octets_));
  carried_octets_ += slice_.size();
  slice_ = {};
  return {};
}

}  // namespace ringpost::store
