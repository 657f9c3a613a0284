// program/source_file.h: reading another server's files safely: never through a symbolic link, regular files only.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>

#include <ringpost/base/octets.h>
#include <ringpost/base/time.h>

namespace ringpost::program {

class SourceFile {
 public:
  // `folder` may be AT_FDCWD. The error is errno; ELOOP for a symbolic link, EINVAL for what is no regular file.
  static std::expected<SourceFile, int> open(int folder, const std::string& name);
  SourceFile(SourceFile&& other) noexcept;
  SourceFile& operator=(SourceFile&&) = delete;
  ~SourceFile();

  std::uint64_t octets() const noexcept { return octets_; }
  WallTime modified() const noexcept { return modified_; }

  // Gives the whole file in pieces of up to 256 KiB; the error is errno. `piece` returns false to stop early.
  std::expected<void, int> read(const std::function<bool(Octets)>& piece) const;
  std::expected<std::string, int> read_whole() const;

 private:
  SourceFile() = default;
  int descriptor_ = -1;
  std::uint64_t octets_ = 0;
  WallTime modified_;
};

// Opens a folder for reading its names; the error is errno. Where `folder` is not AT_FDCWD, a symbolic link is refused.
std::expected<int, int> open_folder(int folder, const std::string& name);

// What such an error number means, in words.
std::string reason_of(int error);

}  // namespace ringpost::program
