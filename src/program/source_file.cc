#include "source_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace ringpost::program {

std::expected<SourceFile, int> SourceFile::open(int folder, const std::string& name) {
  SourceFile file;
  // O_NONBLOCK: a named pipe among the mails must not hold the import up.
  file.descriptor_ = ::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file.descriptor_ < 0) return std::unexpected(errno);
  struct stat info{};
  if (::fstat(file.descriptor_, &info) != 0) return std::unexpected(errno);
  if (!S_ISREG(info.st_mode)) return std::unexpected(EINVAL);
  file.octets_ = static_cast<std::uint64_t>(info.st_size);
  file.modified_.microseconds = std::int64_t{info.st_mtim.tv_sec} * 1'000'000 + info.st_mtim.tv_nsec / 1000;
  return file;
}

SourceFile::SourceFile(SourceFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), octets_(other.octets_), modified_(other.modified_) {}

SourceFile::~SourceFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::expected<void, int> SourceFile::read(const std::function<bool(Octets)>& piece) const {
  std::vector<std::byte> buffer(256 << 10);
  while (true) {
    auto got = ::read(descriptor_, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno);
    if (got == 0 || !piece(Octets(buffer).first(static_cast<std::size_t>(got)))) return {};
  }
}

std::expected<std::string, int> SourceFile::read_whole() const {
  std::string content;
  content.reserve(octets_);
  auto done = read([&](Octets piece) {
    content += text_of(piece);
    return true;
  });
  if (!done) return std::unexpected(done.error());
  return content;
}

std::expected<int, int> open_folder(int folder, const std::string& name) {
  const int follow = folder == AT_FDCWD ? 0 : O_NOFOLLOW;
  int descriptor = ::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY | follow);
  if (descriptor >= 0) return descriptor;
  int error = errno;
  struct stat info{};  // of a link, the kernel says that it is no folder
  if (follow && error == ENOTDIR && ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISLNK(info.st_mode))
    error = ELOOP;
  return std::unexpected(error);
}

std::string reason_of(int error) {
  if (error == ELOOP) return "a symbolic link, which is not followed";
  if (error == EINVAL || error == EISDIR) return "no regular file";
  return std::strerror(error);
}

}  // namespace ringpost::program
