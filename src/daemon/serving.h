// daemon/serving.h: the child at work, from the first handing-over to the end of its drain.
#pragma once

#include <cstdint>
#include <vector>

#include "channel.h"

namespace ringpost::daemon {

// On the child's first thread, which becomes the control thread. The exit status.
int serve_as_child(Channel& channel, const std::vector<std::uint32_t>& cpus);

}  // namespace ringpost::daemon
