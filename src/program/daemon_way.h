// program/daemon_way.h: Appender and MaildropReader through the running daemon (docs/control.md).
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include <ringpost/control/client.h>

#include "appender.h"

namespace ringpost::program {

std::unique_ptr<Appender> daemon_appender(control::Client& daemon);
std::unique_ptr<MaildropReader> daemon_reader(control::Client& daemon);
// As local_care() (program/local_way.h).
std::expected<nlohmann::json, std::string> daemon_care(control::Client& daemon, const std::string& care,
                                                       const std::string& account);

}  // namespace ringpost::program
