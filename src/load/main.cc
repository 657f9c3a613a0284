// ringpost-load: puts load on a POP3 server and measures it. --help tells the rest.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "options.h"
#include "report.h"
#include "worker.h"

namespace ringpost::load {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void stop_on_signals() {
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

// The main thread stays with its workers, so that it disturbs no server on another CPU.
void pin_to(const std::vector<int>& cpus) {
  if (cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int cpu : cpus) CPU_SET(static_cast<std::size_t>(cpu), &set);
  sched_setaffinity(0, sizeof set, &set);
}

// Descriptors for the connections: as many as this user may have.
void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Duration client_cpu() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto of = [](timeval time) { return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec}; };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

using Workers = std::vector<std::unique_ptr<Worker>>;

struct Sum {
  std::uint64_t sessions = 0, failures = 0, octets = 0, logged_in = 0;
};
Sum sum_of(const Workers& workers) {
  Sum sum;
  for (const auto& worker : workers) {
    sum.sessions += worker->tally().sessions.get();
    sum.failures += worker->tally().failures.get();
    sum.octets += worker->tally().octets_received.get();
    sum.logged_in += worker->tally().logged_in.get();
  }
  return sum;
}

// Until all workers have ended: passes on signals, draws the progress line, tells when all idle sessions are in.
void watch(Run& run, const Workers& workers, const std::atomic<std::size_t>& running) {
  const auto& options = run.options;
  bool progress = !options.quiet && isatty(STDERR_FILENO);
  bool told = options.plan.scenario != Scenario::idle;
  Sum before;
  for (unsigned round = 1; running.load() > 0; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    if (interrupted) run.stop = true;
    if (round % 5 == 0 && !told && sum_of(workers).logged_in >= options.connections) {
      told = true;
      fmt::print(stderr, "{} sessions logged in\n", options.connections);
    }
    if (!progress || round % 50 != 0) continue;
    auto sum = sum_of(workers);
    fmt::print(stderr, "\r\x1b[K{:.0f} s  {} logins  {} sessions (+{})  {} failures  {:.1f} MB/s ",
               static_cast<double>((monotonic_now() - run.start).count()) / 1e9, sum.logged_in, sum.sessions,
               sum.sessions - before.sessions, sum.failures, static_cast<double>(sum.octets - before.octets) / 1e6);
    std::fflush(stderr);
    before = sum;
  }
  if (progress) fmt::print(stderr, "\r\x1b[K");
}

int run_load(const Options& options) {
  Run run{.options = options, .start = monotonic_now()};
  Workers workers;
  for (std::size_t i = 0; i < options.threads; ++i) workers.push_back(std::make_unique<Worker>(run, i));
  std::atomic<std::size_t> running{options.threads};
  std::vector<std::jthread> threads;
  for (auto& worker : workers)
    threads.emplace_back([&worker, &running] {
      worker->run();
      --running;
    });
  watch(run, workers, running);
  threads.clear();
  Tally tally;
  Instant ended = run.start;
  for (const auto& worker : workers) {
    tally.merge(worker->tally());
    ended = std::max(ended, worker->ended());
  }
  Outcome outcome{.options = options, .tally = tally, .elapsed = ended - run.start, .client_cpu = client_cpu()};
  fmt::print("{}", options.json ? json_of(outcome) : table_of(outcome));
  return tally.failures.get() > 0 ? 1 : 0;
}

}  // namespace
}  // namespace ringpost::load

int main(int argc, char** argv) try {
  using namespace ringpost::load;
  auto options = options_of(argc, argv);
  if (!options) return options.error();
  stop_on_signals();
  raise_descriptor_limit();
  pin_to(options->cpus);
  return run_load(*options);
} catch (const std::exception& error) {
  fmt::print(stderr, "ringpost-load: {}\n", error.what());
  return 1;
}
