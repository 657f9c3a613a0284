// ringpost mailbox ...: looking after maildrops.
#include <ctime>
#include <nlohmann/json.hpp>

#include <ringpost/accounts/account_name.h>

#include "verbs.h"
#include "way.h"

namespace ringpost::program {
namespace {

using nlohmann::json;

std::string time_text(WallTime time) {
  const std::time_t seconds = time.microseconds / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

// The configuration and the account's canonical name; null: `status` says what to exit with.
std::shared_ptr<const config::Configuration> prepare(const Options& options, std::string& account, int& status) {
  auto configuration = read_configuration(options, status);
  if (!configuration) return nullptr;
  if (const char* fault = accounts::fault_of_name(account)) {
    status = refuse(fmt::format("\"{}\": {}", account, fault));
    return nullptr;
  }
  account = accounts::canonical_name(account, configuration->accounts.fold_case);
  return configuration;
}

}  // namespace

int mailbox_list(const Options& options, const std::string& given) {
  int status = done;
  std::string account = given;
  const auto configuration = prepare(options, account, status);
  if (!configuration) return status;
  auto way = Way::find(configuration);
  if (!way) return refuse(way.error());
  const auto reader = way->reader();
  const auto list = reader->list(account);
  if (!list) return refuse(list.error());
  json array = json::array();
  if (!options.json) fmt::print("{:>8} {:>12}  {:<20}  {}\n", "number", "octets", "received", "UIDL");
  for (const Listed& message : *list) {
    if (options.json)
      array.push_back({{"number", message.number},
                       {"octets", message.octets},
                       {"received", time_text(message.received)},
                       {"uidl", message.uidl}});
    else
      fmt::print("{:>8} {:>12}  {:<20}  {}\n", message.number, message.octets, time_text(message.received),
                 message.uidl);
  }
  if (options.json) fmt::print("{}\n", array.dump(-1, ' ', false, json::error_handler_t::replace));
  return done;
}

int mailbox_compact(const Options& options, const std::string& given) {
  int status = done;
  std::string account = given;
  const auto configuration = prepare(options, account, status);
  if (!configuration) return status;
  auto way = Way::find(configuration);
  if (!way) return refuse(way.error());
  const auto compacted = way->compact(account);
  if (!compacted) return refuse(compacted.error());
  if (options.json)
    fmt::print("{}\n", json({{"account", account}, {"done", "compacted"}}).dump());
  else
    fmt::print("{} compacted\n", account);
  return done;
}

}  // namespace ringpost::program
