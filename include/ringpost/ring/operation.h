// ringpost/ring/operation.h: one thing asked of the world, from start to completion.
//
// An operation in flight owns its memory (octets, paths, vectors): whoever starts it keeps all of that, and the
// operation itself, in place until the last completion, also after a cancel. A multishot operation (accept, receive)
// completes many times; a completion without `more` is the last one: arm it again, or its owner sleeps for ever.
// Results are as the kernel gives them: >= 0, or a negative errno.
#pragma once

#include <coroutine>
#include <cstdint>
#include <string>
#include <sys/types.h>
#include <sys/uio.h>
#include <vector>

#include <ringpost/base/ensure.h>
#include <ringpost/base/octets.h>

namespace ringpost::ring {

using Descriptor = int;
inline constexpr Descriptor no_descriptor = -1;

enum class OpKind : std::uint8_t {
  // Network.
  accept,   // multishot: fd listens; every result is a new non-blocking, no-delay socket
  receive,  // multishot into lent buffers; 0 = the peer has finished sending; -ENOBUFS = none free just now: arm again
  send,     // vectors; may be short; flags MSG_MORE: more octets or the end follow at once
  wait_writable,  // until the socket takes octets again
  connect,        // vectors[0] holds a sockaddr
  // Files. Paths are relative to the folder fd.
  open,         // path, flags, mode -> descriptor
  read,         // vectors, offset; may be short
  write,        // vectors (256 KiB in all at most), offset; may be short
  sync_data,    // fdatasync of fd
  sync_folder,  // fsync of a folder's descriptor
  truncate,     // fd to `length` octets
  allocate,     // fd: room for offset..offset+length is made (posix_fallocate), size grows
  rename,       // path -> path2 (below fd2)
  link,         // path -> path2 (below fd2); an empty path links the unnamed file fd itself
  unlink,       // path; flags = AT_REMOVEDIR for a folder
  make_folder,  // path, mode
  copy_range,   // fd at offset -> fd2 at offset2, length; may be short
  room_left,    // of the file system below fd: octets free to us
  stat,         // path below fd (empty: fd itself) -> *info
  list_folder,  // fd -> *entries
  // The core itself.
  job,        // blocking_run() on a pool's thread, see Job
  next_turn,  // completes when everything else of this turn has had its turn
};

struct FileInfo {
  std::uint64_t octets = 0;
  std::uint64_t inode = 0;
  std::uint32_t mode = 0;
  std::uint32_t owner = 0;
  std::int64_t modified_microseconds = 0;
};

struct FolderEntry {
  std::string name;
  bool is_folder = false;
};

struct Completion {
  std::int64_t result = 0;
  bool more = false;         // multishot: further completions follow
  bool lent = false;         // receive: `octets` lie in a lent buffer
  std::uint16_t buffer = 0;  // its number, for Proactor::return_buffer
  MutableOctets octets{};    // what was received
};

class Operation {
 public:
  Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  OpKind kind = OpKind::next_turn;
  bool in_flight = false;  // the proactor's: set by start(), cleared before the last completion is told
  std::uint32_t slot = 0;  // the proactor's: where it stands in the table of operations
  Descriptor fd = no_descriptor;
  Descriptor fd2 = no_descriptor;
  const char* path = nullptr;  // NUL-terminated
  const char* path2 = nullptr;
  const iovec* vectors = nullptr;
  unsigned vector_count = 0;
  int flags = 0;
  mode_t mode = 0;
  std::uint64_t offset = 0;
  std::uint64_t offset2 = 0;
  std::uint64_t length = 0;
  FileInfo* info = nullptr;
  std::vector<FolderEntry>* entries = nullptr;

  // Told on the core that started it, from its loop, never from inside start(). The operation may be started again, or
  // destroyed (unless `more`), from inside.
  virtual void completed(const Completion&) noexcept = 0;

 protected:
  ~Operation() { ensure(!in_flight); }
};

// The two pools. Two, so that password guessing never delays a delivery or a QUIT.
enum class PoolName : std::uint8_t { credentials, files };

// Slow or blocking work for a pool: a `job` operation. blocking_run() is called on a pool's thread and touches only
// what the job owns; then completed() is told on the core. A full queue completes with -EBUSY without having run.
class Job : public Operation {
 public:
  explicit Job(PoolName name) : pool(name) { kind = OpKind::job; }
  PoolName pool;
  virtual std::int64_t blocking_run() noexcept = 0;

 protected:
  ~Job() = default;
};

}  // namespace ringpost::ring
