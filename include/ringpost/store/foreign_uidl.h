// ringpost/store/foreign_uidl.h: the UIDLs that another server gave, read from its own files (R013, R015).
//
// A client that leaves mail on the server remembers UIDLs; it downloads everything again when they change. These
// readers give each message the string that the old server showed. Pure: file content in, maps out. Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <unordered_map>

#include <ringpost/base/octets.h>
#include <ringpost/base/time.h>
#include <ringpost/store/format.h>

namespace ringpost::store {

// By a Maildir's unique name (store/maildir.h). `order` is the old server's own numbering: mail is imported in it.
struct ForeignUidl {
  std::string uidl;  // empty: the old server had none for it yet
  std::uint64_t order = 0;
};
using ForeignUidls = std::unordered_map<std::string, ForeignUidl>;

// Dovecot's dovecot-uidlist (versions 1 and 3) under a pop3_uidl_format such as "%08Xu%08Xv" (its default), "%u.%v",
// "%f",
// "%g" or "%{uid | hex(8)}%{uidvalidity | hex(8)}". A UIDL that stands in the list itself (P) comes first, as in
// Dovecot. The error says what is wrong and in which line.
inline constexpr std::string_view dovecot_uidl_format_default = "%08Xu%08Xv";
std::expected<ForeignUidls, std::string> read_dovecot_uidlist(std::string_view content, std::string_view format);

// Courier's courierpop3dsizelist in all its ages: without a header, /1, /2, /3. UID 0 means the file's name.
std::expected<ForeignUidls, std::string> read_courier_list(std::string_view content);

// Cyrus's cyrus.index (minor versions 8 to 20). Messages are the files "<uid>." beside it.
enum class CyrusFormat : std::uint8_t { cyrus, uidonly, dovecot, courier };  // imapd.conf: uidl_format
struct CyrusMessage {
  bool expunged = false;  // gone for every client, the file just not removed yet: not to be imported
  WallTime received;
};
struct CyrusIndex {
  std::uint32_t uidvalidity = 0;
  bool uid_alone = false;  // an old mailbox whose UIDLs have never borne the UIDVALIDITY
  std::unordered_map<std::uint32_t, CyrusMessage> messages;
  std::string uidl(std::uint32_t uid, CyrusFormat) const;
};
std::expected<CyrusIndex, std::string> read_cyrus_index(Octets content);

}  // namespace ringpost::store
