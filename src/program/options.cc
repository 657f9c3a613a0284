#include "options.h"

#include <unistd.h>

#include <ringpost/config/reader.h>

namespace ringpost::program {
namespace {

constexpr const char* usual_place = "/etc/ringpost/ringpost.toml";

}  // namespace

int refuse(std::string_view reason) {
  std::fflush(stdout);
  fmt::print(stderr, "ringpost: {}\n", reason);
  return refused;
}

int usage(std::string_view reason) {
  fmt::print(stderr, "ringpost: {}\n", reason);
  return wrong_usage;
}

bool names_configuration(const Options& options) {
  return !options.config.empty() || access(usual_place, F_OK) == 0;
}

std::shared_ptr<const config::Configuration> read_configuration(const Options& options, int& status) {
  std::string path = options.config;
  if (path.empty() && access(usual_place, F_OK) == 0) path = usual_place;
  if (path.empty()) {
    status =
        usage(fmt::format("which appliance? Say --config FILE, or set RINGPOST_CONFIG; there is no {}", usual_place));
    return nullptr;
  }
  const config::Reading reading = config::read_file(path);
  for (const config::Finding& finding : reading.findings) fmt::print(stderr, "{}\n", config::show(finding, path));
  if (!reading.configuration) status = refused;
  return reading.configuration;
}

}  // namespace ringpost::program
