// bench/bare/canned.h: POP3 answers made once in memory, the same octets that real maildrops of the corpus give.
//
// What the two bare loops share. No login is checked, nothing is stored, logged or limited: what is left is what TCP
// and the loop itself cost. The corpus is a folder of Maildirs (<account>/Maildir/cur/*), CRLF line ends.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ringpost::bare {

struct Maildrop {
  std::string pass, stat, list, uidl;
  std::vector<std::string> messages;  // whole answers of RETR: status line, wire form, terminator
};

struct Corpus {
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
  };
  std::unordered_map<std::string, Maildrop, NameHash, std::equal_to<>> maildrops;

  // Reads every account; throws std::runtime_error when there is none.
  static Corpus load(const std::filesystem::path& folder);
};

inline constexpr std::string_view greeting = "+OK ready\r\n";

// One client's place in the dialogue. Answers are views into the corpus, which outlives every conversation.
class Conversation {
 public:
  // Takes the next whole line out of `input` (which then begins behind it) and gives its answer; empty when there is
  // no whole line.
  std::string_view answer(const Corpus& corpus, std::string_view& input);
  bool over() const noexcept { return over_; }

 private:
  const Maildrop* maildrop_ = nullptr;
  bool over_ = false;
};

// The port and CPU of both programs' command lines: PORT CORPUS [CPU]. Exits with 2 and a usage line otherwise.
struct Arguments {
  std::uint16_t port;
  std::filesystem::path corpus;
  int cpu;
};
Arguments arguments_of(int argc, char** argv);

// A listening, non-blocking socket on 127.0.0.1, this thread pinned to `cpu` (negative: not pinned).
int listen_pinned(std::uint16_t port, int cpu);

}  // namespace ringpost::bare
