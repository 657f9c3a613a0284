#include <algorithm>

#include <ringpost/sim/process.h>

namespace ringpost::sim {

namespace {
constexpr std::uintptr_t mappings_begin = 0x1000;  // page zero of every process: reading through one faults at once
}

ring::Descriptor Process::add(DescriptorEntry entry) {
  std::size_t free = 3;
  while (free < entries_.size() && entries_[free].kind != DescriptorEntry::Kind::unused) ++free;
  if (free == entries_.size()) entries_.emplace_back();
  entries_[free] = std::move(entry);
  return static_cast<ring::Descriptor>(free);
}

DescriptorEntry* Process::find(ring::Descriptor descriptor) noexcept {
  if (descriptor < 0 || static_cast<std::size_t>(descriptor) >= entries_.size()) return nullptr;
  DescriptorEntry& entry = entries_[static_cast<std::size_t>(descriptor)];
  return entry.kind == DescriptorEntry::Kind::unused ? nullptr : &entry;
}

void Process::remove(ring::Descriptor descriptor) {
  entries_.at(static_cast<std::size_t>(descriptor)) = {};
}

std::uint32_t Process::open_descriptors() const noexcept {
  return static_cast<std::uint32_t>(std::count_if(entries_.begin(), entries_.end(), [](const DescriptorEntry& entry) {
    return entry.kind != DescriptorEntry::Kind::unused;
  }));
}

void* Process::add_mapping(InodeNumber inode) {
  mappings_.push_back(inode);
  return reinterpret_cast<void*>(mappings_begin + mappings_.size());
}

InodeNumber Process::mapped(const void* address) const noexcept {
  const auto number = reinterpret_cast<std::uintptr_t>(address) - mappings_begin;
  return number >= 1 && number <= mappings_.size() ? mappings_[number - 1] : 0;
}

void Process::remove_mapping(const void* address) {
  ensure(mapped(address) != 0);
  mappings_[reinterpret_cast<std::uintptr_t>(address) - mappings_begin - 1] = 0;
}

std::uint32_t Process::mappings() const noexcept {
  return static_cast<std::uint32_t>(
      std::count_if(mappings_.begin(), mappings_.end(), [](InodeNumber inode) { return inode != 0; }));
}

}  // namespace ringpost::sim
