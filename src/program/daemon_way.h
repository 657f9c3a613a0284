// program/daemon_way.h: Appender and MaildropReader through the running daemon (docs/control.md).
#pragma once

#include <memory>

#include <ringpost/control/client.h>

#include "appender.h"

namespace ringpost::program {

std::unique_ptr<Appender> daemon_appender(control::Client& daemon);
std::unique_ptr<MaildropReader> daemon_reader(control::Client& daemon);
std::expected<void, std::string> daemon_compact(control::Client& daemon, const std::string& account);

}  // namespace ringpost::program
