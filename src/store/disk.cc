#include "disk.h"

#include <cerrno>
#include <fcntl.h>

namespace ringpost::store {

using ring::Awaited;
using ring::OpKind;
using ring::Task;

namespace {
constexpr std::size_t vectors_max = 1024;  // IOV_MAX
constexpr mode_t file_mode = 0600;
constexpr mode_t folder_mode = 0700;
}  // namespace

Task<Opened> Disk::open(const std::string& path, int flags) const {
  Awaited op(proactor_, OpKind::open);
  op.fd = data_;
  op.path = path.c_str();
  op.flags = flags | O_CLOEXEC | O_NOFOLLOW;
  op.mode = file_mode;
  const std::int64_t result = co_await op;
  Opened opened;
  opened.result = result;
  if (result >= 0) opened.file = File(proactor_, static_cast<ring::Descriptor>(result));
  co_return opened;
}

Task<std::int64_t> Disk::make_folder(const std::string& path) const {
  Awaited op(proactor_, OpKind::make_folder);
  op.fd = data_;
  op.path = path.c_str();
  op.mode = folder_mode;
  const std::int64_t result = co_await op;
  co_return result == -EEXIST ? 1 : result;
}

Task<std::int64_t> Disk::remove_folder(const std::string& path) const {
  Awaited op(proactor_, OpKind::unlink);
  op.fd = data_;
  op.path = path.c_str();
  op.flags = AT_REMOVEDIR;
  const std::int64_t result = co_await op;
  co_return result;
}

Task<std::int64_t> Disk::unlink(const std::string& path) const {
  Awaited op(proactor_, OpKind::unlink);
  op.fd = data_;
  op.path = path.c_str();
  const std::int64_t result = co_await op;
  co_return result;
}

Task<std::int64_t> Disk::rename(const std::string& from, const std::string& to) const {
  Awaited op(proactor_, OpKind::rename);
  op.fd = data_;
  op.fd2 = data_;
  op.path = from.c_str();
  op.path2 = to.c_str();
  const std::int64_t result = co_await op;
  co_return result;
}

Task<std::int64_t> Disk::link(const std::string& from, const std::string& to) const {
  Awaited op(proactor_, OpKind::link);
  op.fd = data_;
  op.fd2 = data_;
  op.path = from.c_str();
  op.path2 = to.c_str();
  const std::int64_t result = co_await op;
  co_return result;
}

Task<std::int64_t> Disk::sync_folder(const std::string& path) const {
  File opened;
  if (!path.empty()) {
    Opened folder = co_await open(path, O_RDONLY | O_DIRECTORY);
    if (folder.result < 0) co_return folder.result;
    opened = std::move(folder.file);
  }
  Awaited op(proactor_, OpKind::sync_folder);
  op.fd = opened ? opened.fd() : data_;
  const std::int64_t result = co_await op;
  co_return result;
}

Task<std::int64_t> Disk::read(ring::Descriptor fd, std::uint64_t offset, MutableOctets into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const iovec vector{into.data() + done, into.size() - done};
    Awaited op(proactor_, OpKind::read);
    op.fd = fd;
    op.offset = offset + done;
    op.vectors = &vector;
    op.vector_count = 1;
    const std::int64_t result = co_await op;
    if (result == -EINTR || result == -EAGAIN) continue;
    if (result < 0) co_return result;
    if (result == 0) break;
    done += static_cast<std::size_t>(result);
  }
  co_return static_cast<std::int64_t>(done);
}

Task<std::int64_t> Disk::write(ring::Descriptor fd, std::uint64_t offset, Octets octets) const {
  const std::vector<Octets> pieces{octets};
  const std::int64_t result = co_await write(fd, offset, pieces);
  co_return result;
}

Task<std::int64_t> Disk::write(ring::Descriptor fd, std::uint64_t offset, const std::vector<Octets>& pieces) const {
  std::vector<iovec> vectors;
  std::size_t piece = 0;
  std::size_t within = 0;  // of pieces[piece], written so far
  while (true) {
    vectors.clear();
    std::uint64_t room = write_octets_max;
    std::size_t at = within;
    for (std::size_t p = piece; p < pieces.size() && room > 0 && vectors.size() < vectors_max; ++p, at = 0) {
      const std::size_t take = std::min<std::uint64_t>(pieces[p].size() - at, room);
      // The kernel's interface takes no pointer to const; it only reads.
      if (take > 0) vectors.push_back({const_cast<std::byte*>(pieces[p].data()) + at, take});
      room -= take;
    }
    if (vectors.empty()) co_return 0;
    Awaited op(proactor_, OpKind::write);
    op.fd = fd;
    op.offset = offset;
    op.vectors = vectors.data();
    op.vector_count = static_cast<unsigned>(vectors.size());
    const std::int64_t result = co_await op;
    if (result == -EINTR || result == -EAGAIN) continue;
    if (result < 0) co_return result;
    if (result == 0) co_return -EIO;
    offset += static_cast<std::uint64_t>(result);
    within += static_cast<std::size_t>(result);
    while (piece < pieces.size() && within >= pieces[piece].size()) within -= pieces[piece++].size();
  }
}

Task<std::int64_t> Disk::sync(ring::Descriptor fd) const {
  Awaited op(proactor_, OpKind::sync_data);
  op.fd = fd;
  const std::int64_t result = co_await op;
  co_return result;
}

Task<std::int64_t> Disk::truncate(ring::Descriptor fd, std::uint64_t octets) const {
  Awaited op(proactor_, OpKind::truncate);
  op.fd = fd;
  op.length = octets;
  const std::int64_t result = co_await op;
  co_return result;
}

Task<std::int64_t> Disk::size(ring::Descriptor fd) const {
  ring::FileInfo info;
  Awaited op(proactor_, OpKind::stat);
  op.fd = fd;
  op.path = "";
  op.info = &info;
  const std::int64_t result = co_await op;
  co_return result < 0 ? result : static_cast<std::int64_t>(info.octets);
}

Task<void> Disk::next_turn() const {
  Awaited op(proactor_, OpKind::next_turn);
  (void)co_await op;
}

}  // namespace ringpost::store
