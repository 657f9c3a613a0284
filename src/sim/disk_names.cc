// Names, folders and what of them is certain.
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

#include <ringpost/sim/disk.h>

#include "inode.h"

namespace ringpost::sim {

Disk::Disk(Random random, const Faults& faults, FaultCounts& counts, Story& story)
    : random_(random), faults_(faults), counts_(counts), story_(story) {
  const InodeNumber made = make_inode(true, 0700);
  ensure(made == root);
  inode(root)->names = 1;
}

Disk::~Disk() = default;

Inode* Disk::inode(InodeNumber number) const {
  auto found = inodes_.find(number);
  return found == inodes_.end() ? nullptr : found->second.get();
}

InodeNumber Disk::make_inode(bool folder, mode_t mode) {
  auto made = std::make_unique<Inode>();
  made->number = ++last_inode_;
  made->folder = folder;
  made->mode = mode;
  inodes_.emplace(made->number, std::move(made));
  return last_inode_;
}

Inode* Disk::walk(InodeNumber folder, std::string_view path, std::string& last) const {
  Inode* at = inode(folder);
  while (at && at->folder) {
    const auto slash = path.find('/');
    if (slash == std::string_view::npos) {
      last = path;
      return at;
    }
    const auto part = path.substr(0, slash);
    path.remove_prefix(slash + 1);
    if (part.empty() || part == ".") continue;
    auto found = at->entries.find(part);
    at = found == at->entries.end() ? nullptr : inode(found->second);
  }
  return nullptr;
}

InodeNumber Disk::lookup(InodeNumber folder, std::string_view path) const {
  std::string last;
  Inode* in = walk(folder, path, last);
  if (!in) return 0;
  if (last.empty() || last == ".") return in->number;
  auto found = in->entries.find(last);
  return found == in->entries.end() ? 0 : found->second;
}

InodeNumber Disk::find(std::string_view path) const {
  return lookup(root, path);
}

void Disk::change_name(Inode& folder, NameChange change) {
  if (!change.gone.empty()) folder.entries.erase(change.gone);
  if (auto before = folder.entries.find(change.name); before != folder.entries.end()) {
    const InodeNumber replaced = before->second;
    folder.entries.erase(before);
    if (replaced != change.inode) {
      --inode(replaced)->names;
      drop_if_unused(replaced);
    }
  }
  if (change.inode) folder.entries.emplace(change.name, change.inode);
  std::erase_if(folder.missed, [&](const NameChange& older) { return older.name == change.name; });
  folder.changes.push_back(std::move(change));
}

// An inode that the platter's names still mention stays, because a crash may bring it back.
void Disk::drop_if_unused(InodeNumber number) {
  Inode* node = inode(number);
  if (!node || node->names > 0 || node->opened > 0) return;
  pages_used_ -= node->pages_used;  // the room is free for others
  node->pages_used = 0;
  for (const auto& [other, folder] : inodes_) {
    if (!folder->folder) continue;
    for (const auto& [name, target] : folder->durable_entries)
      if (target == number) return;
    for (const NameChange& change : folder->changes)
      if (change.inode == number) return;
    for (const NameChange& change : folder->missed)
      if (change.inode == number) return;
  }
  keep_older_blocks(*node);
  inodes_.erase(number);
}

std::int64_t Disk::open(InodeNumber folder, std::string_view path, int flags, mode_t mode, OpenFile& opened) {
  if (random_.chance(faults_.open_fails)) {
    ++counts_[Fault::open_failed];
    return random_.chance(0.5) ? -EIO : -ENFILE;
  }
  InodeNumber number = lookup(folder, path);
  if ((flags & O_TMPFILE) == O_TMPFILE) {
    if (!number) return -ENOENT;
    number = make_inode(false, mode);
  } else if (!number) {
    if (!(flags & O_CREAT)) return -ENOENT;
    std::string last;
    Inode* in = walk(folder, path, last);
    if (!in) return -ENOENT;
    if (octets_used() + page_octets > faults_.disk_octets) {
      ++counts_[Fault::disk_full];
      return -ENOSPC;
    }
    number = make_inode(false, mode);
    inode(number)->names = 1;
    change_name(*in, {last, number, {}});
  } else if ((flags & O_CREAT) && (flags & O_EXCL)) {
    return -EEXIST;
  }
  Inode* node = inode(number);
  if (node->folder && (flags & O_ACCMODE) != O_RDONLY) return -EISDIR;
  if (!node->folder && (flags & O_DIRECTORY) == O_DIRECTORY && (flags & O_TMPFILE) != O_TMPFILE) return -ENOTDIR;
  if (flags & O_TRUNC) truncate(number, 0);
  ++node->opened;
  ++open_files_;
  // An error that nobody was told of yet is told to who opens now (as Linux does since 4.13).
  opened = {number, node->errors - (node->errors_told ? 0 : 1)};
  return 0;
}

void Disk::close(const OpenFile& file) {
  Inode* node = inode(file.inode);
  ensure(node && node->opened > 0);
  --node->opened;
  --open_files_;
  drop_if_unused(file.inode);
}

std::int64_t Disk::link(InodeNumber from, std::string_view path, const OpenFile* unnamed, InodeNumber to,
                        std::string_view path2) {
  const InodeNumber target = unnamed ? unnamed->inode : lookup(from, path);
  std::string last;
  Inode* in = walk(to, path2, last);
  if (!target || !in) return -ENOENT;
  if (in->entries.contains(last)) return -EEXIST;
  ++inode(target)->names;
  change_name(*in, {last, target, {}});
  return 0;
}

std::int64_t Disk::rename(InodeNumber from, std::string_view path, InodeNumber to, std::string_view path2) {
  std::string last;
  std::string last2;
  Inode* in = walk(from, path, last);
  Inode* in2 = walk(to, path2, last2);
  if (!in || !in2) return -ENOENT;
  auto found = in->entries.find(last);
  if (found == in->entries.end()) return -ENOENT;
  const InodeNumber moved = found->second;
  if (auto there = in2->entries.find(last2); there != in2->entries.end()) {
    if (there->second == moved) return 0;
    Inode* node = inode(there->second);
    if (node->folder && !node->entries.empty()) return -ENOTEMPTY;
  }
  if (in == in2) {
    change_name(*in, {last2, moved, last});
    return 0;
  }
  // Between folders the two halves may persist one without the other: harsher than a journal, and nobody may rely on
  // it.
  change_name(*in2, {last2, moved, {}});
  in->entries.erase(last);
  in->changes.push_back({last, 0, {}});
  return 0;
}

std::int64_t Disk::unlink(InodeNumber folder, std::string_view path, bool remove_folder) {
  std::string last;
  Inode* in = walk(folder, path, last);
  if (!in) return -ENOENT;
  auto found = in->entries.find(last);
  if (found == in->entries.end()) return -ENOENT;
  Inode* node = inode(found->second);
  if (node->folder != remove_folder) return node->folder ? -EISDIR : -ENOTDIR;
  if (node->folder && !node->entries.empty()) return -ENOTEMPTY;
  const std::string name = last;
  change_name(*in, {name, 0, {}});
  return 0;
}

std::int64_t Disk::make_folder(InodeNumber folder, std::string_view path, mode_t mode) {
  std::string last;
  while (path.ends_with('/')) path.remove_suffix(1);
  Inode* in = walk(folder, path, last);
  if (!in) return -ENOENT;
  if (in->entries.contains(last)) return -EEXIST;
  if (octets_used() + page_octets > faults_.disk_octets) {
    ++counts_[Fault::disk_full];
    return -ENOSPC;
  }
  const InodeNumber made = make_inode(true, mode);
  inode(made)->names = 1;
  change_name(*in, {last, made, {}});
  return 0;
}

std::int64_t Disk::stat(InodeNumber folder, std::string_view path, ring::FileInfo& info) const {
  const InodeNumber number = path.empty() ? folder : lookup(folder, path);
  const Inode* node = inode(number);
  if (!node) return -ENOENT;
  info = {};
  info.octets = node->size;
  info.inode = number;
  info.mode = (node->folder ? S_IFDIR : S_IFREG) | node->mode;
  return 0;
}

std::int64_t Disk::list(InodeNumber folder, std::vector<ring::FolderEntry>& entries) const {
  const Inode* in = inode(folder);
  if (!in || !in->folder) return -ENOTDIR;
  entries.clear();
  for (const auto& [name, number] : in->entries) entries.push_back({name, inode(number)->folder});
  return static_cast<std::int64_t>(entries.size());
}

namespace {
void apply(std::map<std::string, InodeNumber, std::less<>>& entries, const std::string& name, InodeNumber inode,
           const std::string& gone) {
  if (!gone.empty()) entries.erase(gone);
  if (inode)
    entries[name] = inode;
  else
    entries.erase(name);
}
}  // namespace

std::int64_t Disk::sync_folder(OpenFile& file) {
  Inode* folder = inode(file.inode);
  ensure(folder && folder->folder);
  const bool fails = random_.chance(faults_.folder_sync_fails);
  const std::size_t landed = fails ? random_.below(folder->changes.size() + 1) : folder->changes.size();
  for (std::size_t at = 0; at < folder->changes.size(); ++at) {
    const NameChange& change = folder->changes[at];
    if (at < landed)
      apply(folder->durable_entries, change.name, change.inode, change.gone);
    else
      folder->missed.push_back(change);  // it counts as clean although it is not there
  }
  folder->changes.clear();
  // What no durable name mentions any more gives its blocks to others.
  std::vector<InodeNumber> nameless;
  for (const auto& [number, node] : inodes_)
    if (node->names == 0 && node->opened == 0) nameless.push_back(number);
  for (const InodeNumber number : nameless) drop_if_unused(number);
  if (!fails) return 0;
  ++counts_[Fault::folder_sync_failed];
  return -EIO;
}

void Disk::settle_names(Inode& folder) {
  const std::size_t landed = random_.below(folder.changes.size() + 1);
  for (std::size_t at = 0; at < landed; ++at) {
    const NameChange& change = folder.changes[at];
    apply(folder.durable_entries, change.name, change.inode, change.gone);
  }
  if (landed < folder.changes.size() || !folder.missed.empty()) ++counts_[Fault::name_lost];
  folder.changes.clear();
  folder.missed.clear();
  folder.entries = folder.durable_entries;
}

void Disk::remove_unreachable() {
  for (auto& [number, node] : inodes_) node->names = 0;
  std::vector<InodeNumber> reached = {root};
  inode(root)->names = 1;
  while (!reached.empty()) {
    Inode* at = inode(reached.back());
    reached.pop_back();
    std::erase_if(at->entries, [&](const auto& entry) { return !inode(entry.second); });
    for (const auto& [name, number] : at->entries) {
      Inode* node = inode(number);
      if (++node->names == 1 && node->folder) reached.push_back(number);
    }
    at->durable_entries = at->entries;
  }
  for (auto at = inodes_.begin(); at != inodes_.end();) {
    if (at->second->names > 0) {
      ++at;
      continue;
    }
    keep_older_blocks(*at->second);
    at = inodes_.erase(at);
  }
}

}  // namespace ringpost::sim
