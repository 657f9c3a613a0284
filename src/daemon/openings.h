// daemon/openings.h: everything that the parent opens for its child, and how it is handed over.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <ringpost/config/reader.h>
#include <ringpost/control/identity.h>

#include "channel.h"

namespace ringpost::daemon {

// The configuration as text and as value.
struct Loaded {
  std::string text;
  config::Surroundings surroundings;
  std::shared_ptr<const config::Configuration> value;
};
// Error: every finding, a line each.
std::expected<Loaded, std::string> load(const std::string& path);

// CPU numbers to serve on, by appliance.cores and what the process may use.
std::expected<std::vector<std::uint32_t>, std::string> choose_cpus(const config::Appliance& appliance);

// Where clients reach the appliance by this configuration.
std::set<config::Endpoint> endpoints_of(const config::Configuration& configuration);

// Descriptors under way to the child. What was not handed over is closed with this.
class Openings {
 public:
  Openings() = default;
  Openings(const Openings&) = delete;
  Openings& operator=(const Openings&) = delete;
  ~Openings();

  using Result = std::expected<void, std::string>;
  Result add_configuration(const Loaded& loaded);
  Result add_data_dir(const config::Configuration& configuration, const control::Identity& identity);
  Result add_accounts(const config::Configuration& configuration);
  Result add_certificates(const config::Configuration& configuration);
  Result add_log_file(const config::Configuration& configuration);
  Result add_admin_socket(const config::Configuration& configuration);
  Result add_figures(const config::Configuration& configuration);
  // A place that is taken is waited for so long: the kernel takes a moment to close the sockets of a killed process's
  // rings.
  Result add_listeners(const std::set<config::Endpoint>& endpoints, const std::vector<std::uint32_t>& cpus,
                       std::chrono::milliseconds patience);

  // Everything that was added, then `commit`. false: the child is gone.
  bool hand_over(Channel& channel);

 private:
  void add(Note note, std::string text, std::vector<int> descriptors);
  struct Item {
    Note note;
    std::string text;
    std::vector<int> descriptors;
  };
  std::vector<Item> items_;
};

}  // namespace ringpost::daemon
