// program/way.h: how to reach the maildrops: through the daemon where one runs, on the files where none does (M19).
#pragma once

#include <expected>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include <ringpost/config/configuration.h>

#include "appender.h"

namespace ringpost::control {
class Client;
}

namespace ringpost::program {

class LocalStore;

class Way {
 public:
  static std::expected<Way, std::string> find(std::shared_ptr<const config::Configuration> configuration);
  Way(Way&&) noexcept;
  Way& operator=(Way&&) = delete;
  ~Way();

  // Of these one at a time; the way outlives it.
  std::unique_ptr<Appender> appender();
  std::unique_ptr<MaildropReader> reader();
  // "check", "repair" or "compact" of one maildrop; the report as control/report_json.h has it, null for "compact".
  // Error: why not.
  std::expected<nlohmann::json, std::string> care(const std::string& care, const std::string& account);

 private:
  Way() = default;
  std::unique_ptr<LocalStore> local_;
  std::unique_ptr<control::Client> daemon_;
};

}  // namespace ringpost::program
