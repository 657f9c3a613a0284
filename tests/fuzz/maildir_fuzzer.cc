// Any octets as a Maildir's file name, and as the lists that Dovecot, Courier and Cyrus keep beside one: no crash, an
// error is a sentence, and an order is an order. (A UIDL that may not be stored is the append's to refuse: a format may
// ask for blanks.) The first octet chooses.
#include <cstddef>
#include <cstdint>
#include <string>

#include <ringpost/base/ensure.h>
#include <ringpost/store/foreign_uidl.h>
#include <ringpost/store/maildir.h>

namespace ringpost::store {
namespace {

void check(const std::expected<ForeignUidls, std::string>& list) {
  if (!list) return ensure(!list.error().empty());
  for (const auto& [name, uidl] : *list) ensure(name.find('\n') == std::string::npos);
}

void name(std::string_view file) {
  const MaildirName parts = maildir_name(file);
  ensure(parts.unique.size() + parts.flags.size() <= file.size());
  const std::string_view half = file.substr(file.size() / 2);
  ensure(!arrived_before(file, file));
  ensure(!(arrived_before(file, half) && arrived_before(half, file)));
}

void cyrus(std::string_view content) {
  const auto index = read_cyrus_index(octets_of(content));
  if (!index) return ensure(!index.error().empty());
  for (const auto& [uid, message] : index->messages)
    for (auto format : {CyrusFormat::cyrus, CyrusFormat::uidonly, CyrusFormat::dovecot, CyrusFormat::courier})
      ensure(is_valid_uidl(index->uidl(uid, format)));
}

}  // namespace
}  // namespace ringpost::store

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringpost::store;
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 5) {
    case 0:
      name(rest);
      break;
    case 1:
      check(read_dovecot_uidlist(rest, dovecot_uidl_format_default));
      break;
    case 2: {  // the first line is the format
      const std::size_t line = std::min(rest.find('\n'), rest.size());
      check(read_dovecot_uidlist(rest.substr(std::min(line + 1, rest.size())), rest.substr(0, line)));
      break;
    }
    case 3:
      check(read_courier_list(rest));
      break;
    default:
      cyrus(rest);
  }
  return 0;
}
