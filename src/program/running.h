// program/running.h: asking the running daemon, for verbs that are one question and one answer.
#pragma once

#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include <ringpost/config/configuration.h>

namespace ringpost::program {

// The answer; nullopt: no daemon runs for this appliance. An error is the daemon's refusal, or why it can't be asked.
std::expected<std::optional<nlohmann::json>, std::string> ask_daemon(const config::Configuration& configuration,
                                                                     const nlohmann::json& request);

}  // namespace ringpost::program
