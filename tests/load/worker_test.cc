// The whole harness against a small server in this process.
#include "worker.h"

#include <gtest/gtest.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "report.h"
#include "responder.h"

namespace ringpost::load {
namespace {

using namespace std::chrono_literals;
using Arguments = std::vector<std::string>;

struct Result {
  std::unique_ptr<Options> options;
  std::unique_ptr<Tally> tally;
  Duration elapsed{};

  std::uint64_t failures(Failure kind) const { return tally->failures_by_kind[static_cast<std::size_t>(kind)]; }
};

Result run(const Responder& responder, std::string scenario, Arguments more) {
  std::vector<std::string> words{"ringpost-load", std::move(scenario), responder.address(), "--password", "x"};
  words.insert(words.end(), more.begin(), more.end());
  std::vector<const char*> arguments;
  for (auto& word : words) arguments.push_back(word.c_str());
  auto options = options_of(static_cast<int>(arguments.size()), arguments.data());
  if (!options) throw std::runtime_error("wrong usage");
  Result result{std::make_unique<Options>(std::move(*options)), std::make_unique<Tally>()};
  Run run{.options = *result.options, .start = monotonic_now()};
  std::vector<std::unique_ptr<Worker>> workers;
  for (std::size_t i = 0; i < result.options->threads; ++i) workers.push_back(std::make_unique<Worker>(run, i));
  {
    std::vector<std::jthread> threads;
    for (auto& worker : workers) threads.emplace_back([&worker] { worker->run(); });
  }
  for (auto& worker : workers) {
    result.tally->merge(worker->tally());
    result.elapsed = std::max(result.elapsed, worker->ended() - run.start);
  }
  return result;
}

TEST(ClosedLoop, RunsSoManySessionsAndNeverTwoOfOneAccountAtOnce) {
  Responder responder{{}};
  auto result =
      run(responder, "poll", {"--accounts", "u{0..6}", "--connections", "5", "--sessions", "200", "--threads", "2"});
  EXPECT_EQ(result.tally->sessions.get(), 200u);
  EXPECT_EQ(result.tally->failures.get(), 0u);
  EXPECT_EQ(responder.logins(), 200);
  EXPECT_LE(responder.most_at_once(), 5);
  EXPECT_FALSE(responder.shared_an_account());
}

TEST(ClosedLoop, UnderstandsAnswersThatComeOctetByOctet) {
  Responder responder{{.slice = 1}};
  auto result =
      run(responder, "download",
          {"--accounts", "u{0..3}", "--connections", "4", "--sessions", "20", "--list", "both", "--pipeline"});
  EXPECT_EQ(result.tally->sessions.get(), 20u);
  EXPECT_EQ(result.tally->failures.get(), 0u);
  EXPECT_EQ(result.tally->messages, 40u);
  EXPECT_EQ(result.tally->message_octets, 200u);
}

TEST(ClosedLoop, EndsWhenItsTimeIsOver) {
  Responder responder{{}};
  auto result = run(responder, "poll", {"--accounts", "u0", "--connections", "1", "--duration", "200ms"});
  EXPECT_GT(result.tally->sessions.get(), 0u);
  EXPECT_GE(result.elapsed, 200ms);
  EXPECT_LT(result.elapsed, 5s);
}

TEST(OpenLoop, CountsTheWaitForASlowServerInEverySessionThatWasDueMeanwhile) {
  Responder responder{{.first_greeting = 400ms}};
  auto result =
      run(responder, "poll", {"--accounts", "u0", "--rate", "100", "--duration", "400ms", "--connections", "1"});
  EXPECT_EQ(result.tally->sessions.get(), 40u);
  EXPECT_EQ(result.tally->failures.get(), 0u);
  EXPECT_GE(result.tally->backlog_max, 30u);
  // Due every 10 ms while nobody was served: half of them waited 200 ms, not the fraction of one that their own
  // session took.
  EXPECT_GE(result.tally->session.percentile(0.5), 180ms);
  EXPECT_GE(result.tally->session.percentile(1), 390ms);
}

TEST(OpenLoop, KeepsItsRateWhenTheServerKeepsUp) {
  Responder responder{{}};
  auto result =
      run(responder, "poll", {"--accounts", "u{0..49}", "--rate", "200", "--duration", "500ms", "--threads", "2"});
  EXPECT_EQ(result.tally->sessions.get(), 100u);
  EXPECT_EQ(result.tally->failures.get(), 0u);
}

TEST(Idle, HoldsAllSessionsThenLeaves) {
  Responder responder{{}};
  auto result = run(responder, "idle", {"--accounts", "u{0..29}", "--connections", "30", "--duration", "500ms"});
  EXPECT_EQ(result.tally->sessions.get(), 30u);
  EXPECT_EQ(result.tally->failures.get(), 0u);
  EXPECT_EQ(responder.most_at_once(), 30);
}

TEST(Failures, AreCountedByKind) {
  {
    Responder responder{{.refuse_password_of = "u1"}};
    auto result = run(responder, "poll", {"--accounts", "u{0..1}", "--connections", "2", "--sessions", "20"});
    EXPECT_GT(result.failures(Failure::refused), 0u);
    EXPECT_EQ(result.failures(Failure::refused) + result.tally->sessions.get(), 20u);
  }
  {
    Responder responder{{.closes_after_login = true}};
    auto result = run(responder, "poll", {"--accounts", "u0", "--connections", "1", "--sessions", "3"});
    EXPECT_EQ(result.failures(Failure::closed), 3u);
  }
  {
    Responder responder{{.false_size = true}};
    auto result =
        run(responder, "poll", {"--accounts", "u0", "--connections", "1", "--sessions", "3", "--list", "list"});
    EXPECT_EQ(result.failures(Failure::mismatch), 3u);
  }
  {
    Responder responder{{.silent = true}};
    auto result =
        run(responder, "poll", {"--accounts", "u0", "--connections", "1", "--sessions", "1", "--timeout", "300ms"});
    EXPECT_EQ(result.failures(Failure::timed_out), 1u);
  }
}

TEST(Failures, StopTheRunWhenThereAreTooMany) {
  Responder responder{{.closes_after_login = true}};
  auto result =
      run(responder, "poll", {"--accounts", "u0", "--connections", "1", "--duration", "60s", "--failures-max", "5"});
  EXPECT_EQ(result.tally->failures.get(), 5u);
  EXPECT_LT(result.elapsed, 30s);
}

TEST(CommandLine, RefusesWhatCannotWork) {
  auto status_of = [](Arguments words) {
    words.insert(words.begin(), "ringpost-load");
    std::vector<const char*> arguments;
    for (auto& word : words) arguments.push_back(word.c_str());
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    auto options = options_of(static_cast<int>(arguments.size()), arguments.data());
    testing::internal::GetCapturedStdout();
    auto said = testing::internal::GetCapturedStderr();
    if (options) return 0;
    EXPECT_TRUE(options.error() == 0 || !said.empty());
    return options.error();
  };
  EXPECT_EQ(status_of({"poll", "127.0.0.1:1", "--accounts", "u{0..20}"}), 0);
  EXPECT_EQ(status_of({"poll", "127.0.0.1:1", "--accounts", "u{0..20}", "--tls"}), 2);
  EXPECT_EQ(status_of({"poll", "127.0.0.1:1"}), 2);
  EXPECT_EQ(status_of({"pole", "127.0.0.1:1", "--accounts", "u{0..20}"}), 2);
  EXPECT_EQ(status_of({"poll", "127.0.0.1:1", "--accounts", "u0", "--connections", "2"}), 2);
  EXPECT_EQ(status_of({"poll", "127.0.0.1:x", "--accounts", "u{0..20}"}), 2);
  EXPECT_EQ(status_of({"idle", "127.0.0.1:1", "--accounts", "u{0..20}", "--rate", "5"}), 2);
  EXPECT_EQ(status_of({"download", "127.0.0.1:1", "--accounts", "u{0..20}", "--message", "5..2"}), 2);
  EXPECT_EQ(status_of({"poll", "127.0.0.1:1", "--accounts", "u{0..20}", "--duration", "soon"}), 2);
}

TEST(Report, TheJsonTellsTheSameAsTheTable) {
  Responder responder{{.closes_after_login = true}};
  auto result = run(responder, "poll", {"--accounts", "u0", "--connections", "1", "--sessions", "2"});
  Outcome outcome{.options = *result.options, .tally = *result.tally, .elapsed = 2s, .client_cpu = 1s};
  auto json = nlohmann::json::parse(json_of(outcome));
  EXPECT_EQ(json["failures"], 2);
  EXPECT_EQ(json["failures_by_kind"]["closed"]["count"], 2);
  EXPECT_EQ(json["latency_us"]["greeting"]["count"], 2);
  auto table = table_of(outcome);
  EXPECT_NE(table.find("failures 2"), std::string::npos);
  EXPECT_NE(table.find("closed 2"), std::string::npos);
  EXPECT_EQ(table.find("session   "), std::string::npos);  // none ended, so there is no such row
}

}  // namespace
}  // namespace ringpost::load
