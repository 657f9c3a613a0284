#include "way.h"

#include <nlohmann/json.hpp>

#include <ringpost/control/client.h>

#include "daemon_way.h"
#include "local_way.h"

namespace ringpost::program {

Way::Way(Way&&) noexcept = default;
Way::~Way() = default;

std::expected<Way, std::string> Way::find(std::shared_ptr<const config::Configuration> configuration) {
  Way way;
  auto daemon = control::Client::connect(configuration->admin.socket);
  if (!daemon) return std::unexpected(daemon.error());
  way.daemon_ = std::move(*daemon);
  if (way.daemon_) return way;
  auto local = LocalStore::open(std::move(configuration));
  if (!local) return std::unexpected(local.error());
  way.local_ = std::move(*local);
  return way;
}

std::unique_ptr<Appender> Way::appender() {
  return daemon_ ? daemon_appender(*daemon_) : local_appender(*local_);
}
std::unique_ptr<MaildropReader> Way::reader() {
  return daemon_ ? daemon_reader(*daemon_) : local_reader(*local_);
}

std::expected<nlohmann::json, std::string> Way::care(const std::string& care, const std::string& account) {
  return daemon_ ? daemon_care(*daemon_, care, account) : local_care(*local_, care, account);
}

}  // namespace ringpost::program
