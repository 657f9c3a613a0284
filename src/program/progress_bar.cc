#include "progress_bar.h"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

namespace ringpost::program {
namespace {

constexpr auto step = std::chrono::milliseconds(100);
constexpr std::uint64_t width = 30;

}  // namespace

ProgressBar::ProgressBar(bool wanted) : shown_(wanted && isatty(STDERR_FILENO) == 1) {}

// The line is taken back, so that the report stands alone.
ProgressBar::~ProgressBar() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressBar::begins(std::uint64_t octets_in_all) {
  octets_in_all_ = octets_in_all;
}

void ProgressBar::done(std::uint64_t octets, std::uint64_t messages) {
  if (!shown_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + step;
  draw(octets, messages);
}

void ProgressBar::draw(std::uint64_t octets, std::uint64_t messages) {
  drawn_ = true;
  if (octets_in_all_ == 0) {
    fmt::print(stderr, "\r\x1b[K{} messages", messages);
  } else {
    const std::uint64_t filled = std::min(width, width * octets / octets_in_all_);
    fmt::print(stderr, "\r\x1b[K[{:#<{}}{:{}}] {:3}%  {} messages", "", filled, "", width - filled,
               std::min<std::uint64_t>(100, 100 * octets / octets_in_all_), messages);
  }
  std::fflush(stderr);
}

}  // namespace ringpost::program
