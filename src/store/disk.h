// src/store/disk.h: the few ways in which the owner touches files, each a task over the proactor.
//
// Results are >= 0 or a negative errno. What is passed by reference stays in place until the task returns.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <ringpost/ring/awaitables.h>
#include <ringpost/ring/task.h>

namespace ringpost::store {

inline constexpr std::uint64_t write_octets_max = 256 << 10;  // a vectored write (M4)
inline constexpr std::uint64_t window_octets = 256 << 10;     // a read of a long file
inline constexpr std::uint32_t entries_a_turn = 8192;  // of a listing or a summary, before others have their turn

// Closes at the end of its life; whoever holds it has nothing in flight on it then.
class File {
 public:
  File() = default;
  File(ring::Proactor& proactor, ring::Descriptor fd) : proactor_(&proactor), fd_(fd) {}
  File(File&& other) noexcept : proactor_(other.proactor_), fd_(std::exchange(other.fd_, ring::no_descriptor)) {}
  File& operator=(File&& other) noexcept {
    close();
    proactor_ = other.proactor_;
    fd_ = std::exchange(other.fd_, ring::no_descriptor);
    return *this;
  }
  ~File() { close(); }
  ring::Descriptor fd() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ != ring::no_descriptor; }
  void close() noexcept {
    if (fd_ != ring::no_descriptor) proactor_->close(std::exchange(fd_, ring::no_descriptor));
  }

 private:
  ring::Proactor* proactor_ = nullptr;
  ring::Descriptor fd_ = ring::no_descriptor;
};

struct Opened {
  File file;
  std::int64_t result = 0;  // negative: not opened
};

class Disk {
 public:
  Disk(ring::Proactor& proactor, ring::Descriptor data) : proactor_(proactor), data_(data) {}

  ring::Proactor& proactor() const noexcept { return proactor_; }
  ring::Descriptor data() const noexcept { return data_; }

  // Paths are relative to the data folder.
  ring::Task<Opened> open(const std::string& path, int flags) const;
  ring::Task<std::int64_t> make_folder(const std::string& path) const;  // 1: it was there
  ring::Task<std::int64_t> remove_folder(const std::string& path) const;
  ring::Task<std::int64_t> unlink(const std::string& path) const;
  ring::Task<std::int64_t> rename(const std::string& from, const std::string& to) const;
  ring::Task<std::int64_t> link(const std::string& from, const std::string& to) const;
  ring::Task<std::int64_t> sync_folder(const std::string& path) const;  // opened for it; "": the data folder

  // Whole, or up to the file's end: the octets read.
  ring::Task<std::int64_t> read(ring::Descriptor, std::uint64_t offset, MutableOctets) const;
  // All of it, in pieces of write_octets_max: 0, or the errno of the piece that failed.
  ring::Task<std::int64_t> write(ring::Descriptor, std::uint64_t offset, Octets) const;
  ring::Task<std::int64_t> write(ring::Descriptor, std::uint64_t offset, const std::vector<Octets>& pieces) const;
  ring::Task<std::int64_t> sync(ring::Descriptor) const;
  ring::Task<std::int64_t> truncate(ring::Descriptor, std::uint64_t octets) const;
  ring::Task<std::int64_t> size(ring::Descriptor) const;
  ring::Task<void> next_turn() const;

 private:
  ring::Proactor& proactor_;
  ring::Descriptor data_;
};

}  // namespace ringpost::store
