// program/nic.h: network cards, their queues, and which CPUs serve them, as /sys and /proc tell.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace ringpost::program {

struct Nic {
  std::string name;
  std::size_t receive_queues = 0;
  std::vector<std::string> interrupt_cpus;  // of its interrupts, where they can be told: "0-3", "2"
};

// Real and virtual cards; not loopback, bridges and the like. `root` is "" but for tests.
std::vector<Nic> network_cards(const std::string& root = "");

struct NicVerdict {
  bool good = true;
  std::string text;
};
// Best is a queue for each core, each served by a CPU of its own: then a packet is handled where it arrived.
NicVerdict verdict_of(const Nic& nic, std::size_t cpus);

}  // namespace ringpost::program
