#include <cerrno>
#include <charconv>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ringpost/control/identity.h>

namespace ringpost::control {
namespace {

Identity from(const passwd& entry) {
  return {entry.pw_uid, entry.pw_gid, entry.pw_name};
}

Identity by_number(uid_t user, gid_t group) {
  if (const passwd* entry = getpwuid(user)) return from(*entry);
  return {user, group, fmt::format("{}", user)};
}

std::expected<Identity, std::string> by_name(const std::string& name) {
  if (const passwd* entry = getpwnam(name.c_str())) return from(*entry);
  uid_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc{} && end == name.data() + name.size()) return by_number(number, number);
  return std::unexpected(fmt::format("appliance.user: there is no user \"{}\"", name));
}

bool is_empty_folder(int folder) {
  const int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = again < 0 ? nullptr : fdopendir(again);
  if (!entries) return false;
  bool empty = true;
  while (const dirent* entry = readdir(entries))
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) empty = false;
  closedir(entries);
  return empty;
}

std::string reason() {
  return std::strerror(errno);
}

}  // namespace

std::expected<Identity, std::string> identity_of(const config::Appliance& appliance) {
  if (geteuid() != 0) {
    Identity mine = by_number(geteuid(), getegid());
    if (appliance.user.empty()) return mine;
    const auto wanted = by_name(appliance.user);
    if (!wanted) return wanted;
    if (wanted->user != mine.user)
      return std::unexpected(
          fmt::format("appliance.user is \"{}\", and only root can become another user", appliance.user));
    return mine;
  }
  if (!appliance.user.empty()) {
    const auto wanted = by_name(appliance.user);
    if (wanted && wanted->user == 0)
      return std::unexpected("appliance.user is root; name an unprivileged user, or none");
    return wanted;
  }
  struct stat found{};
  if (stat(appliance.data_dir.c_str(), &found) == 0 && found.st_uid != 0) return by_number(found.st_uid, found.st_gid);
  for (const char* name : {"ringpost", "nobody"})
    if (const passwd* entry = getpwnam(name)) return from(*entry);
  return std::unexpected("there is neither a user \"ringpost\" nor \"nobody\": name one as appliance.user");
}

std::expected<int, std::string> open_data_dir(const config::Appliance& appliance, const Identity& identity) {
  const std::string& path = appliance.data_dir;
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  const bool made = mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return std::unexpected(fmt::format("{}: can't be made: {}", path, reason()));
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return std::unexpected(fmt::format("{}: can't be opened: {}", path, reason()));
  struct stat found{};
  if (fstat(folder, &found) == 0 && found.st_uid == identity.user) return folder;
  std::string refusal;
  if (!is_empty_folder(folder))
    refusal = fmt::format("{}: belongs to user {}, and would be served as {}: chown -R {}: {}", path, found.st_uid,
                          identity.name, identity.name, path);
  else if (fchown(folder, identity.user, identity.group) != 0 || fchmod(folder, 0700) != 0)
    refusal = fmt::format("{}: can't be given to {}: {}", path, identity.name, reason());
  if (refusal.empty()) return folder;
  close(folder);
  return std::unexpected(refusal);
}

bool lock_data_dir(int data) noexcept {
  return flock(data, LOCK_EX | LOCK_NB) == 0;
}

void write_files_as(const Identity& identity) noexcept {
  if (geteuid() != 0) return;
  setfsgid(identity.group);
  setfsuid(identity.user);
}

}  // namespace ringpost::control
