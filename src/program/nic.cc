#include "nic.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <set>

namespace ringpost::program {
namespace {

namespace fs = std::filesystem;

std::string line_of(const fs::path& path) {
  std::string line;
  std::getline(std::ifstream(path) >> std::ws, line);
  return line;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    names.push_back(at->path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::vector<Nic> network_cards(const std::string& root) {
  std::vector<Nic> cards;
  for (const std::string& name : names_in(root + "/sys/class/net")) {
    const fs::path card = fs::path(root + "/sys/class/net") / name;
    std::error_code error;
    if (!fs::exists(card / "device", error)) continue;
    Nic nic{name, 0, {}};
    for (const std::string& queue : names_in(card / "queues"))
      if (queue.starts_with("rx-")) ++nic.receive_queues;
    for (const std::string& interrupt : names_in(card / "device" / "msi_irqs"))
      nic.interrupt_cpus.push_back(line_of(fs::path(root + "/proc/irq") / interrupt / "smp_affinity_list"));
    cards.push_back(std::move(nic));
  }
  return cards;
}

NicVerdict verdict_of(const Nic& nic, std::size_t cpus) {
  if (nic.receive_queues == 0) return {true, "tells nothing of its queues"};
  const std::string queues = fmt::format("{} receive queue{} for {} CPU{}", nic.receive_queues,
                                         nic.receive_queues == 1 ? "" : "s", cpus, cpus == 1 ? "" : "s");
  if (nic.receive_queues < cpus)
    return {false,
            queues + fmt::format(": packets of several cores share one; ethtool -L {} combined {} if the card can",
                                 nic.name, cpus)};
  const std::set<std::string> places(nic.interrupt_cpus.begin(), nic.interrupt_cpus.end());
  if (cpus > 1 && nic.interrupt_cpus.size() > 1 && places.size() == 1)
    return {false, queues + fmt::format(", and all its interrupts are served by CPU {}: spread them (irqbalance, or "
                                        "/proc/irq/N/smp_affinity_list)",
                                        *places.begin())};
  return {true, queues};
}

}  // namespace ringpost::program
