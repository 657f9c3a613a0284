#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <ringpost/accounts/account_file.h>
#include <ringpost/accounts/account_name.h>

#include "account_line.h"

namespace ringpost::accounts {
namespace {

std::unexpected<std::string> failed(const std::string& path, const char* what) {
  return std::unexpected(fmt::format("{}: {}: {}", path, what, std::strerror(errno)));
}

class OpenFile {
 public:
  explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
  OpenFile(OpenFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

// The accounts file, locked against other editors. Whoever waited may hold a file that was replaced: then anew.
std::expected<OpenFile, std::string> open_locked(const std::string& path, bool may_make) {
  while (true) {
    OpenFile file(::open(path.c_str(), O_RDWR | O_CLOEXEC | (may_make ? O_CREAT : 0), 0600));
    if (file.get() < 0) return failed(path, "cannot be opened");
    if (::flock(file.get(), LOCK_EX) != 0) return failed(path, "cannot be locked");
    struct stat held{};
    struct stat named{};
    if (::fstat(file.get(), &held) == 0 && ::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino)
      return file;
  }
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(file, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

std::expected<void, std::string> replace(const std::string& path, int old, std::string_view text) {
  const std::string beside = path + ".new";
  ::unlink(beside.c_str());
  OpenFile file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) return failed(beside, "cannot be made");
  struct stat info{};
  ::fstat(old, &info);
  const bool written = (::geteuid() != 0 || ::fchown(file.get(), info.st_uid, info.st_gid) == 0) &&
                       write_all(file.get(), text) && ::fsync(file.get()) == 0 &&
                       ::rename(beside.c_str(), path.c_str()) == 0;
  if (!written) {
    auto error = failed(beside, "cannot be written");
    ::unlink(beside.c_str());
    return error;
  }
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  OpenFile parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() < 0 || ::fsync(parent.get()) != 0) return failed(folder, "cannot be synced");
  return {};
}

}  // namespace

std::expected<std::string, std::string> edited(std::string_view text, bool fold_case, Edit what, std::string_view name,
                                               std::string_view secret) {
  if (const char* fault = fault_of_name(name)) return std::unexpected(std::string(fault));
  const std::string wanted = canonical_name(name, fold_case);
  if (split_account_line(wanted).blank)
    return std::unexpected(fmt::format("'{}' would be read as a comment: no name begins with #", wanted));
  std::string result;
  result.reserve(text.size() + name.size() + secret.size() + 2);
  bool found = false;
  std::string_view left = text;
  while (!left.empty()) {
    const std::size_t end = left.find('\n');
    const std::string_view whole = left.substr(0, end == std::string_view::npos ? left.size() : end + 1);
    left.remove_prefix(whole.size());
    const std::string_view line = *LineWalk(whole).next();
    const AccountLine parts = split_account_line(line);
    if (parts.blank || canonical_name(parts.name, fold_case) != wanted) {
      result += whole;
      continue;
    }
    found = true;
    if (what == Edit::add) return std::unexpected(fmt::format("'{}' is there already", wanted));
    if (what == Edit::change) {
      result.append(parts.name).append(":").append(secret).append(parts.rest);
      result += whole.substr(line.size());
    }
  }
  if (!found && what != Edit::add) return std::unexpected(fmt::format("there is no '{}'", wanted));
  if (what == Edit::add) {
    if (!result.empty() && result.back() != '\n') result += '\n';
    result.append(wanted).append(":").append(secret).append("\n");
  }
  return result;
}

std::expected<void, std::string> blocking_edit(const std::string& named, bool fold_case, Edit what,
                                               std::string_view name, std::string_view secret) {
  // Where a symbolic link stands for the file, the file is replaced and not the link.
  std::error_code ignored;
  const std::filesystem::path whole = std::filesystem::canonical(named, ignored);
  const std::string path = whole.empty() ? named : whole.string();
  auto file = open_locked(path, what == Edit::add);
  if (!file) return std::unexpected(file.error());
  struct stat info{};
  if (::fstat(file->get(), &info) != 0) return failed(path, "cannot be looked at");
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::pread(file->get(), text.data() + have, text.size() - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(path, "cannot be read");
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  auto changed = edited(text, fold_case, what, name, secret);
  explicit_bzero(text.data(), text.size());
  if (!changed) return std::unexpected(fmt::format("{}: {}", path, changed.error()));
  auto done = replace(path, file->get(), *changed);
  explicit_bzero(changed->data(), changed->size());
  return done;
}

}  // namespace ringpost::accounts
