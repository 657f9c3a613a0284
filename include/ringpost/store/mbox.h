// ringpost/store/mbox.h: taking an mbox file apart into its messages.
//
// A separator is a line that begins with "From ", stands at the file's beginning or behind an empty line, and bears an
// asctime date (weekday, month, day, time, year). One empty line before a separator, or at the end, belongs to the
// format and not to the message. In mboxrd quoting, one ">" is taken from lines such as ">From " and ">>From ". Places
// where a reader may doubt (a "From " line that is no separator, a separator that no header line follows) are counted
// and named by line; nothing is ever lost (R063).
// Pure: fed in any slices; memory is bounded by one line of mbox_line_kept_max octets. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ringpost/base/octets.h>
#include <ringpost/base/time.h>

namespace ringpost::store {

inline constexpr std::size_t mbox_line_kept_max = 4096;    // a longer line is no separator
inline constexpr std::size_t mbox_doubts_named_max = 100;  // later ones are only counted

enum class MboxQuoting : std::uint8_t { mboxrd, none };

// Where the messages go, in order. Octets of one message come between its begin and its end.
class MboxSink {
 public:
  virtual ~MboxSink() = default;
  virtual void message_begins(WallTime received) = 0;  // from the separator line; zero if it cannot be told
  virtual void message_octets(Octets) = 0;
  virtual void message_ends() = 0;
};

class MboxSplitter {
 public:
  MboxSplitter(MboxSink& sink, MboxQuoting quoting) noexcept : sink_(sink), quoting_(quoting) {}

  // False: the first line that is not empty is no separator, so this is no mbox; nothing was given to the sink.
  bool feed(Octets);
  bool finish();

  std::uint64_t messages() const noexcept { return messages_; }
  std::uint64_t doubts() const noexcept { return doubts_; }
  const std::vector<std::uint64_t>& doubtful_lines() const noexcept { return doubtful_lines_; }

 private:
  bool take_line(std::string_view line);
  void take_start_of_long_line(std::string_view start);
  void emit(std::string_view text);
  void release_held_blank();
  void begin_message(std::string_view separator);
  void doubt(std::uint64_t line);

  MboxSink& sink_;
  MboxQuoting quoting_;
  std::string pending_;     // a line whose end has not come yet
  std::string held_blank_;  // the empty line that may belong to the format
  bool in_long_line_ = false;
  bool in_message_ = false;
  bool after_blank_ = true;  // also at the file's beginning
  bool header_expected_ = false;
  std::uint64_t line_ = 0;
  std::uint64_t separator_line_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t doubts_ = 0;
  std::vector<std::uint64_t> doubtful_lines_;
};

// Is this line (without its line end) a separator? If so, `received` gets its date, read as UTC unless it bears an
// offset.
bool is_mbox_separator(std::string_view line, WallTime& received) noexcept;

}  // namespace ringpost::store
