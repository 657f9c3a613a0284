#include <gtest/gtest.h>
#include <optional>

#include <ringpost/accounts/authenticator.h>

#include "still_proactor.h"

namespace ringpost::accounts {
namespace {

using std::chrono::milliseconds;

class SilentLog final : public EventLog {
 public:
  void write(LogLevel, std::string_view, std::initializer_list<LogField>) noexcept override {}
};

std::shared_ptr<const AccountFile> accounts_of(std::string_view text) {
  auto file = AccountFile::parse(text, "users", true);
  EXPECT_TRUE(file) << file.error();
  return file.value_or(nullptr);
}

constexpr std::string_view two_accounts = "anna:{PLAIN}right horse\nberta:{PLAIN}other\ncarl:!gone\n";

class AuthenticatorTest : public ::testing::Test {
 protected:
  AuthenticatorTest() {
    settings.argon2_memory_kib = 64;
    settings.argon2_passes = 1;
    make(two_accounts);
  }
  void make(std::string_view text) {
    authenticator = std::make_unique<Authenticator>(proactor, settings, accounts_of(text), log);
  }

  struct Answer {
    LoginResult result;
    Duration after{};
    bool waited_for_the_pool = false;
  };

  Answer ask(std::string name, std::string_view password, std::uint32_t failures = 0, Duration hash_cost = {}) {
    std::optional<LoginResult> result;
    const Instant asked = proactor.now();
    const auto jobs_before = proactor.jobs_run;
    ring::spawn(gate, keep(std::move(name), Secret(password), failures, result));
    proactor.run_jobs(hash_cost);
    while (!result) proactor.advance(milliseconds(10));
    return {*result, answered - asked, proactor.jobs_run != jobs_before};
  }

  ring::Task<void> keep(std::string name, Secret password, std::uint32_t failures, std::optional<LoginResult>& into) {
    auto result = co_await authenticator->verify(std::move(name), std::move(password), failures);
    answered = proactor.now();
    into = std::move(result);
  }

  Instant answered{};

  StillProactor proactor;
  SilentLog log;
  config::Accounts settings;
  ring::Gate gate;
  std::unique_ptr<Authenticator> authenticator;
};

TEST_F(AuthenticatorTest, RightPasswordIsGrantedAtOnceUnderTheCanonicalName) {
  const Answer answer = ask("Anna", "right horse");
  EXPECT_EQ(answer.result.verdict, Verdict::granted);
  EXPECT_EQ(answer.result.account, "anna");
  EXPECT_EQ(answer.after, Duration{});
}

// E003, P046, DESIGN 7: the same octets at the same time.
TEST_F(AuthenticatorTest, WrongPasswordUnknownDisabledAndEmptyLeaveAtTheSameTimeAfterTheSameWork) {
  for (const auto& [name, password] :
       std::initializer_list<std::pair<const char*, const char*>>{{"anna", "wrong"},
                                                                  {"nobody", "right horse"},
                                                                  {"carl", "gone"},
                                                                  {"carl", "!gone"},
                                                                  {"anna", ""},
                                                                  {"nobody", ""}}) {
    const Answer answer = ask(name, password, 0, milliseconds(30));
    EXPECT_EQ(answer.result.verdict, Verdict::refused) << name;
    EXPECT_EQ(answer.after, milliseconds(250)) << name;
    EXPECT_TRUE(answer.waited_for_the_pool) << name;
    EXPECT_TRUE(answer.result.account.empty());
  }
}

TEST_F(AuthenticatorTest, AHashThatTakesLongerLeavesOnTheNextLineOfTheGrid) {
  EXPECT_EQ(ask("anna", "wrong", 0, milliseconds(251)).after, milliseconds(500));
  EXPECT_EQ(ask("nobody", "wrong", 0, milliseconds(251)).after, milliseconds(500));
  EXPECT_EQ(ask("anna", "wrong", 0, milliseconds(250)).after, milliseconds(250));
}

TEST_F(AuthenticatorTest, EveryFailureBeforeMovesTheAnswerByAStep) {
  for (std::uint32_t failures = 0; failures < 4; ++failures)
    EXPECT_EQ(ask("anna", "wrong", failures).after, milliseconds(250) * (failures + 1));
}

TEST_F(AuthenticatorTest, AnEmptyPasswordIsRefusedEvenWhereItWouldFit) {
  make("dora:{SSHA}spXRFxNal2PaKC59rnOlyn0+WxFzYWx0\n");  // SSHA of an empty password
  EXPECT_EQ(ask("dora", "").result.verdict, Verdict::refused);
}

TEST_F(AuthenticatorTest, TheNextLoginCostsNoHash) {
  EXPECT_TRUE(ask("anna", "right horse").waited_for_the_pool);
  const Answer again = ask("ANNA", "right horse");
  EXPECT_EQ(again.result.verdict, Verdict::granted);
  EXPECT_FALSE(again.waited_for_the_pool);
  EXPECT_EQ(authenticator->counters().cache_hits, 1U);
  EXPECT_EQ(authenticator->counters().hashes, 1U);
}

TEST_F(AuthenticatorTest, AWrongPasswordIsNeverCached) {
  ask("anna", "wrong");
  EXPECT_TRUE(ask("anna", "wrong").waited_for_the_pool);
}

TEST_F(AuthenticatorTest, TheCacheForgetsAfterItsTimeToLive) {
  ask("anna", "right horse");
  proactor.advance(std::chrono::minutes(59));
  EXPECT_FALSE(ask("anna", "right horse").waited_for_the_pool);
  proactor.advance(std::chrono::minutes(2));
  EXPECT_TRUE(ask("anna", "right horse").waited_for_the_pool);
}

TEST_F(AuthenticatorTest, AChangedSecretMissesAndTheOthersStay) {
  ask("anna", "right horse");
  ask("berta", "other");
  authenticator->replace(accounts_of("anna:{PLAIN}new\nberta:{PLAIN}other\n"));
  EXPECT_EQ(ask("anna", "right horse").result.verdict, Verdict::refused);
  EXPECT_EQ(ask("anna", "new").result.verdict, Verdict::granted);
  EXPECT_FALSE(ask("berta", "other").waited_for_the_pool);
}

TEST_F(AuthenticatorTest, ARemovedOrDisabledAccountIsRefusedAlthoughItIsCached) {
  ask("anna", "right horse");
  ask("berta", "other");
  authenticator->replace(accounts_of("anna:{PLAIN}right horse::::::nologin\n"));
  EXPECT_EQ(ask("anna", "right horse").result.verdict, Verdict::refused);
  EXPECT_EQ(ask("berta", "other").result.verdict, Verdict::refused);
}

TEST_F(AuthenticatorTest, ForgetEmptiesTheCacheForOneAccount) {
  ask("anna", "right horse");
  ask("berta", "other");
  authenticator->forget("Anna");
  EXPECT_TRUE(ask("anna", "right horse").waited_for_the_pool);
  EXPECT_FALSE(ask("berta", "other").waited_for_the_pool);
}

// E005, E007: never a refusal, and it comes at once for the known and the unknown.
TEST_F(AuthenticatorTest, AFullPoolIsATemporaryFaultForEverybody) {
  proactor.pool_full = true;
  for (const char* name : {"anna", "nobody"}) {
    const Answer answer = ask(name, "right horse", 3);
    EXPECT_EQ(answer.result.verdict, Verdict::temporary);
    EXPECT_EQ(answer.after, Duration{});
  }
  EXPECT_EQ(authenticator->counters().temporary, 2U);
  EXPECT_EQ(authenticator->counters().refused, 0U);
}

TEST_F(AuthenticatorTest, AReloadWhileAHashIsUnderWayTouchesNothingThatIsGone) {
  std::optional<LoginResult> result;
  ring::spawn(gate, keep("anna", Secret("right horse"), 0, result));
  authenticator->replace(accounts_of(""));
  proactor.run_jobs();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->verdict, Verdict::granted);  // it was right when it was asked
  EXPECT_EQ(ask("anna", "right horse").result.verdict, Verdict::refused);
}

TEST_F(AuthenticatorTest, AnEmptyFileStillCostsAHash) {
  make("# nobody yet\n");
  EXPECT_TRUE(ask("anna", "x").waited_for_the_pool);
}

TEST_F(AuthenticatorTest, ACacheWithoutRoomNeverHolds) {
  settings.cache_octets_max = 0;
  make(two_accounts);
  ask("anna", "right horse");
  EXPECT_TRUE(ask("anna", "right horse").waited_for_the_pool);
}

TEST_F(AuthenticatorTest, TheCacheStaysWithinItsBound) {
  settings.cache_octets_max = 4096;
  std::string text;
  for (int at = 0; at < 500; ++at) text += "u" + std::to_string(at) + ":{PLAIN}p\n";
  make(text);
  for (int at = 0; at < 500; ++at) ask("u" + std::to_string(at), "p");
  EXPECT_LE(authenticator->counters().cache_octets, 4096U);
  EXPECT_GT(authenticator->counters().cache_octets, 2000U);
}

TEST(Secret, LeavesNothingWhereItWasMovedFrom) {
  Secret first("short pass");
  const char* inside = first.reveal().data();
  Secret second(std::move(first));
  EXPECT_EQ(second.reveal(), "short pass");
  EXPECT_EQ(std::string_view(inside, 10), std::string_view("\0\0\0\0\0\0\0\0\0\0", 10));
  Secret third("x");
  third = std::move(second);
  EXPECT_EQ(third.reveal(), "short pass");
  EXPECT_TRUE(second.empty());  // NOLINT: that is the question
}

}  // namespace
}  // namespace ringpost::accounts
