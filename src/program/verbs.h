// program/verbs.h: the verbs of `ringpost`, one function each; all give back the exit status.
#pragma once

#include <string>
#include <vector>

#include "options.h"
#include "transfer.h"

namespace ringpost::program {

int init(const Options&, const std::string& folder);

struct UserOptions {
  std::string name;
  bool password_stdin = false;
};
int user_add(const Options&, const UserOptions&);
int user_passwd(const Options&, const UserOptions&);
int user_remove(const Options&, const UserOptions&);
int user_list(const Options&);
int user_forget(const Options&, const UserOptions&);

int import_from_maildir(const Options&, const ImportOptions&);
int import_from_mbox(const Options&, const ImportOptions&);
int export_to_maildir(const Options&, const ExportOptions&);
int export_to_mbox(const Options&, const ExportOptions&);

int mailbox_list(const Options&, const std::string& account);
int mailbox_check(const Options&, const std::string& account);  // empty: all
int mailbox_repair(const Options&, const std::string& account);
int mailbox_compact(const Options&, const std::string& account);

int status(const Options&);
int sessions(const Options&);
int kick(const Options&, const std::string& who);
int reload(const Options&);
int doctor(const Options&);

// A script for the shell; `shell` is "bash" or "zsh".
std::string completion_script(const std::string& shell);
int completion(const std::string& shell);

}  // namespace ringpost::program
