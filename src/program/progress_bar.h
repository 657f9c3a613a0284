// program/progress_bar.h: long work made visible: a bar on a terminal, nothing elsewhere.
#pragma once

#include <chrono>

#include "transfer.h"

namespace ringpost::program {

class ProgressBar final : public Progress {
 public:
  // `wanted` false: silent also on a terminal (--json).
  explicit ProgressBar(bool wanted);
  ~ProgressBar() override;
  void begins(std::uint64_t octets_in_all) override;
  void done(std::uint64_t octets_so_far, std::uint64_t messages_so_far) override;

 private:
  void draw(std::uint64_t octets, std::uint64_t messages);

  const bool shown_;
  bool drawn_ = false;
  std::uint64_t octets_in_all_ = 0;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace ringpost::program
