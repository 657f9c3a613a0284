#include "options.h"

#include <unistd.h>

#include <ringpost/config/reader.h>

namespace ringpost::program {
namespace {

constexpr const char* usual_place = "/etc/ringpost/ringpost.toml";

}  // namespace

std::string printable(std::string_view text, bool keep_line_ends) {
  std::string shown;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto octet = static_cast<unsigned char>(text[at]);
    const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0;
    const bool is_c1 = octet == 0xc2 && next >= 0x80 && next < 0xa0;  // U+0080 to U+009F
    if (octet == '\n' && keep_line_ends) {
      shown += '\n';
    } else if (octet < ' ' || octet == 0x7f) {
      shown += fmt::format("\\x{:02x}", octet);
    } else if (is_c1) {
      shown += fmt::format("\\xc2\\x{:02x}", next);
      ++at;
    } else {
      shown += text[at];
    }
  }
  return shown;
}

int refuse(std::string_view reason) {
  std::fflush(stdout);
  fmt::print(stderr, "ringpost: {}\n", printable(reason, true));
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
