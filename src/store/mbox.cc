#include <array>
#include <charconv>
#include <chrono>
#include <optional>

#include <ringpost/store/mbox.h>

namespace ringpost::store {
namespace {

constexpr std::array<std::string_view, 7> weekdays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::string_view next_word(std::string_view& rest) noexcept {
  auto begin = rest.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return rest = {};
  auto end = rest.find_first_of(" \t", begin);
  auto word = rest.substr(begin, end == std::string_view::npos ? end : end - begin);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
  return word;
}

template <std::size_t N>
std::optional<unsigned> place_of(std::string_view word, const std::array<std::string_view, N>& names) noexcept {
  for (unsigned i = 0; i < N; ++i)
    if (names[i] == word) return i;
  return std::nullopt;
}

std::optional<int> number(std::string_view text, std::size_t digits_min, std::size_t digits_max) noexcept {
  if (text.size() < digits_min || text.size() > digits_max) return std::nullopt;
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// "10:00" or "10:00:59" as seconds of the day.
std::optional<int> time_of_day(std::string_view word) noexcept {
  if (word.size() != 5 && word.size() != 8) return std::nullopt;
  if (word[2] != ':' || (word.size() == 8 && word[5] != ':')) return std::nullopt;
  auto hours = number(word.substr(0, 2), 2, 2);
  auto minutes = number(word.substr(3, 2), 2, 2);
  auto seconds = word.size() == 8 ? number(word.substr(6, 2), 2, 2) : 0;
  if (!hours || !minutes || !seconds || *hours > 23 || *minutes > 59 || *seconds > 60) return std::nullopt;
  return *hours * 3600 + *minutes * 60 + *seconds;
}

// "+0130" as seconds east of UTC.
std::optional<int> zone_offset(std::string_view word) noexcept {
  if (word.size() != 5 || (word[0] != '+' && word[0] != '-')) return std::nullopt;
  auto hours = number(word.substr(1, 2), 2, 2);
  auto minutes = number(word.substr(3, 2), 2, 2);
  if (!hours || !minutes) return std::nullopt;
  int seconds = *hours * 3600 + *minutes * 60;
  return word[0] == '-' ? -seconds : seconds;
}

// What follows a weekday: month, day, time, and a year with a zone before or behind it.
bool read_date(std::string_view rest, WallTime& received) noexcept {
  auto month = place_of(next_word(rest), months);
  auto day = number(next_word(rest), 1, 2);
  auto seconds = time_of_day(next_word(rest));
  if (!month || !day || !seconds || *day < 1 || *day > 31) return false;
  int offset = 0;
  for (int words = 0; words < 3; ++words) {
    auto word = next_word(rest);
    if (word.empty()) return false;
    if (auto zone = zone_offset(word)) {
      offset = *zone;
      continue;
    }
    auto year = number(word, 4, 4);
    if (!year) continue;  // a zone's name
    if (auto zone = zone_offset(next_word(rest))) offset = *zone;
    using namespace std::chrono;
    sys_days date = year_month_day{std::chrono::year{*year}, std::chrono::month{*month + 1},
                                   std::chrono::day{static_cast<unsigned>(*day)}};
    auto moment = sys_seconds{date} + std::chrono::seconds{*seconds - offset};
    received.microseconds = duration_cast<microseconds>(moment.time_since_epoch()).count();
    return true;
  }
  return false;
}

std::string_view without_line_end(std::string_view line) noexcept {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool looks_like_header(std::string_view line) noexcept {
  auto colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return false;
  for (char c : line.substr(0, colon))
    if (c <= ' ' || c > '~') return false;
  return true;
}

bool is_quoted_from(std::string_view line) noexcept {
  auto text = line.find_first_not_of('>');
  return text != 0 && text != std::string_view::npos && line.substr(text).starts_with("From ");
}

}  // namespace

bool is_mbox_separator(std::string_view line, WallTime& received) noexcept {
  if (!line.starts_with("From ")) return false;
  auto rest = line.substr(5);
  while (true) {
    auto word = next_word(rest);
    if (word.empty()) return false;
    if (place_of(word, weekdays) && read_date(rest, received)) return true;
  }
}

void MboxSplitter::doubt(std::uint64_t line) {
  ++doubts_;
  if (doubtful_lines_.size() < mbox_doubts_named_max) doubtful_lines_.push_back(line);
}

void MboxSplitter::emit(std::string_view text) {
  release_held_blank();
  sink_.message_octets(octets_of(text));
}

void MboxSplitter::release_held_blank() {
  if (held_blank_.empty()) return;
  sink_.message_octets(octets_of(held_blank_));
  held_blank_.clear();
}

void MboxSplitter::begin_message(std::string_view separator) {
  WallTime received;
  is_mbox_separator(separator, received);
  held_blank_.clear();
  if (in_message_) sink_.message_ends();
  in_message_ = true;
  after_blank_ = false;
  header_expected_ = true;
  separator_line_ = line_;
  ++messages_;
  sink_.message_begins(received);
}

// One whole line, with its end (the file's last one may lack it).
bool MboxSplitter::take_line(std::string_view line) {
  ++line_;
  auto text = without_line_end(line);
  WallTime received;
  if (after_blank_ && is_mbox_separator(text, received)) {
    begin_message(text);
    return true;
  }
  if (!in_message_) return text.empty();  // empty lines before the first separator are nobody's
  if (header_expected_ && !text.empty() && !looks_like_header(text)) doubt(separator_line_);
  header_expected_ = false;
  if (text.empty()) {
    release_held_blank();
    held_blank_ = line;
    after_blank_ = true;
    return true;
  }
  if (text.starts_with("From ")) doubt(line_);
  after_blank_ = false;
  emit(quoting_ == MboxQuoting::mboxrd && is_quoted_from(text) ? line.substr(1) : line);
  return true;
}

void MboxSplitter::take_start_of_long_line(std::string_view start) {
  ++line_;
  header_expected_ = false;
  after_blank_ = false;
  if (start.starts_with("From ")) doubt(line_);
  emit(quoting_ == MboxQuoting::mboxrd && is_quoted_from(start) ? start.substr(1) : start);
}

bool MboxSplitter::feed(Octets octets) {
  auto text = text_of(octets);
  while (!text.empty()) {
    auto end = text.find('\n');
    bool whole = end != std::string_view::npos;
    auto part = whole ? text.substr(0, end + 1) : text;
    text.remove_prefix(part.size());
    if (in_long_line_) {
      emit(part);
      in_long_line_ = !whole;
      continue;
    }
    if (whole && pending_.empty() && part.size() <= mbox_line_kept_max) {
      if (!take_line(part)) return false;
      continue;
    }
    pending_ += part;
    if (pending_.size() > mbox_line_kept_max) {
      if (!in_message_) return false;
      take_start_of_long_line(pending_);
      in_long_line_ = !whole;
      pending_.clear();
    } else if (whole) {
      bool ours = take_line(pending_);
      pending_.clear();
      if (!ours) return false;
    }
  }
  return true;
}

bool MboxSplitter::finish() {
  if (!pending_.empty() && !take_line(pending_)) return false;
  pending_.clear();
  held_blank_.clear();
  if (in_message_) sink_.message_ends();
  in_message_ = false;
  return true;
}

}  // namespace ringpost::store
