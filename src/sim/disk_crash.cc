// The end of a process, and of the machine: what of the unsynced is there afterwards.
#include <algorithm>
#include <cstring>

#include "inode.h"

namespace ringpost::sim {

namespace {
constexpr std::size_t older_blocks_max = 256;
}

// An older file's blocks may turn up in a gap: they are kept when a file goes or is cut.
void Disk::keep_older_blocks(const Inode& node) {
  for (std::uint64_t sector = 0; sector < node.platter.held.size(); ++sector) {
    if (!node.platter.held[sector]) continue;
    auto& kept = older_blocks_.emplace_back();
    std::memcpy(kept.data(), node.platter.octets.data() + sector * sector_octets, sector_octets);
  }
  if (older_blocks_.size() > older_blocks_max)
    older_blocks_.erase(older_blocks_.begin(),
                        older_blocks_.begin() + static_cast<std::ptrdiff_t>(older_blocks_.size() - older_blocks_max));
}

// Its truncation was lost, so its blocks were never free for others.
void Disk::take_back_blocks(const Inode& node) {
  std::erase_if(older_blocks_, [&](const auto& block) {
    for (std::uint64_t sector = 0; sector < node.platter.held.size(); ++sector)
      if (std::memcmp(block.data(), node.platter.octets.data() + sector * sector_octets, sector_octets) == 0)
        return true;
    return false;
  });
}

void Disk::land_unsynced(Inode& node) {
  enum { none, all, some, first, last } how = static_cast<decltype(how)>(random_.below(5));
  const std::uint64_t border = random_.below(node.dirty_sectors + 1);
  std::uint64_t seen = 0;
  for (std::uint64_t sector = 0; sector < node.dirty.size(); ++sector) {
    if (!node.dirty[sector]) continue;
    const bool before_border = seen++ < border;
    const bool lands = how == all || (how == some && random_.chance(0.5)) || (how == first && before_border) ||
                       (how == last && !before_border);
    if (lands) {
      node.platter.put(sector, node.cached(sector));
      ++counts_[Fault::sector_landed_unsynced];
    } else {
      ++counts_[Fault::sector_lost];
    }
  }
}

void Disk::settle_size(Inode& node) {
  const std::uint64_t before = node.platter.size;
  std::uint64_t after = before;
  switch (random_.below(4)) {
    case 0:
      break;
    case 1:
      after = node.size;
      break;
    case 2:
      if (!node.sizes.empty()) after = node.sizes[random_.below(node.sizes.size())];
      break;
    default:
      if (node.size > before) after = random_.between(before, node.size) / sector_octets * sector_octets;
  }
  node.platter.size = std::max(before, after);
  fill_gap(node, before);
  node.platter.cut(node.platter.size);
}

// Sectors between the old size and the new one that never reached the disk.
void Disk::fill_gap(Inode& node, std::uint64_t from_octet) {
  const bool older = !older_blocks_.empty() && random_.chance(faults_.older_blocks_in_gap);
  std::size_t block = random_.below(older_blocks_.size());
  bool met = false;
  std::uint64_t sector = (from_octet + sector_octets - 1) / sector_octets;
  for (; sector * sector_octets < node.platter.size; ++sector) {
    if (sector < node.platter.held.size() && node.platter.held[sector]) continue;
    met = true;
    if (!older) continue;  // a hole reads as zeros
    node.platter.put(sector, older_blocks_[block].data());
    block = (block + 1) % older_blocks_.size();
  }
  if (!met) return;
  ++counts_[Fault::size_before_data];
  ++counts_[older ? Fault::gap_of_older_blocks : Fault::gap_of_zeros];
}

void Disk::process_died() {
  for (auto& [number, node] : inodes_) {
    node->opened = 0;
    // Names that a failed sync has missed are tried again with the next process's.
    node->changes.insert(node->changes.begin(), node->missed.begin(), node->missed.end());
    node->missed.clear();
  }
  open_files_ = 0;
  std::vector<InodeNumber> all;
  for (auto& [number, node] : inodes_) all.push_back(number);
  for (const InodeNumber number : all) drop_if_unused(number);
}

void Disk::crash() {
  open_files_ = 0;
  for (auto& [number, node] : inodes_) {
    node->opened = 0;
    if (node->folder) {
      settle_names(*node);
      continue;
    }
    if (!node->before_truncation.empty() && random_.chance(0.5)) {
      ++counts_[Fault::truncation_lost];
      node->platter = std::move(node->before_truncation[random_.below(node->before_truncation.size())]);
      node->platter.cut(node->platter.size);
      take_back_blocks(*node);
    } else {
      land_unsynced(*node);
      settle_size(*node);
    }
    node->before_truncation.clear();
    node->sizes.clear();
    node->size = node->platter.size;
    node->cache.clear();
    node->dirty.clear();
    node->version.clear();
    node->dirty_sectors = 0;
    node->errors = 0;
    node->errors_told = true;
    node->make_room(node->size);
  }
  remove_unreachable();
  pages_used_ = 0;
  for (auto& [number, node] : inodes_) {
    node->pages_used = node->cache.size();
    pages_used_ += node->pages_used;
  }
}

}  // namespace ringpost::sim
