// daemon/parent.h: the privileged half of ringpostd.
//
// Its oath: it reads the configuration, opens what needs rights (ports below 1024, the data folder, accounts file, log
// file, admin socket), hands the descriptors to its child, passes on signals, and does nothing else. It talks to no
// client and parses nothing that a client sent. When the child dies, it ends with an error; it starts no second one.
#pragma once

#include <string>

namespace ringpost::daemon {

// Serves until it is told to stop. The exit status.
int serve(const std::string& config_path);

}  // namespace ringpost::daemon
