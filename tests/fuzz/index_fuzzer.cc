// Any octets as an index: in slices of any size the reader says the same, and never more than the octets hold.
// The first octet chooses whether CRCs are made to fit, the second the slice.
#include <cstddef>
#include <cstdint>
#include <string>

#include <ringpost/base/ensure.h>
#include <ringpost/store/listing.h>
#include <ringpost/store/recovery.h>

#include "verifying.h"

namespace ringpost::store {
namespace {

struct Said {
  Listing listing;
  IndexReader reader;
  std::uint32_t digest = 0;
};

void read_index(const std::string& index, std::size_t slice, Said& said) {
  for (std::size_t at = 0; at < index.size(); at += slice) {
    const std::string octets = index.substr(at, slice);
    said.reader.feed(octets_of(octets));
    while (const IndexEntry* entry = said.reader.next()) {
      ensure(entry->kind == IndexEntryKind::expunge ||
             (entry->add.uidl.size() >= 1 && entry->add.uidl.size() <= uidl_characters_max));
      said.digest = crc32c(octets_of(entry->add.uidl), said.digest + static_cast<std::uint32_t>(entry->kind));
      said.listing.take(*entry);
    }
  }
  said.reader.finish();
  said.listing.finish();
}

}  // namespace
}  // namespace ringpost::store

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringpost::store;
  if (size < 2) return 0;
  std::string index(reinterpret_cast<const char*>(data + 2), size - 2);
  if (data[0] & 1) make_entries_verify(index);
  Said whole;
  Said sliced;
  read_index(index, index.size() + 1, whole);
  read_index(index, data[1] + 1u, sliced);
  ensure(whole.reader.state() == sliced.reader.state());
  ensure(whole.reader.entries() == sliced.reader.entries() && whole.digest == sliced.digest);
  ensure(whole.reader.valid_octets() == sliced.reader.valid_octets() && whole.reader.valid_octets() <= index.size());
  ensure(whole.listing.alive() == sliced.listing.alive());
  const auto presence = index_presence(&whole.reader, 1u << 20);
  ensure(presence != IndexPresence::fits_so_far || whole.reader.last_record_end() <= 1u << 20);
  return 0;
}
