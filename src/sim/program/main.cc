// ringpost-sim: plays seeds.
//
//   ringpost-sim SEED               one seed, with its story
//   ringpost-sim --seeds A-B        many, on all cores; ends with "N seeds, M violations"
//   ringpost-sim --mutants          the planted faults of a build with -Dmutants=true
//   ringpost-sim --mutant NAME ...  with one of them planted
#include <charconv>
#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <thread>

#include <ringpost/base/mutant.h>

#include "runner.h"
#include "scenario.h"

namespace {

using namespace ringpost;
using namespace ringpost::sim;

int usage() {
  fmt::print(stderr,
             "usage: ringpost-sim [--mutant NAME] SEED\n"
             "       ringpost-sim [--mutant NAME] [--until-found] [--jobs N] --seeds A-B\n"
             "       ringpost-sim --mutants\n");
  return 2;
}

bool number(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

int tell_one(std::uint64_t seed) {
  const Outcome outcome = play(seed, stdout);
  for (const auto& violation : outcome.violations) fmt::print("violation: {}\n", violation);
  fmt::print("seed {}: {} events, {} lives, {} listings checked, trace {:016x}\n", seed, outcome.events, outcome.lives,
             outcome.listings_checked, outcome.hash);
  fmt::print("1 seeds, {} violations\n", outcome.violations.size());
  return outcome.violations.empty() ? 0 : 1;
}

bool plant(std::string_view name) {
#ifdef RINGPOST_MUTANTS
  planted_mutant = mutant_named(name);
  return planted_mutant != Mutant::none;
#else
  fmt::print(stderr, "ringpost-sim: {}: this build knows no planted faults (meson setup -Dmutants=true)\n", name);
  return false;
#endif
}

}  // namespace

int main(int argc, char** argv) {
  RunPlan plan;
  plan.jobs = std::max(1u, std::thread::hardware_concurrency());
  bool many = false;
  std::uint64_t seed = 0;
  bool have_seed = false;
  for (int at = 1; at < argc; ++at) {
    const std::string_view word = argv[at];
    const bool more = at + 1 < argc;
    std::uint64_t value = 0;
    if (word == "--mutants") {
      for (const auto& row : mutant_names()) fmt::print("{}\n", row.name);
      return mutants_built_in ? 0 : 1;
    }
    if (word == "--mutant" && more) {
      plan.mutant = argv[++at];
      if (!plant(plan.mutant)) return usage();
    } else if (word == "--until-found") {
      plan.until_found = true;
    } else if (word == "--jobs" && more && number(argv[at + 1], value) && value > 0) {
      plan.jobs = static_cast<unsigned>(value);
      ++at;
    } else if (word == "--seeds" && more) {
      const std::string_view range = argv[++at];
      const auto dash = range.find('-');
      if (dash == std::string_view::npos || !number(range.substr(0, dash), plan.first) ||
          !number(range.substr(dash + 1), plan.last) || plan.last < plan.first)
        return usage();
      many = true;
    } else if (number(word, seed)) {
      have_seed = true;
    } else {
      return usage();
    }
  }
  if (many == have_seed) return usage();
  return many ? run_many(plan) : tell_one(seed);
}
