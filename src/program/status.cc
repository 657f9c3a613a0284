// ringpost status, sessions, kick, reload: the running daemon's own words, as a table or as JSON.
#include <nlohmann/json.hpp>

#include "running.h"
#include "verbs.h"

namespace ringpost::program {
namespace {

using nlohmann::json;

constexpr const char* not_running = "no daemon runs for this appliance";

// Asks, and gives back the answer without its "ok"; a null value: `status` says what to exit with.
json ask(const Options& options, const json& request, int& status) {
  const auto configuration = read_configuration(options, status);
  if (!configuration) return nullptr;
  auto answer = ask_daemon(*configuration, request);
  if (!answer)
    status = refuse(answer.error());
  else if (!*answer)
    status = refuse(not_running);
  if (!answer || !*answer) return nullptr;
  (**answer).erase("ok");
  return std::move(**answer);
}

void print_json(const json& value) {
  fmt::print("{}\n", value.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

int status(const Options& options) {
  int status = done;
  const json answer = ask(options, {{"verb", "status"}}, status);
  if (answer.is_null()) return status;
  if (options.json) return print_json(answer), done;
  std::size_t width = 0;
  for (const auto& [key, value] : answer.items()) width = std::max(width, key.size());
  for (const auto& [key, value] : answer.items()) fmt::print("{:<{}}  {}\n", key, width, text_of(value));
  return done;
}

int sessions(const Options& options) {
  int status = done;
  const json answer = ask(options, {{"verb", "sessions"}}, status);
  if (answer.is_null()) return status;
  const json list = answer.value("sessions", json::array());
  if (options.json) return print_json(list), done;
  fmt::print("{:<10} {:<24} {:<24} {:<14} {:<14} {:>8} {:>8}\n", "id", "account", "client", "server", "state",
             "seconds", "silent");
  for (const json& session : list)
    fmt::print("{:<10} {:<24} {:<24} {:<14} {:<14} {:>8} {:>8}\n", text_of(session.value("id", json(""))),
               text_of(session.value("account", json(""))), text_of(session.value("client", json(""))),
               text_of(session.value("server", json(""))), text_of(session.value("state", json(""))),
               text_of(session.value("seconds", json(0))), text_of(session.value("silent_seconds", json(0))));
  return done;
}

int kick(const Options& options, const std::string& who) {
  int status = done;
  const json answer = ask(options, {{"verb", "kick"}, {"who", who}}, status);
  if (answer.is_null()) return status;
  const auto ended = answer.value("ended", 0);
  if (options.json) print_json(answer);
  if (ended == 0) return refuse(fmt::format("no session of \"{}\"", who));
  if (!options.json) fmt::print("{} session{} ended\n", ended, ended == 1 ? "" : "s");
  return done;
}

int reload(const Options& options) {
  int status = done;
  const json answer = ask(options, {{"verb", "reload"}}, status);
  if (answer.is_null()) return status;
  if (options.json) return print_json(answer), done;
  fmt::print("reloaded\n");
  for (const json& remark : answer.value("remarks", json::array())) fmt::print("{}\n", text_of(remark));
  return done;
}

}  // namespace ringpost::program
