// ringpost/sim/story.h: what happened in a world, as a hash always and in words when asked.
//
// Two runs of one seed have the same hash; a replay prints the words. Not threaded: one world, one story.
#pragma once

#include <cstdint>
#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/base/time.h>

namespace ringpost::sim {

class Story {
 public:
  void tell_to(std::FILE* out) noexcept { out_ = out; }
  bool told() const noexcept { return out_ != nullptr; }

  // Numbers into the hash: every event and every result of an operation.
  void note(std::uint64_t what) noexcept {
    hash_ = (hash_ ^ what) * 0x100000001b3u;
    hash_ ^= hash_ >> 29;
  }
  std::uint64_t hash() const noexcept { return hash_; }

  // A line of the story. The words are made only when somebody listens.
  template <typename... Args>
  void tell(Instant at, fmt::format_string<Args...> form, Args&&... args) {
    if (out_) line(at, fmt::format(form, std::forward<Args>(args)...));
  }
  void line(Instant at, std::string_view words);

  // What must not be: kept, and told.
  void violation(Instant at, std::string words);
  const std::vector<std::string>& violations() const noexcept { return violations_; }

 private:
  std::FILE* out_ = nullptr;
  std::uint64_t hash_ = 0xcbf29ce484222325u;
  std::vector<std::string> violations_;
};

}  // namespace ringpost::sim
