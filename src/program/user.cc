// ringpost user ...: the accounts file, edited in place; a running daemon is told to read it again.
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sys/random.h>
#include <sys/stat.h>

#include <ringpost/accounts/account_file.h>
#include <ringpost/accounts/account_name.h>
#include <ringpost/accounts/password_scheme.h>

#include "password.h"
#include "running.h"
#include "verbs.h"

namespace ringpost::program {
namespace {

using nlohmann::json;

std::expected<std::string, std::string> hashed(const accounts::Secret& password, const config::Accounts& settings) {
  std::array<char, 16> salt;
  if (getrandom(salt.data(), salt.size(), 0) != static_cast<ssize_t>(salt.size()))
    return std::unexpected(fmt::format("no random octets: {}", std::strerror(errno)));
  std::string secret = accounts::blocking_make_argon2id(
      password.reveal(), {settings.argon2_memory_kib, settings.argon2_passes}, {salt.data(), salt.size()});
  if (secret.empty())
    return std::unexpected("the password could not be hashed: not enough memory for accounts.argon2_memory");
  return secret;
}

int report(const Options& options, std::string_view what, const std::string& name, bool daemon_told) {
  if (options.json)
    fmt::print("{}\n", json({{"account", name}, {"done", what}, {"daemon_told", daemon_told}}).dump());
  else
    fmt::print("{} {}\n", name, what);
  return done;
}

// The daemon reads accounts when it starts, and when it is told.
int tell_and_report(const Options& options, const config::Configuration& configuration, std::string_view what,
                    const std::string& name) {
  const auto told = ask_daemon(configuration, {{"verb", "accounts"}});
  if (!told)
    return refuse(fmt::format("{} {}, but the running daemon did not take it over: {}", name, what, told.error()));
  return report(options, what, name, told->has_value());
}

int change(const Options& options, const UserOptions& user, accounts::Edit edit, std::string_view what) {
  int status = done;
  const auto configuration = read_configuration(options, status);
  if (!configuration) return status;
  umask(077);
  if (const char* fault = accounts::fault_of_name(user.name))
    return refuse(fmt::format("\"{}\" can't be a name: {}", user.name, fault));
  const config::Accounts& settings = configuration->accounts;
  const std::string name = accounts::canonical_name(user.name, settings.fold_case);
  if (const auto possible = accounts::edited("", settings.fold_case, accounts::Edit::add, name, ""); !possible)
    return refuse(possible.error());
  std::string secret;
  if (edit != accounts::Edit::remove) {
    // Asked before the password, so that nobody types one in vain.
    const auto file = accounts::AccountFile::blocking_load(settings.file, settings.fold_case);
    const bool known = file && (*file)->find(name) != nullptr;
    if (file && known != (edit == accounts::Edit::change))
      return refuse(known
                        ? fmt::format("{} is there already; `ringpost user passwd {}` changes the password", name, name)
                        : fmt::format("there is no account {}", name));
    const auto password = user.password_stdin ? password_from_stdin() : password_from_terminal(name);
    if (!password) return refuse(password.error());
    auto made = hashed(*password, settings);
    if (!made) return refuse(made.error());
    secret = std::move(*made);
  }
  const auto edited = accounts::blocking_edit(settings.file, settings.fold_case, edit, name, secret);
  if (!edited) return refuse(edited.error());
  return tell_and_report(options, *configuration, what, name);
}

}  // namespace

int user_add(const Options& options, const UserOptions& user) {
  return change(options, user, accounts::Edit::add, "added");
}

int user_passwd(const Options& options, const UserOptions& user) {
  return change(options, user, accounts::Edit::change, "has a new password");
}

int user_remove(const Options& options, const UserOptions& user) {
  return change(options, user, accounts::Edit::remove, "removed; its mail stays where it is");
}

int user_list(const Options& options) {
  int status = done;
  const auto configuration = read_configuration(options, status);
  if (!configuration) return status;
  const auto file =
      accounts::AccountFile::blocking_load(configuration->accounts.file, configuration->accounts.fold_case);
  if (!file) return refuse(file.error());
  json list = json::array();
  for (const accounts::Account& account : (*file)->accounts()) {
    list.push_back({{"account", account.name}, {"disabled", account.disabled}});
    if (!options.json) fmt::print("{}{}\n", account.name, account.disabled ? "  (disabled)" : "");
  }
  if (options.json) fmt::print("{}\n", list.dump(-1, ' ', false, json::error_handler_t::replace));
  return done;
}

int user_forget(const Options& options, const UserOptions& user) {
  int status = done;
  const auto configuration = read_configuration(options, status);
  if (!configuration) return status;
  const std::string name = accounts::canonical_name(user.name, configuration->accounts.fold_case);
  const auto told = ask_daemon(*configuration, {{"verb", "forget"}, {"account", name}});
  if (!told) return refuse(told.error());
  return report(options, *told ? "forgotten: its next login is checked anew" : "not remembered: no daemon runs", name,
                told->has_value());
}

}  // namespace ringpost::program
