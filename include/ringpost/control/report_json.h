// ringpost/control/report_json.h: what check and repair found, as JSON: for the control socket and for `ringpost
// --json`.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <ringpost/store/check.h>

namespace ringpost::control {

nlohmann::json json_of(const store::CheckReport& report);
nlohmann::json json_of(const store::RepairReport& report);

}  // namespace ringpost::control
