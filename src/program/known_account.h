// program/known_account.h: is there such an account, or at least mail of one? A slip of the pen is told, and makes
// nothing.
#pragma once

#include <string>

#include <ringpost/config/configuration.h>

namespace ringpost::program {

// Is there a maildrop's folder of that canonical name? Also yes where that cannot be told: whoever opens it says why.
bool has_folder(const config::Configuration& configuration, const std::string& account);

// Neither an account nor mail bears the name. An account that is gone is known by its mail.
bool is_unknown(const config::Configuration& configuration, const std::string& account);
std::string unknown_account(const std::string& account);  // the refusal

}  // namespace ringpost::program
