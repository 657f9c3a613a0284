// ringpost init DIR: a new appliance folder. What is there already is never touched.
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <ringpost/config/reader.h>
#include <ringpost/config/settings.h>
#include <ringpost/control/identity.h>

#include "verbs.h"

namespace ringpost::program {
namespace {

constexpr std::string_view empty_accounts =
    "# One account a line: name:{SCHEME}secret. `ringpost user add NAME` writes here.\n";

// Made new, 0600 and synced; an existing file is an error.
bool write_new(const std::string& path, std::string_view text) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return false;
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  const bool whole = text.empty() && fsync(file) == 0;
  return close(file) == 0 && whole;
}

void sync_folder(const std::string& path) {
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  fsync(folder);
  close(folder);
}

}  // namespace

int init(const Options& options, const std::string& folder) {
  umask(077);
  std::error_code error;
  const std::filesystem::path place = std::filesystem::absolute(folder, error).lexically_normal();
  const std::string config = (place / "ringpost.toml").string();
  if (std::filesystem::exists(config, error))
    return refuse(fmt::format("{} is there already; nothing was changed", config));
  std::filesystem::create_directories(place, error);
  if (error) return refuse(fmt::format("{}: can't be made: {}", place.string(), error.message()));

  const auto configuration = config::read_text(config::commented_configuration(), {config, ""}).configuration;
  const auto identity = control::identity_of(configuration->appliance);
  if (!identity) return refuse(identity.error());
  const auto data = control::open_data_dir(configuration->appliance, *identity);
  if (!data) return refuse(data.error());
  close(*data);
  if (!std::filesystem::exists(configuration->accounts.file, error) &&
      !write_new(configuration->accounts.file, empty_accounts))
    return refuse(fmt::format("{}: {}", configuration->accounts.file, std::strerror(errno)));
  if (!write_new(config, config::commented_configuration()))
    return refuse(fmt::format("{}: {}", config, std::strerror(errno)));
  sync_folder(place.string());

  if (options.json) {
    fmt::print("{}\n", nlohmann::json({{"config", config},
                                       {"data", configuration->appliance.data_dir},
                                       {"accounts", configuration->accounts.file},
                                       {"user", identity->name}})
                           .dump());
    return done;
  }
  fmt::print(
      "made {}\n\nNext: say in it where to listen (a [[virtual_server]] with pop3 and require_tls), then\n"
      "  ringpostd --config {} --check\n  ringpost --config {} user add NAME\n  ringpostd --config {}\n",
      config, config, config, config);
  return done;
}

}  // namespace ringpost::program
