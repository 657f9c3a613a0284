// program/local_way.h: Appender and MaildropReader on the files.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "appender.h"
#include "local_store.h"

namespace ringpost::program {

std::unique_ptr<Appender> local_appender(LocalStore& store);
std::unique_ptr<MaildropReader> local_reader(LocalStore& store);
// `care` is "check", "repair" or "compact"; the report as control/report_json.h has it, null for "compact".
std::expected<nlohmann::json, std::string> local_care(LocalStore& store, const std::string& care,
                                                      const std::string& account);

}  // namespace ringpost::program
