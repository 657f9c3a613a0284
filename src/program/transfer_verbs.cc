// ringpost import, export: which way, which format, and what to tell at the end.
#include <nlohmann/json.hpp>

#include <ringpost/accounts/account_file.h>
#include <ringpost/accounts/account_name.h>

#include "known_account.h"
#include "progress_bar.h"
#include "verbs.h"
#include "way.h"

namespace ringpost::program {
namespace {

using nlohmann::json;

// --dry-run reads and reports only; nothing is ever submitted.
class NoAppender final : public Appender {
 public:
  void submit(const std::string&, std::unique_ptr<Prepared>) override {}
  std::optional<std::expected<Outcome, std::string>> next() override { return std::nullopt; }
  std::size_t under_way() const override { return 0; }
};

// The name as the store knows it. Error: no such account, so that a slip of the pen makes no maildrop.
std::expected<std::string, std::string> known_account(const config::Configuration& configuration,
                                                      const std::string& given) {
  const auto file = accounts::AccountFile::blocking_load(configuration.accounts.file, configuration.accounts.fold_case);
  if (!file) return std::unexpected(file.error());
  const accounts::Account* account = (*file)->find(given);
  if (!account)
    return std::unexpected(fmt::format("there is no account {}; `ringpost user add {}` makes it", given, given));
  return account->name;
}

void print_notes(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) fmt::print(stderr, "ringpost: {}\n", printable(note));
}

void print_json(const json& value) {
  fmt::print("{}\n", value.dump(-1, ' ', false, json::error_handler_t::replace));
}

int report(const Options& options, const ImportReport& result, bool dry_run) {
  if (options.json) {
    print_json({{"found", result.found},
                {"added", result.added},
                {"already_there", result.already_there},
                {"octets", result.octets},
                {"uidl_kept", result.uidl_kept},
                {"uidl_unknown", result.uidl_unknown},
                {"uidl_replaced", result.uidl_replaced},
                {"skipped", result.skipped},
                {"failed", result.failed},
                {"doubts", result.doubts},
                {"dry_run", dry_run},
                {"notes", result.notes}});
  } else {
    print_notes(result.notes);
    if (dry_run)
      fmt::print("{} messages would be imported; nothing was\n", result.found);
    else
      fmt::print("{} messages added, {} were there already\n", result.added, result.already_there);
    if (result.uidl_kept) fmt::print("{} UIDLs kept\n", result.uidl_kept);
    if (result.uidl_unknown + result.uidl_replaced)
      fmt::print("{} messages get a new UIDL: clients that leave mail on the server will download them again\n",
                 result.uidl_unknown + result.uidl_replaced);
    if (result.skipped) fmt::print("{} entries skipped\n", result.skipped);
    if (result.doubts) fmt::print("{} lines of the mbox may be read in two ways\n", result.doubts);
  }
  return result.failed ? refuse(fmt::format("{} messages were not imported; run it again for those", result.failed))
                       : done;
}

template <typename Import>
int import_with(const Options& options, ImportOptions import, Import run) {
  int status = done;
  const auto configuration = read_configuration(options, status);
  if (!configuration) return status;
  const auto account = known_account(*configuration, import.account);
  if (!account) return refuse(account.error());
  import.account = *account;
  import.replace_nul = configuration->store.replace_nul;
  std::optional<Way> way;
  std::unique_ptr<Appender> appender = std::make_unique<NoAppender>();
  if (!import.dry_run) {
    auto found = Way::find(configuration);
    if (!found) return refuse(found.error());
    way.emplace(std::move(*found));
    appender = way->appender();
  }
  std::expected<ImportReport, std::string> result;
  {
    ProgressBar bar(!options.json);
    result = run(import, *appender, bar);
  }
  appender.reset();
  if (!result) return refuse(result.error());
  return report(options, *result, import.dry_run);
}

template <typename Export>
int export_with(const Options& options, ExportOptions wanted, Export run) {
  int status = done;
  const auto configuration = read_configuration(options, status);
  if (!configuration) return status;
  if (const char* fault = accounts::fault_of_name(wanted.account))
    return refuse(fmt::format("\"{}\": {}", wanted.account, fault));
  wanted.account = accounts::canonical_name(wanted.account, configuration->accounts.fold_case);
  if (is_unknown(*configuration, wanted.account)) return refuse(unknown_account(wanted.account));
  auto way = Way::find(configuration);
  if (!way) return refuse(way.error());
  const auto reader = way->reader();
  std::expected<ExportReport, std::string> result;
  {
    ProgressBar bar(!options.json);
    result = run(wanted, *reader, bar);
  }
  if (!result) return refuse(result.error());
  if (options.json) {
    print_json({{"written", result->written},
                {"already_there", result->already_there},
                {"failed", result->failed},
                {"notes", result->notes}});
  } else {
    print_notes(result->notes);
    fmt::print("{} messages written, {} were there already\n", result->written, result->already_there);
  }
  return result->failed ? refuse(fmt::format("{} messages could not be written", result->failed)) : done;
}

}  // namespace

int import_from_maildir(const Options& options, const ImportOptions& import) {
  return import_with(options, import, import_maildir);
}
int import_from_mbox(const Options& options, const ImportOptions& import) {
  return import_with(options, import, import_mbox);
}
int export_to_maildir(const Options& options, const ExportOptions& wanted) {
  return export_with(options, wanted, export_maildir);
}
int export_to_mbox(const Options& options, const ExportOptions& wanted) {
  return export_with(options, wanted, export_mbox);
}

}  // namespace ringpost::program
