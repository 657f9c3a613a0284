// A ring that cannot be made says what is missing and what to do.

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "one_core.h"

namespace ringpost::ring {
namespace {

bool refuse_io_uring(int error) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{std::size(program), program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// What the start says in a process where `spoil` was done.
template <typename Spoil>
std::string message_after(Spoil spoil) {
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    std::string said = "it started";
    try {
      Cores cores(1);
      spoil();
      UringProactor proactor(cores, {}, {});
    } catch (const std::exception& error) {
      said = error.what();
    }
    [[maybe_unused]] const auto written = ::write(pipe_ends[1], said.data(), said.size());
    ::_exit(0);
  }
  ::close(pipe_ends[1]);
  std::string said;
  char buffer[512];
  ssize_t got = 0;
  while ((got = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0) said.append(buffer, static_cast<std::size_t>(got));
  ::close(pipe_ends[0]);
  ::waitpid(child, nullptr, 0);
  return said;
}

TEST(Start, AHiddenIoUringIsNamed) {
  const std::string said = message_after([] { ASSERT_TRUE(refuse_io_uring(ENOSYS)); });
  EXPECT_NE(said.find("seccomp"), std::string::npos) << said;
  EXPECT_NE(said.find("6.1"), std::string::npos) << said;
}

TEST(Start, AForbiddenIoUringIsNamed) {
  const std::string said = message_after([] { ASSERT_TRUE(refuse_io_uring(EPERM)); });
  EXPECT_TRUE(said.find("seccomp") != std::string::npos || said.find("io_uring_disabled") != std::string::npos) << said;
}

TEST(Start, AnOldKernelIsNamed) {
  const std::string said = message_after([] { ASSERT_TRUE(refuse_io_uring(EINVAL)); });
  EXPECT_NE(said.find("too old"), std::string::npos) << said;
  EXPECT_NE(said.find("6.1"), std::string::npos) << said;
}

TEST(Start, TooFewDescriptorsAreNamed) {
  const std::string said = message_after([] { ASSERT_TRUE(refuse_io_uring(EMFILE)); });
  EXPECT_NE(said.find("open files"), std::string::npos) << said;
}

TEST(Start, AnHonestMachineStarts) {
  EXPECT_EQ(message_after([] {}), "it started");
}

}  // namespace
}  // namespace ringpost::ring
