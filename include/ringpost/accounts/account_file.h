// ringpost/accounts/account_file.h: the file backend: one account a line, `name:{SCHEME}secret`, as an immutable value.
//
// Further fields after colons are Dovecot's passwd-file's (uid, gid, gecos, home, shell, extra); of them only the word
// `nologin` among the extra fields counts: the account is disabled, as is one whose secret begins with `!` or `*`.
// `#` begins a comment line. Threads: loaded and edited off-core (blocking_...); the value is read by all cores.
// Lifetime: shared; a reload makes a new one. An error names file and line and says nothing of any secret.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <ringpost/accounts/password_scheme.h>

namespace ringpost::accounts {

struct Account {
  std::string name;           // canonical
  std::string secret;         // `{SCHEME}data`
  std::uint64_t version = 0;  // of the secret: another one after every change, the same after a reload without one
  bool disabled = false;
};

// How the file looked when it was read: another one means that it must be read again.
struct FileStamp {
  std::uint64_t inode = 0;
  std::uint64_t octets = 0;
  std::int64_t modified_nanoseconds = 0;
  auto operator<=>(const FileStamp&) const = default;
};

class AccountFile {
 public:
  // Errors are ready to print: "users:7: ...".
  static std::expected<std::shared_ptr<const AccountFile>, std::string> blocking_load(const std::string& path,
                                                                                      bool fold_case);
  // The same of a text; `path` only names it. `octets` in all are at most 2^31.
  static std::expected<std::shared_ptr<const AccountFile>, std::string> parse(std::string_view text,
                                                                              std::string_view path, bool fold_case);
  static FileStamp blocking_stamp(const std::string& path) noexcept;  // all zeros: there is no file

  ~AccountFile();

  // By the name as a client spells it. nullptr: unknown.
  const Account* find(std::string_view name) const;
  const std::vector<Account>& accounts() const noexcept { return accounts_; }
  bool fold_case() const noexcept { return fold_case_; }
  const FileStamp& stamp() const noexcept { return stamp_; }

 private:
  AccountFile() = default;

  std::vector<Account> accounts_;                         // in the file's order
  std::unordered_map<std::string_view, std::size_t> at_;  // by canonical name
  bool fold_case_ = true;
  FileStamp stamp_;
};

// Editing. Comments, order and further fields stay. The new file is written beside the old one, synced, and renamed
// over it, mode 0600 and with the old one's owner; two editors wait for each other. On an error the old file stands.
enum class Edit : std::uint8_t {
  add,     // the name must be new
  change,  // the name must be there; its further fields stay
  remove,  // the name must be there; `secret` does not matter
};
std::expected<void, std::string> blocking_edit(const std::string& path, bool fold_case, Edit, std::string_view name,
                                               std::string_view secret);

// The edit itself, on a text: the new text, or why not.
std::expected<std::string, std::string> edited(std::string_view text, bool fold_case, Edit, std::string_view name,
                                               std::string_view secret);

}  // namespace ringpost::accounts
