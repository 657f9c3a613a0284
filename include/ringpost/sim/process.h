// ringpost/sim/process.h: one life of the server: its descriptors, mappings, pools and cores.
//
// Descriptors are the lowest free number, as in Linux, so that a stale one soon means another file. Owner: the world.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ringpost/sim/disk.h>
#include <ringpost/sim/network.h>
#include <ringpost/sim/proactor.h>

namespace ringpost::sim {

struct DescriptorEntry {
  enum class Kind : std::uint8_t { unused, file, folder, socket, listener };
  Kind kind = Kind::unused;
  OpenFile file;
  SocketNumber socket = 0;
  Listener* listener = nullptr;
  std::string name;  // for the story
  std::uint32_t in_flight = 0;
};

class Process {
 public:
  explicit Process(std::uint32_t life) : life_(life) { entries_.resize(3); }

  std::uint32_t life() const noexcept { return life_; }
  ring::Descriptor add(DescriptorEntry entry);
  DescriptorEntry* find(ring::Descriptor) noexcept;  // nullptr: EBADF
  void remove(ring::Descriptor);
  std::uint32_t open_descriptors() const noexcept;

  // Mappings are numbers in the clothes of addresses; nobody may read through one.
  void* add_mapping(InodeNumber inode);
  InodeNumber mapped(const void* address) const noexcept;  // 0: no such mapping
  void remove_mapping(const void* address);
  std::uint32_t mappings() const noexcept;

  std::uint32_t jobs_waiting[2] = {0, 0};  // a pool each
  std::vector<std::unique_ptr<SimProactor>> cores;

 private:
  std::uint32_t life_;
  std::vector<DescriptorEntry> entries_;
  std::vector<InodeNumber> mappings_;
};

}  // namespace ringpost::sim
