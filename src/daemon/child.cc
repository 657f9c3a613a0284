#include "child.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "code_pages.h"
#include "serving.h"

namespace ringpost::daemon {
namespace {

// After this, nothing that a client achieves in this process can give it more than `identity` may do.
std::expected<void, std::string> give_up_privileges(const control::Identity& identity, pid_t parent) {
  const auto failed = [](const char* what) {
    return std::unexpected(fmt::format("{}: {}", what, std::strerror(errno)));
  };
  if (geteuid() == 0) {
    if (setgroups(1, &identity.group) != 0) return failed("setgroups");
    if (setresgid(identity.group, identity.group, identity.group) != 0) return failed("setresgid");
    if (setresuid(identity.user, identity.user, identity.user) != 0) return failed("setresuid");
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no-new-privileges");
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return failed("PR_SET_DUMPABLE");
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return failed("PR_SET_PDEATHSIG");
  if (getppid() != parent) return std::unexpected("the parent ended before its child began");
  umask(077);
  if (chdir("/") != 0) return failed("chdir");
  return {};
}

}  // namespace

void run_child(int channel_end, const control::Identity& identity, const std::vector<std::uint32_t>& cpus,
               pid_t parent) {
  Channel channel(channel_end);
  const auto begun = give_up_privileges(identity, parent);
  if (!begun) {
    channel.send(Note::failed, begun.error());
    _exit(1);
  }
  blocking_bring_in_code();
  const int status = serve_as_child(channel, cpus);
  // The threads of cores and pools have ended; what else the process holds goes with it.
  std::fflush(stdout);
  _exit(status);
}

}  // namespace ringpost::daemon
