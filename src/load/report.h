// load/report.h: the result of a run, as a table and as JSON. Pure.
#pragma once

#include <string>

#include <ringpost/base/time.h>

#include "options.h"
#include "tally.h"

namespace ringpost::load {

struct Outcome {
  const Options& options;
  const Tally& tally;
  Duration elapsed;     // from the start to the last session's end
  Duration client_cpu;  // user and system time of this process
};

std::string table_of(const Outcome& outcome);

// One object; times in microseconds, and "latency_us" has an entry for the session and for each step that occurred.
std::string json_of(const Outcome& outcome);

}  // namespace ringpost::load
