// ringpost/store/ledger_format.h: the file `imported`, which remembers what an import brought (M17).
//
// Fixed entries of 96 octets in a row, no file header, no edition: the ledger outlives every edition of the log. An
// entry is appended at the end of the last valid one, over a torn tail. Order means nothing; the same id twice is
// harmless. Numbers are little-endian.
//
// Pure, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <ringpost/base/octets.h>
#include <ringpost/store/types.h>

namespace ringpost::store {

#pragma pack(push, 1)
struct LedgerEntryFields {
  std::array<std::byte, 4> magic;
  std::uint32_t crc32c;  // of the octets before and behind this field
  std::array<std::byte, 16> source;
  std::uint8_t uidl_octets;
  std::array<char, 71> uidl;  // zeros behind its end
};
#pragma pack(pop)
static_assert(sizeof(LedgerEntryFields) == 96);

inline constexpr std::size_t ledger_entry_octets = sizeof(LedgerEntryFields);

struct LedgerEntry {
  SourceId source;        // all zeros: a deleted message that no import brought, kept for its UIDL only
  std::string_view uidl;  // 1..70 characters; lies in the octets that were decoded
};

void append_ledger_entry(std::string& out, const LedgerEntry&);

// The entry at octets[0]; nothing if there is none.
std::optional<LedgerEntry> decode_ledger_entry(Octets octets) noexcept;

// Reads a ledger from its beginning, fed in order in slices of any size, like IndexReader. Entries that do not verify
// are passed over and counted; an append goes to valid_octets(), the end of the last valid one.
class LedgerReader {
 public:
  void feed(Octets slice) noexcept;
  // The next valid entry, good until the next call; nothing: feed more.
  std::optional<LedgerEntry> next() noexcept;

  std::uint64_t entries() const noexcept { return entries_; }
  std::uint64_t valid_octets() const noexcept { return valid_octets_; }
  // Entries that did not verify before the last valid one: damage, not a torn tail.
  std::uint64_t damaged() const noexcept { return damaged_; }

 private:
  std::optional<LedgerEntry> judge(Octets entry) noexcept;

  Octets slice_;
  std::array<std::byte, ledger_entry_octets> carried_;
  std::size_t carried_octets_ = 0;
  std::uint64_t position_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t valid_octets_ = 0;
  std::uint64_t invalid_ = 0;  // since the last valid one
  std::uint64_t damaged_ = 0;
};

}  // namespace ringpost::store
