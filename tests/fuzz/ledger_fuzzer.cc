// Any octets as a ledger: in slices of any size the reader says the same, and what it says can be written again.
// The first octet chooses whether CRCs are made to fit, the second the slice.
#include <cstddef>
#include <cstdint>
#include <string>

#include <ringpost/base/ensure.h>

#include "verifying.h"

namespace ringpost::store {
namespace {

std::string read_ledger(const std::string& ledger, std::size_t slice, LedgerReader& reader) {
  std::string again;
  for (std::size_t at = 0; at < ledger.size(); at += slice) {
    const std::string octets = ledger.substr(at, slice);
    reader.feed(octets_of(octets));
    while (const auto entry = reader.next()) append_ledger_entry(again, *entry);
  }
  return again;
}

}  // namespace
}  // namespace ringpost::store

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringpost::store;
  if (size < 2) return 0;
  std::string ledger(reinterpret_cast<const char*>(data + 2), size - 2);
  if (data[0] & 1) make_ledger_verify(ledger);
  LedgerReader whole;
  LedgerReader sliced;
  const std::string again = read_ledger(ledger, ledger.size() + 1, whole);
  ensure(again == read_ledger(ledger, data[1] + 1u, sliced));
  ensure(whole.valid_octets() == sliced.valid_octets() && whole.damaged() == sliced.damaged());
  ensure((whole.entries() + whole.damaged()) * ledger_entry_octets == whole.valid_octets());
  LedgerReader clean;
  ensure(read_ledger(again, 100, clean) == again && clean.entries() == whole.entries());
  return 0;
}
