// program/password.h: a new password from the person who sits there, or from a pipe.
#pragma once

#include <expected>
#include <string>

#include <ringpost/accounts/secret.h>

namespace ringpost::program {

// One line of standard input, its line end taken off (spaces and any UTF-8 stay).
std::expected<accounts::Secret, std::string> password_from_stdin();

// Asked twice on the terminal, without echo. Fails where there is no terminal.
std::expected<accounts::Secret, std::string> password_from_terminal(const std::string& account);

}  // namespace ringpost::program
