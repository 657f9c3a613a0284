#include <cerrno>
#include <climits>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "pool_task.h"

namespace ringpost::ring {

namespace {

std::int64_t blocking_list(Operation& operation) noexcept {
  // A descriptor of its own: the folder's position must not be shared.
  const int fd = ::openat(operation.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  DIR* folder = ::fdopendir(fd);
  if (!folder) {
    const int error = errno;
    ::close(fd);
    return -error;
  }
  std::int64_t result = 0;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(folder);
    if (!entry) {
      if (errno) result = -errno;
      break;
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    bool is_folder = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN) {
      struct stat status{};
      is_folder = ::fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
    }
    operation.entries->push_back({std::string(name), is_folder});
    ++result;
  }
  ::closedir(folder);
  return result;
}

std::int64_t blocking_copy(Operation& operation) noexcept {
  auto from = static_cast<off64_t>(operation.offset);
  auto to = static_cast<off64_t>(operation.offset2);
  const auto copied = ::copy_file_range(operation.fd, &from, operation.fd2, &to, operation.length, 0);
  return copied < 0 ? -errno : copied;
}

std::int64_t blocking_room(const Operation& operation) noexcept {
  struct statvfs room{};
  if (::fstatvfs(operation.fd, &room) != 0) return -errno;
  return static_cast<std::int64_t>(room.f_bavail) * static_cast<std::int64_t>(room.f_frsize);
}

}  // namespace

std::int64_t blocking_file_operation(Operation& operation) noexcept {
  switch (operation.kind) {
    case OpKind::truncate:
      return ::ftruncate(operation.fd, static_cast<off_t>(operation.length)) == 0 ? 0 : -errno;
    case OpKind::allocate:
      return -::posix_fallocate(operation.fd, static_cast<off_t>(operation.offset),
                                static_cast<off_t>(operation.length));
    case OpKind::copy_range:
      return blocking_copy(operation);
    case OpKind::room_left:
      return blocking_room(operation);
    case OpKind::list_folder:
      return blocking_list(operation);
    default:
      return -ENOSYS;
  }
}

}  // namespace ringpost::ring
