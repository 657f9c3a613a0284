#include "stage.h"

#include <chrono>
#include <thread>
#include <variant>

namespace ringpost::pop3 {

using std::chrono::milliseconds;

void KeptLog::write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) noexcept {
  std::string line(event);
  for (const LogField& field : fields) {
    line.append(" ").append(field.key).append("=");
    std::visit(
        [&line](const auto& value) {
          using Value = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<Value, std::string_view>)
            line += value;
          else
            line += std::to_string(value);
        },
        field.value);
  }
  const std::lock_guard lock(mutex_);
  lines_.push_back(std::move(line));
}

std::vector<std::string> KeptLog::lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

bool KeptLog::has_now(std::string_view event, std::string_view part) const {
  for (const std::string& line : lines())
    if (line.starts_with(event) && line.find(part) != std::string::npos) return true;
  return false;
}

bool KeptLog::has(std::string_view event, std::string_view part) const {
  for (int tried = 0; tried < 500; ++tried) {
    if (has_now(event, part)) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

HouseSettings::HouseSettings() {
  config::VirtualServer server;
  server.name = "test";
  server.require_tls = config::RequireTls::never;
  configuration.virtual_servers.push_back(server);
  configuration.store.reserve = 0;
  configuration.accounts.failure_grid = milliseconds(20);
  configuration.accounts.argon2_memory_kib = 64;
  configuration.accounts.argon2_passes = 1;
}

}  // namespace ringpost::pop3
