// daemon/child.h: the serving half of ringpostd.
//
// Its oath: it becomes an unprivileged user and can never be more, dies with its parent, dumps no core, opens no path
// but below the data folder that it was given, and binds no socket. It runs the cores, the two pools, the log's thread
// and, on its first thread, the control plane.
#pragma once

#include <cstdint>
#include <sys/types.h>
#include <vector>

#include <ringpost/control/identity.h>

namespace ringpost::daemon {

// Takes what the parent hands over on `channel`, serves, and ends the process.
[[noreturn]] void run_child(int channel, const control::Identity& identity, const std::vector<std::uint32_t>& cpus,
                            pid_t parent);

}  // namespace ringpost::daemon
