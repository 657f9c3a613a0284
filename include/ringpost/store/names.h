// ringpost/store/names.h: where a maildrop's folder lies, and which names may have one.
//
// data/<2 hex>/<2 hex>/<account, percent-encoded>/: the digits come from a hash of the name, letters, digits and a few
// signs stand as they are, every other octet is %XX, a leading dot too, so that no name leads out of `data`. A name is
// given as the accounts room spells it; two spellings are two maildrops. Pure, any thread. On-disk format: never change
// the hash or the encoding.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringpost::store {

// False: empty, or more than encoded_name_max octets when encoded. Asked wherever accounts are made or asked for.
bool name_allowed(std::string_view account) noexcept;

std::string encoded_name(std::string_view account);
// nullopt: nothing that encoded_name() ever makes.
std::optional<std::string> decoded_name(std::string_view encoded);

std::uint64_t name_hash(std::string_view account) noexcept;

// The core that owns the maildrop. Not the bits that choose the folder, so that folders spread over all cores.
std::uint32_t owner_core_of(std::string_view account, std::uint32_t cores) noexcept;

// Relative to the data folder, without a slash at the end.
struct MaildropFolder {
  std::string outer;   // "3f"
  std::string middle;  // "3f/a0"
  std::string folder;  // "3f/a0/alice%2Fx@example.org"
};
MaildropFolder folder_of(std::string_view account);

}  // namespace ringpost::store
