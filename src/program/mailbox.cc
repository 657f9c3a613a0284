// ringpost mailbox ...: looking after maildrops.
#include <algorithm>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>

#include <ringpost/accounts/account_name.h>
#include <ringpost/store/names.h>

#include "known_account.h"
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
  if (is_unknown(*configuration, account)) {
    status = refuse(unknown_account(account));
    return nullptr;
  }
  return configuration;
}

void print_json(const json& value) {
  fmt::print("{}\n", value.dump(-1, ' ', false, json::error_handler_t::replace));
}

void print_findings(const json& check) {
  for (const json& finding : check.value("findings", json::array())) {
    const std::string uidl = finding.value("uidl", std::string());
    fmt::print("{} at {}, {} octets: {}{}{}\n", finding.value("file", std::string()), finding.value("offset", 0ull),
               finding.value("octets", 0ull), finding.value("what", std::string()), uidl.empty() ? "" : " ", uidl);
  }
  if (const auto more = check.value("findings_left_out", 0ull)) fmt::print("and {} findings more\n", more);
}

void print_check(const std::string& account, const json& check) {
  print_findings(check);
  const std::string verdict =
      check.value("whole", false) ? "whole" : fmt::format("{} findings need repair", check.value("harm", 0ull));
  fmt::print("{}: {}; {} messages, {} octets of log verified{}\n", account, verdict, check.value("messages", 0ull),
             check.value("log_octets", 0ull),
             check.value("past_cache", true) ? "" : " (from the page cache: this file system reads no other way)");
}

// By the folders that are there: also of accounts that are gone. Error: not all of them can be seen.
std::expected<std::vector<std::string>, std::string> every_maildrop(const std::string& data_dir) {
  std::vector<std::string> accounts;
  std::error_code error;
  for (auto at = std::filesystem::recursive_directory_iterator(data_dir, error);
       !error && at != std::filesystem::end(at); at.increment(error)) {
    if (at.depth() != 2) continue;
    at.disable_recursion_pending();
    const auto account = store::decoded_name(at->path().filename().string());
    if (account && at->is_directory(error)) accounts.push_back(*account);
  }
  if (error) return std::unexpected(fmt::format("{}: can't be looked through: {}", data_dir, error.message()));
  std::sort(accounts.begin(), accounts.end());
  return accounts;
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
  if (options.json) print_json(array);
  return done;
}

int mailbox_compact(const Options& options, const std::string& given) {
  int status = done;
  std::string account = given;
  const auto configuration = prepare(options, account, status);
  if (!configuration) return status;
  auto way = Way::find(configuration);
  if (!way) return refuse(way.error());
  const auto compacted = way->care("compact", account);
  if (!compacted) return refuse(fmt::format("{}: {}", account, compacted.error()));
  if (options.json)
    print_json({{"account", account}, {"done", "compacted"}});
  else
    fmt::print("{} compacted\n", account);
  return done;
}

int mailbox_repair(const Options& options, const std::string& given) {
  int status = done;
  std::string account = given;
  const auto configuration = prepare(options, account, status);
  if (!configuration) return status;
  auto way = Way::find(configuration);
  if (!way) return refuse(way.error());
  auto report = way->care("repair", account);
  if (!report) return refuse(fmt::format("{}: {}", account, report.error()));
  if (options.json) {
    (*report)["account"] = account;
    print_json(*report);
    return done;
  }
  print_findings((*report)["before"]);
  if (!report->value("mended", false)) {
    fmt::print("{}: nothing was wrong, nothing was changed\n", account);
    return done;
  }
  fmt::print("{}: mended; {} messages kept, {} lost\n", account, report->value("messages_kept", 0ull),
             report->value("messages_lost", 0ull));
  if (const std::string aside = report->value("set_aside", std::string()); !aside.empty())
    fmt::print("the damaged log is kept as {}\n", aside);
  return done;
}

int mailbox_check(const Options& options, const std::string& given) {
  int status = done;
  std::string account = given;
  const auto configuration = given.empty() ? read_configuration(options, status) : prepare(options, account, status);
  if (!configuration) return status;
  auto way = Way::find(configuration);
  if (!way) return refuse(way.error());
  const auto accounts = given.empty() ? every_maildrop(configuration->appliance.data_dir) : std::vector{account};
  if (!accounts) return refuse(accounts.error());
  json reports = json::array();
  std::size_t harmed = 0, unchecked = 0;
  for (const std::string& each : *accounts) {
    if (!has_folder(*configuration, each)) {  // an account to which no mail ever came
      if (!options.json) fmt::print("{}: no mail yet\n", each);
      continue;
    }
    auto report = way->care("check", each);
    if (!report) {  // the others are looked at all the same
      ++unchecked;
      refuse(fmt::format("{}: {}", each, report.error()));
      reports.push_back({{"account", each}, {"whole", false}, {"error", report.error()}});
      continue;
    }
    (*report)["account"] = each;
    if (!report->value("whole", false)) ++harmed;
    if (!options.json) print_check(each, *report);
    reports.push_back(std::move(*report));
  }
  if (options.json) print_json(reports);
  if (harmed > 0)
    refuse(fmt::format("{} of {} maildrops need `ringpost mailbox repair NAME`", harmed, accounts->size()));
  if (unchecked > 0 && accounts->size() > 1)
    refuse(fmt::format("{} of {} maildrops could not be checked", unchecked, accounts->size()));
  return harmed + unchecked == 0 ? done : refused;
}

}  // namespace ringpost::program
