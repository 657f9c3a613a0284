// ringpost/control/identity.h: as whom the appliance's files are written (DESIGN 7, M19).
//
// Daemon and program ask the same question and must get the same answer, so that files are born right whoever makes
// them. Blocking; start-up and the program only. Errors are sentences ready to print.
#pragma once

#include <expected>
#include <string>
#include <sys/types.h>

#include <ringpost/config/configuration.h>

namespace ringpost::control {

struct Identity {
  uid_t user = 0;
  gid_t group = 0;
  std::string name;  // for reports; a number where the user has no name
};

// For root: appliance.user if it says one, else the owner of data_dir, else (root owns it, or it does not exist)
// `ringpost`, else `nobody`. For everybody else: themselves; appliance.user naming another one is an error.
std::expected<Identity, std::string> identity_of(const config::Appliance& appliance);

// Makes data_dir (0700, the identity's) where there is none, and opens it. A data_dir that the identity does not own is
// given to it while it is empty, else refused with advice.
std::expected<int, std::string> open_data_dir(const config::Appliance& appliance, const Identity& identity);

// M19: one daemon, or one program, owns a data folder. The lock lives as long as `data` or a copy of it is open.
// false: somebody else has it.
bool lock_data_dir(int data) noexcept;

// This thread's file-system identity (setfsuid); other threads keep theirs, later children of this one inherit it.
// Only root changes anything.
void write_files_as(const Identity& identity) noexcept;

}  // namespace ringpost::control
