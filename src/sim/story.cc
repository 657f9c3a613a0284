#include <ringpost/sim/story.h>

namespace ringpost::sim {

void Story::line(Instant at, std::string_view words) {
  if (!out_) return;
  const auto microseconds = at.time_since_epoch().count() / 1000;
  fmt::print(out_, "{:>6}.{:06} {}\n", microseconds / 1000000, microseconds % 1000000, words);
}

void Story::violation(Instant at, std::string words) {
  for (char& character : words)
    if (character < ' ' || character > '~') character = '?';  // letters hold any octets
  line(at, "VIOLATION " + words);
  violations_.push_back(std::move(words));
}

}  // namespace ringpost::sim
