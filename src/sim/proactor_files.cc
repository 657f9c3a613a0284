// Files: an operation comes about at one moment, and is told of at a later one.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

#include <ringpost/sim/proactor.h>
#include <ringpost/sim/world.h>

namespace ringpost::sim {

using ring::Descriptor;
using ring::Operation;
using ring::OpKind;

namespace {
const char* word(OpKind kind) {
  switch (kind) {
    case OpKind::open:
      return "open";
    case OpKind::read:
      return "read";
    case OpKind::write:
      return "write";
    case OpKind::sync_data:
      return "sync of";
    case OpKind::sync_folder:
      return "folder sync of";
    case OpKind::truncate:
      return "truncate";
    case OpKind::allocate:
      return "allocate in";
    case OpKind::rename:
      return "rename in";
    case OpKind::link:
      return "link in";
    case OpKind::unlink:
      return "unlink in";
    case OpKind::make_folder:
      return "make folder in";
    case OpKind::copy_range:
      return "copy from";
    default:
      return "look at";
  }
}
}  // namespace

DescriptorEntry* SimProactor::file_of(Descriptor descriptor) {
  DescriptorEntry* entry = process_.find(descriptor);
  const bool fits =
      entry && (entry->kind == DescriptorEntry::Kind::file || entry->kind == DescriptorEntry::Kind::folder);
  if (!fits) world_.violation("a file was asked for on a descriptor that is none");
  return fits ? entry : nullptr;
}

void SimProactor::start_file(Operation& operation, std::uint64_t tag) {
  effects_to_come_.emplace(tag, SyncBegun{});
  Duration until_effect = world_.disk_latency();
  if (operation.kind == OpKind::sync_data) {
    // It covers what was written before it began, not what comes meanwhile.
    after(until_effect / 4, [this, tag] {
      auto pending = effects_to_come_.find(tag);
      if (pending == effects_to_come_.end()) return;
      if (DescriptorEntry* entry = file_of(table_.find(tag)->fd))
        pending->second = world_.disk().begin_sync(entry->file.inode);
    });
    until_effect *= 2;
  }
  after(until_effect, [this, tag] { file_effect(tag); });
}

void SimProactor::file_effect(std::uint64_t tag) {
  auto pending = effects_to_come_.find(tag);
  if (pending == effects_to_come_.end()) return;
  Operation& operation = *table_.find(tag);
  std::int64_t result;
  if (operation.kind == OpKind::sync_data) {
    DescriptorEntry* entry = file_of(operation.fd);
    result = entry ? world_.disk().end_sync(entry->file, std::move(pending->second)) : -EBADF;
  } else {
    result = effect_of(operation);
  }
  effects_to_come_.erase(pending);
  world_.after_file_operation();
  if (world_.story().told()) {
    const DescriptorEntry* entry = process_.find(operation.fd);
    world_.story().tell(
        world_.now(), "core {}: {} {} ({}){}{}{}{}: {}", core_, word(operation.kind), entry ? entry->name : "?",
        operation.fd, operation.path ? " " : "", operation.path ? operation.path : "", operation.path2 ? " to " : "",
        operation.path2 ? operation.path2 : fmt::format(" at {} length {}", operation.offset, operation.length),
        result);
  }
  after(Duration(world_.random().below(20'000)), [this, tag, result] { complete(tag, result); });
}

std::int64_t SimProactor::effect_of(Operation& operation) {
  DescriptorEntry* entry = file_of(operation.fd);
  if (!entry) return -EBADF;
  Disk& disk = world_.disk();
  const InodeNumber inode = entry->file.inode;
  switch (operation.kind) {
    case OpKind::read:
      return read_vectors(operation);
    case OpKind::write:
      return write_vectors(operation);
    case OpKind::sync_data:  // at a process's death: it runs to its end in the kernel
      return disk.end_sync(entry->file, disk.begin_sync(inode));
    case OpKind::sync_folder:
      return disk.sync_folder(entry->file);
    case OpKind::truncate:
      return disk.truncate(inode, operation.length);
    case OpKind::allocate:
      return disk.allocate(inode, operation.offset, operation.length);
    case OpKind::copy_range:
      return copy(operation);
    case OpKind::room_left:
      return disk.room_left();
    case OpKind::list_folder:
      return disk.list(inode, *operation.entries);
    default:
      return effect_on_names(operation);
  }
}

std::int64_t SimProactor::effect_on_names(Operation& operation) {
  Disk& disk = world_.disk();
  DescriptorEntry* entry = file_of(operation.fd);
  const InodeNumber folder = entry->file.inode;
  const std::string_view path = operation.path ? operation.path : "";
  switch (operation.kind) {
    case OpKind::open: {
      DescriptorEntry opened;
      const std::int64_t result = disk.open(folder, path, operation.flags, operation.mode, opened.file);
      if (result < 0) return result;
      ring::FileInfo info;
      disk.stat(opened.file.inode, {}, info);
      opened.kind = S_ISDIR(info.mode) ? DescriptorEntry::Kind::folder : DescriptorEntry::Kind::file;
      opened.name = entry->name + "/" + std::string(path);
      return process_.add(std::move(opened));
    }
    case OpKind::link:
    case OpKind::rename: {
      DescriptorEntry* to = file_of(operation.fd2);
      if (!to) return -EBADF;
      if (operation.kind == OpKind::rename) return disk.rename(folder, path, to->file.inode, operation.path2);
      return disk.link(folder, path, path.empty() ? &entry->file : nullptr, to->file.inode, operation.path2);
    }
    case OpKind::unlink:
      return disk.unlink(folder, path, (operation.flags & AT_REMOVEDIR) != 0);
    case OpKind::make_folder:
      return disk.make_folder(folder, path, operation.mode);
    case OpKind::stat:
      return disk.stat(folder, path, *operation.info);
    default:
      ensure(false);
      return -ENOSYS;
  }
}

std::int64_t SimProactor::read_vectors(Operation& operation) {
  const InodeNumber inode = process_.find(operation.fd)->file.inode;
  std::int64_t done = 0;
  for (unsigned at = 0; at < operation.vector_count; ++at) {
    const MutableOctets into{static_cast<std::byte*>(operation.vectors[at].iov_base), operation.vectors[at].iov_len};
    if (into.empty()) continue;
    const std::int64_t part =
        world_.disk().read(inode, operation.offset + static_cast<std::uint64_t>(done), into, false);
    if (part < 0) return done > 0 ? done : part;
    done += part;
    if (static_cast<std::size_t>(part) < into.size()) break;
  }
  return done;
}

std::int64_t SimProactor::write_vectors(Operation& operation) {
  const InodeNumber inode = process_.find(operation.fd)->file.inode;
  std::string all;
  for (unsigned at = 0; at < operation.vector_count; ++at)
    all.append(static_cast<const char*>(operation.vectors[at].iov_base), operation.vectors[at].iov_len);
  return world_.disk().write(inode, operation.offset, octets_of(all));
}

std::int64_t SimProactor::copy(Operation& operation) {
  DescriptorEntry* to = file_of(operation.fd2);
  if (!to) return -EBADF;
  std::vector<std::byte> octets(std::min<std::uint64_t>(operation.length, 64 * 1024));
  const std::int64_t got = world_.disk().read(process_.find(operation.fd)->file.inode, operation.offset, octets, false);
  if (got <= 0) return got;
  return world_.disk().write(to->file.inode, operation.offset2, Octets(octets).first(static_cast<std::size_t>(got)));
}

std::int64_t SimProactor::read_now(Descriptor file, std::uint64_t offset, MutableOctets into) noexcept {
  DescriptorEntry* entry = file_of(file);
  return entry ? world_.disk().read(entry->file.inode, offset, into, true) : -EBADF;
}

ring::Mapping SimProactor::map(Descriptor file, std::uint64_t length) noexcept {
  DescriptorEntry* entry = file_of(file);
  if (!entry) return {};
  return {process_.add_mapping(entry->file.inode), length};
}

void SimProactor::unmap(ring::Mapping mapping) noexcept {
  if (mapping.address) process_.remove_mapping(mapping.address);
}

bool SimProactor::peek_resident(const ring::Mapping& mapping, std::uint64_t offset, std::uint64_t length) noexcept {
  if (offset + length > mapping.length) return false;  // as the kernel's answer is taken
  return world_.disk().resident(process_.mapped(mapping.address), offset, length);
}

void SimProactor::close(Descriptor descriptor) noexcept {
  DescriptorEntry* entry = process_.find(descriptor);
  if (!entry) return world_.violation("a descriptor was closed that is not open");
  ensure(entry->in_flight == 0);
  switch (entry->kind) {
    case DescriptorEntry::Kind::socket:
      if (world_.network().socket(entry->socket)) world_.network().close(entry->socket);
      break;
    case DescriptorEntry::Kind::listener:
      world_.network().stop_listening(entry->listener);
      break;
    default:
      world_.disk().close(entry->file);
  }
  process_.remove(descriptor);
}

}  // namespace ringpost::sim
