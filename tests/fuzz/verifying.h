// verifying.h: makes the CRCs of a fuzzer's octets fit, so that it gets past them to what they protect.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>

#include <ringpost/base/crc32c.h>
#include <ringpost/store/index_format.h>
#include <ringpost/store/ledger_format.h>

namespace ringpost::store {

template <typename T>
T fields_at(const std::string& octets, std::size_t at) {
  T fields;
  std::memcpy(&fields, octets.data() + at, sizeof fields);
  return fields;
}
inline void put_crc(std::string& octets, std::size_t at, std::uint32_t crc) {
  std::memcpy(octets.data() + at, &crc, sizeof crc);
}
inline std::uint32_t crc_of(const std::string& octets, std::size_t from, std::size_t to, std::uint32_t so_far = 0) {
  return crc32c(octets_of(octets).subspan(from, to - from), so_far);
}

// Headers and payloads of a log, wherever a record's magic stands.
inline void make_records_verify(std::string& log, bool payloads) {
  for (std::size_t at = 0; at + sizeof(RecordHeader) <= log.size(); at += record_alignment) {
    const auto header = fields_at<RecordHeader>(log, at);
    if (header.magic != record_magic || header.header_octets < sizeof header) continue;
    if (at + header.header_octets > log.size()) continue;
    const std::size_t payload = at + header.header_octets;
    if (payloads && header.payload_octets <= log.size() - payload)
      put_crc(log, at + offsetof(RecordHeader, payload_crc32c), crc_of(log, payload, payload + header.payload_octets));
    put_crc(log, at + offsetof(RecordHeader, header_crc32c), crc_of(log, at + 12, payload, crc_of(log, at, at + 8)));
  }
}

// The file header, and entries where each ends.
inline void make_entries_verify(std::string& index) {
  if (index.size() < index_header_octets) return;
  put_crc(index, offsetof(IndexFileHeader, crc32c), crc_of(index, 0, offsetof(IndexFileHeader, crc32c)));
  const std::uint32_t seed = crc_of(index, 8, 24);
  for (std::size_t at = index_header_octets; at + sizeof(IndexAddFields) <= index.size();) {
    const auto fields = fields_at<IndexAddFields>(index, at);
    std::size_t length = sizeof fields;
    if (fields.kind == IndexEntryKind::add)
      length = (sizeof fields + fields.uidl_octets + (fields.has_source ? 16u : 0u) + 7u) & ~std::size_t{7};
    const std::size_t end = std::min(at + length, index.size());
    put_crc(index, at, crc_of(index, at + 4, end, seed));
    at += length;
  }
}

inline void make_ledger_verify(std::string& ledger) {
  for (std::size_t at = 0; at + ledger_entry_octets <= ledger.size(); at += ledger_entry_octets)
    put_crc(ledger, at + 4, crc_of(ledger, at + 8, at + ledger_entry_octets, crc_of(ledger, at, at + 4)));
}

}  // namespace ringpost::store
