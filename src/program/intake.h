// program/intake.h: what every import does with a message: form, identity, submission, outcome.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <ringpost/store/format.h>
#include <ringpost/store/wire_form.h>

#include "transfer.h"

namespace ringpost::program {

// The first 128 bits of SHA-256 over `kind`, a NUL and `name`.
store::SourceId source_id(std::string_view kind, std::string_view name);

class Intake {
 public:
  Intake(const ImportOptions& options, Appender& appender, Progress& progress)
      : options_(options), appender_(appender), progress_(progress) {}

  ImportReport& report() noexcept { return report_; }
  void note(std::uint64_t count, std::string text);  // kept while `count` is within named_max
  void skip(std::string what);
  void fail(std::string what);

  // Submits one message; `source_octets` is what the progress counts. With --dry-run it is only counted.
  void take(std::unique_ptr<Prepared> message, std::uint64_t source_octets);
  // Waits for every outcome.
  void finish();

 private:
  void settle_one();

  const ImportOptions& options_;
  Appender& appender_;
  Progress& progress_;
  ImportReport report_;
  std::uint64_t source_octets_ = 0;
};

}  // namespace ringpost::program
