// Octets: the cache's view, syncs, and what reaches the platter by itself.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <ringpost/sim/disk.h>

#include "inode.h"

namespace ringpost::sim {

namespace {
constexpr std::uint64_t pages_of(std::uint64_t octets) {
  return (octets + page_octets - 1) / page_octets;
}
constexpr std::uint64_t sectors_of(std::uint64_t octets) {
  return (octets + sector_octets - 1) / sector_octets;
}
constexpr std::size_t histories_max = 3;
}  // namespace

void Platter::put(std::uint64_t sector, const std::byte* from) {
  if (held.size() <= sector) {
    held.resize(sector + 1);
    octets.resize((sector + 1) * sector_octets);
  }
  held[sector] = 1;
  std::memcpy(octets.data() + sector * sector_octets, from, sector_octets);
}

void Platter::cut(std::uint64_t size_now) {
  if (held.size() > sectors_of(size_now)) {
    held.resize(sectors_of(size_now));
    octets.resize(held.size() * sector_octets);
  }
  if (octets.size() > size_now) std::memset(octets.data() + size_now, 0, octets.size() - size_now);
}

void Inode::make_room(std::uint64_t octets) {
  if (cache.size() >= pages_of(octets)) return;
  cache.resize(pages_of(octets));
  dirty.resize(cache.size() * sectors_a_page);
  version.resize(dirty.size());
}

// Where neither cache nor platter has a sector, it is a hole and reads as zeros: also when a failed sync lost it.
Page& Inode::load(std::uint64_t page) {
  PageReference& slot = cache[page];
  if (!slot) {
    slot = std::make_shared<Page>();
    const std::uint64_t from = page * page_octets;
    if (from < platter.octets.size())
      std::memcpy(slot->octets.data(), platter.octets.data() + from,
                  std::min<std::uint64_t>(page_octets, platter.octets.size() - from));
  }
  return *slot;
}

void Inode::soil(std::uint64_t sector) noexcept {
  ++version[sector];
  if (!dirty[sector]) ++dirty_sectors;
  dirty[sector] = 1;
}

void Inode::clean(std::uint64_t sector) noexcept {
  if (dirty[sector]) --dirty_sectors;
  dirty[sector] = 0;
}

const std::byte* Inode::cached(std::uint64_t sector) const {
  const PageReference& page = cache[sector / sectors_a_page];
  ensure(page != nullptr);  // a page with a dirty sector is never evicted
  return page->octets.data() + sector % sectors_a_page * sector_octets;
}

std::uint64_t Disk::size_of(InodeNumber number) const {
  return inode(number)->size;
}

std::int64_t Disk::read(InodeNumber number, std::uint64_t offset, MutableOctets into, bool from_cache_only) {
  Inode* node = inode(number);
  if (node->folder) return -EISDIR;
  if (!from_cache_only && random_.chance(faults_.read_fails)) {
    ++counts_[Fault::read_failed];
    return -EIO;
  }
  if (offset >= node->size) return 0;
  std::uint64_t wanted = std::min<std::uint64_t>(into.size(), node->size - offset);
  if (!from_cache_only && wanted > 1 && random_.chance(faults_.read_short)) {
    ++counts_[Fault::read_short];
    wanted = random_.between(1, wanted - 1);
  }
  node->make_room(node->size);
  std::uint64_t done = 0;
  while (done < wanted) {
    const std::uint64_t at = offset + done;
    if (from_cache_only && !node->cache[at / page_octets]) break;
    const Page& page = node->load(at / page_octets);
    const std::uint64_t part = std::min(wanted - done, page_octets - at % page_octets);
    std::memcpy(into.data() + done, page.octets.data() + at % page_octets, part);
    done += part;
  }
  return done == 0 && wanted > 0 ? -EAGAIN : static_cast<std::int64_t>(done);
}

std::int64_t Disk::write(InodeNumber number, std::uint64_t offset, Octets from) {
  Inode* node = inode(number);
  if (node->folder) return -EISDIR;
  std::uint64_t wanted = from.size();
  bool fails = false;
  if (random_.chance(faults_.write_fails)) {
    ++counts_[Fault::write_failed];
    wanted = random_.below(wanted + 1);  // done all the same, before it failed
    fails = true;
  } else if (wanted > 1 && random_.chance(faults_.write_short)) {
    ++counts_[Fault::write_short];
    wanted = random_.between(1, wanted - 1);
  }
  // Room is taken when the octets come in, as with delayed allocation's reservation.
  const std::uint64_t room =
      faults_.disk_octets > octets_used() ? (faults_.disk_octets - octets_used()) / page_octets : 0;
  const std::uint64_t end_max = (node->pages_used + room) * page_octets;
  if (offset + wanted > end_max && pages_of(offset + wanted) > node->pages_used) {
    ++counts_[Fault::disk_full];
    wanted = end_max > offset ? std::min(wanted, end_max - offset) : 0;
    if (wanted == 0 && !fails) return -ENOSPC;
  }
  if (wanted == 0) return fails ? -EIO : 0;
  const std::uint64_t end = offset + wanted;
  node->make_room(end);
  if (pages_of(end) > node->pages_used) {
    pages_used_ += pages_of(end) - node->pages_used;
    node->pages_used = pages_of(end);
  }
  for (std::uint64_t done = 0; done < wanted;) {
    const std::uint64_t at = offset + done;
    Page& page = node->load(at / page_octets);
    const std::uint64_t part = std::min(wanted - done, page_octets - at % page_octets);
    std::memcpy(page.octets.data() + at % page_octets, from.data() + done, part);
    done += part;
  }
  for (std::uint64_t sector = offset / sector_octets; sector < sectors_of(end); ++sector) node->soil(sector);
  if (end > node->size) {
    node->sizes.push_back(node->size);
    node->size = end;
  }
  return fails ? -EIO : static_cast<std::int64_t>(wanted);
}

SyncBegun Disk::begin_sync(InodeNumber number) {
  const Inode* node = inode(number);
  SyncBegun begun;
  begun.size = node->size;
  begun.truncations = node->truncations;
  if (node->dirty_sectors == 0) return begun;
  for (std::uint64_t sector = 0; sector < node->dirty.size(); ++sector) {
    if (!node->dirty[sector]) continue;
    auto& kept = begun.sectors.emplace_back();
    kept.number = sector;
    kept.version = node->version[sector];
    std::memcpy(kept.octets.data(), node->cached(sector), sector_octets);
  }
  return begun;
}

std::int64_t Disk::end_sync(OpenFile& file, SyncBegun&& begun) {
  Inode* node = inode(file.inode);
  if (node->folder) return sync_folder(file);
  const bool fails = random_.chance(faults_.sync_fails);
  // Cut meanwhile: what it had begun with is void, what is there now goes down instead.
  if (begun.truncations != node->truncations) begun = begin_sync(file.inode);
  const double landing = random_.chance(0.3) ? 0 : 0.5;
  for (const auto& sector : begun.sectors) {
    const bool lands = !fails || random_.chance(landing);
    if (lands)
      node->platter.put(sector.number, sector.octets.data());
    else
      ++counts_[Fault::sector_lost];
    if (node->version[sector.number] == sector.version) node->clean(sector.number);
  }
  if (!fails || random_.chance(0.5)) {
    node->platter.size = std::max(node->platter.size, begun.size);
    node->before_truncation.clear();
    node->sizes.clear();
  }
  if (fails) {
    ++counts_[Fault::sync_failed];
    ++node->errors;
  }
  if (file.errors_seen == node->errors) return 0;
  file.errors_seen = node->errors;
  node->errors_told = true;
  return -EIO;
}

std::int64_t Disk::truncate(InodeNumber number, std::uint64_t octets) {
  Inode* node = inode(number);
  if (node->folder) return -EISDIR;
  if (octets >= node->size) {
    if (octets > node->size) node->sizes.push_back(node->size);
    node->make_room(octets);
    node->size = octets;
    return 0;
  }
  if (node->platter.size > 0 && node->before_truncation.size() < histories_max) {
    // If the truncation is lost, some of what was dirty may have gone down before.
    Platter before = node->platter;
    for (std::uint64_t sector = 0; sector < node->dirty.size(); ++sector)
      if (node->dirty[sector] && random_.chance(0.5)) before.put(sector, node->cached(sector));
    node->before_truncation.push_back(std::move(before));
  }
  ++node->truncations;
  keep_older_blocks(*node);
  const std::uint64_t whole = pages_of(octets);
  for (std::uint64_t page = octets / page_octets; page < node->cache.size(); ++page) {
    if (octets == 0 || !node->cache[page]) continue;  // to nothing: queued references keep their octets (M10)
    const std::uint64_t from = page < whole ? octets % page_octets : 0;
    std::memset(node->cache[page]->octets.data() + from, 0, page_octets - from);
  }
  for (std::uint64_t sector = sectors_of(octets); sector < node->dirty.size(); ++sector) node->clean(sector);
  node->cache.resize(std::min<std::uint64_t>(node->cache.size(), whole));
  node->dirty.resize(node->cache.size() * sectors_a_page);
  node->version.resize(node->dirty.size());
  node->platter.cut(octets);
  node->platter.size = std::min(node->platter.size, octets);
  if (node->pages_used > whole) {
    pages_used_ -= node->pages_used - whole;
    node->pages_used = whole;
  }
  node->size = octets;
  node->sizes.clear();
  return 0;
}

std::int64_t Disk::allocate(InodeNumber number, std::uint64_t offset, std::uint64_t length) {
  Inode* node = inode(number);
  const std::uint64_t pages = pages_of(offset + length);
  if (pages > node->pages_used) {
    if (octets_used() + (pages - node->pages_used) * page_octets > faults_.disk_octets) {
      ++counts_[Fault::disk_full];
      return -ENOSPC;
    }
    pages_used_ += pages - node->pages_used;
    node->pages_used = pages;
  }
  if (offset + length > node->size) {
    node->sizes.push_back(node->size);
    node->make_room(offset + length);
    node->size = offset + length;
  }
  return 0;
}

std::int64_t Disk::room_left() const noexcept {
  const std::uint64_t used = octets_used();
  return used >= faults_.disk_octets ? 0 : static_cast<std::int64_t>(faults_.disk_octets - used);
}

bool Disk::resident(InodeNumber number, std::uint64_t offset, std::uint64_t length) const {
  const Inode* node = inode(number);
  if (!node || offset + length > node->size) return false;
  for (std::uint64_t page = offset / page_octets; page * page_octets < offset + length; ++page)
    if (page >= node->cache.size() || !node->cache[page]) return false;
  return true;
}

PageReference Disk::page_at(InodeNumber number, std::uint64_t offset, bool& was_cold) {
  Inode* node = inode(number);
  if (offset >= node->size) return nullptr;
  node->make_room(node->size);
  was_cold = !node->cache[offset / page_octets];
  node->load(offset / page_octets);
  return node->cache[offset / page_octets];
}

void Disk::write_back_some() {
  for (auto& [number, node] : inodes_) {
    if (node->dirty_sectors == 0 || random_.chance(0.5)) continue;
    const double share = random_.chance(0.3) ? 1.0 : 0.4;
    std::uint64_t last = 0;
    for (std::uint64_t sector = 0; sector < node->dirty.size(); ++sector) {
      if (!node->dirty[sector] || !random_.chance(share)) continue;
      node->before_truncation.clear();
      if (random_.chance(faults_.write_back_fails)) {
        ++counts_[Fault::write_back_failed];
        if (node->errors_told) ++node->errors;
        node->errors_told = false;
      } else {
        node->platter.put(sector, node->cached(sector));
        ++counts_[Fault::sector_landed_unsynced];
        last = sector + 1;
      }
      node->clean(sector);
    }
    if (last && random_.chance(0.5))
      node->platter.size = std::max(node->platter.size, std::min(node->size, last * sector_octets));
  }
}

void Disk::evict_some() {
  for (auto& [number, node] : inodes_) {
    for (std::uint64_t page = 0; page < node->cache.size(); ++page) {
      if (!node->cache[page] || !random_.chance(0.3)) continue;
      bool soiled = false;
      for (std::uint64_t sector = 0; sector < sectors_a_page; ++sector)
        soiled |= node->dirty[page * sectors_a_page + sector] != 0;
      if (soiled) continue;
      node->cache[page].reset();
      ++counts_[Fault::page_evicted];
    }
  }
}

void Disk::flip_bit(InodeNumber number, std::uint64_t offset, unsigned bit) {
  Inode* node = inode(number);
  ensure(offset < node->size);
  node->make_room(node->size);
  const auto mask = static_cast<std::byte>(1u << bit);
  Page& page = node->load(offset / page_octets);
  page.octets[offset % page_octets] ^= mask;
  if (offset < node->platter.octets.size()) node->platter.octets[offset] ^= mask;
  ++counts_[Fault::octet_flipped];
}

}  // namespace ringpost::sim
