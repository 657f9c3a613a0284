// ringpost/store/maildir.h: what a Maildir's file names say. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace ringpost::store {

// "1276528487.M364837P9451.host,S=1355,W=1394:2,ST": the unique part, and the flags behind ":2," (also ";2," and "!2,",
// as file systems without colons have it, R066).
struct MaildirName {
  std::string_view unique;
  std::string_view flags;
  bool trashed() const noexcept { return flags.find('T') != std::string_view::npos; }
};
MaildirName maildir_name(std::string_view file) noexcept;

// Order of arrival: the number that a name begins with, then the unique part octet by octet.
bool arrived_before(std::string_view unique, std::string_view other) noexcept;

}  // namespace ringpost::store
