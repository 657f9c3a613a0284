#include "known_account.h"

#include <filesystem>
#include <fmt/format.h>

#include <ringpost/accounts/account_file.h>
#include <ringpost/store/names.h>

namespace ringpost::program {

bool has_folder(const config::Configuration& configuration, const std::string& account) {
  std::error_code error;
  return std::filesystem::exists(configuration.appliance.data_dir + "/" + store::folder_of(account).folder, error) ||
         error;
}

bool is_unknown(const config::Configuration& configuration, const std::string& account) {
  if (has_folder(configuration, account)) return false;
  const auto file = accounts::AccountFile::blocking_load(configuration.accounts.file, configuration.accounts.fold_case);
  return file && !(*file)->find(account);
}

std::string unknown_account(const std::string& account) {
  return fmt::format("there is no account {}, and no mail of one", account);
}

}  // namespace ringpost::program
