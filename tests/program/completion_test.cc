#include <cstdio>
#include <gtest/gtest.h>

#include "../../src/program/verbs.h"

namespace ringpost::program {
namespace {

TEST(Completion, TheScriptIsOneThatBashCanRead) {
  std::FILE* shell = popen("bash -n", "w");
  ASSERT_NE(shell, nullptr);
  std::fputs(completion_script("bash").c_str(), shell);
  EXPECT_EQ(pclose(shell), 0);
}

// A stand-in for the program tells what it was asked for.
TEST(Completion, VerbsComeFromTheHelpAndNamesFromTheAccounts) {
  const std::string script = completion_script("bash") + R"script(
ringpost() {
  case "$*" in
    "--help") printf '  user    Accounts\n  use     x\n  --json  JSON\n' ;;
    "--config c user list") printf 'alice\nbob\n' ;;
  esac
}
COMP_WORDS=(ringpost us); COMP_CWORD=1; _ringpost; [ "${COMPREPLY[*]}" = "user use" ] || exit 1
COMP_WORDS=(ringpost --js); COMP_CWORD=1; _ringpost; [ "${COMPREPLY[*]}" = "--json" ] || exit 2
COMP_WORDS=(ringpost --config c user passwd a); COMP_CWORD=5; _ringpost; [ "${COMPREPLY[*]}" = "alice" ] || exit 3
)script";
  std::FILE* shell = popen("bash", "w");
  ASSERT_NE(shell, nullptr);
  std::fputs(script.c_str(), shell);
  EXPECT_EQ(pclose(shell), 0);
}

}  // namespace
}  // namespace ringpost::program
