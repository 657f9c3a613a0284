#include "running.h"

#include <nlohmann/json.hpp>

#include <ringpost/control/client.h>

namespace ringpost::program {

std::expected<std::optional<nlohmann::json>, std::string> ask_daemon(const config::Configuration& configuration,
                                                                     const nlohmann::json& request) {
  auto client = control::Client::connect(configuration.admin.socket);
  if (!client) return std::unexpected(client.error());
  if (!*client) return std::nullopt;
  if (auto sent = (*client)->send(request.dump()); !sent) return std::unexpected(sent.error());
  const auto line = (*client)->receive_line();
  if (!line) return std::unexpected(line.error());
  auto answer = nlohmann::json::parse(*line, nullptr, false);
  if (!answer.is_object()) return std::unexpected("the daemon's answer can't be understood");
  if (!answer.value("ok", false)) return std::unexpected(answer.value("error", std::string("the daemon refuses")));
  return answer;
}

}  // namespace ringpost::program
