#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ringpost/accounts/account_file.h>
#include <ringpost/accounts/account_name.h>
#include <ringpost/accounts/secret.h>

#include "account_line.h"

namespace ringpost::accounts {
namespace {

std::uint64_t version_of(std::string_view secret) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), digest.data());
  std::uint64_t version;
  std::memcpy(&version, digest.data(), sizeof version);
  return version;
}

std::expected<std::string, std::string> read_all(int file, const std::string& path) {
  std::string text;
  std::array<char, 65536> window;
  while (true) {
    const ssize_t got = ::read(file, window.data(), window.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
    if (got == 0) break;
    text.append(window.data(), static_cast<std::size_t>(got));
  }
  explicit_bzero(window.data(), window.size());
  return text;
}

FileStamp stamp_of(const struct stat& info) {
  return {info.st_ino, static_cast<std::uint64_t>(info.st_size),
          info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
}

}  // namespace

AccountFile::~AccountFile() {
  for (Account& account : accounts_) explicit_bzero(account.secret.data(), account.secret.size());
}

std::expected<std::shared_ptr<const AccountFile>, std::string> AccountFile::parse(std::string_view text,
                                                                                  std::string_view path,
                                                                                  bool fold_case) {
  std::shared_ptr<AccountFile> file(new AccountFile);
  file->fold_case_ = fold_case;
  std::unordered_map<std::string, std::size_t> first_line;
  std::size_t number = 0;
  for (LineWalk walk(text); auto line = walk.next();) {
    ++number;
    const AccountLine parts = split_account_line(*line);
    if (parts.blank) continue;
    if (const char* fault = fault_of_line(parts)) return std::unexpected(fmt::format("{}:{}: {}", path, number, fault));
    Account account{canonical_name(parts.name, fold_case), std::string(parts.secret), 0, parts.disabled};
    if (!account.disabled)
      if (const char* fault = fault_of_secret(account.secret))
        return std::unexpected(fmt::format("{}:{}: the secret of '{}' is {}; known are {}", path, number, account.name,
                                           fault, schemes_known));
    const auto [before, is_new] = first_line.try_emplace(account.name, number);
    if (!is_new)
      return std::unexpected(
          fmt::format("{}:{}: '{}' stands in line {} already", path, number, account.name, before->second));
    account.version = version_of(account.secret);
    file->accounts_.push_back(std::move(account));
  }
  for (std::size_t at = 0; at < file->accounts_.size(); ++at) file->at_.emplace(file->accounts_[at].name, at);
  return file;
}

std::expected<std::shared_ptr<const AccountFile>, std::string> AccountFile::blocking_load(const std::string& path,
                                                                                          bool fold_case) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::unexpected(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  // Before the octets: a change while we read shows as another stamp later.
  struct stat info{};
  ::fstat(file, &info);
  auto text = read_all(file, path);
  ::close(file);
  if (!text) return std::unexpected(text.error());
  auto parsed = parse(*text, path, fold_case);
  explicit_bzero(text->data(), text->size());
  if (parsed) const_cast<AccountFile&>(**parsed).stamp_ = stamp_of(info);
  return parsed;
}

FileStamp AccountFile::blocking_stamp(const std::string& path) noexcept {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? stamp_of(info) : FileStamp{};
}

const Account* AccountFile::find(std::string_view name) const {
  const auto found = fold_case_ ? at_.find(canonical_name(name, true)) : at_.find(name);
  return found == at_.end() ? nullptr : &accounts_[found->second];
}

}  // namespace ringpost::accounts
