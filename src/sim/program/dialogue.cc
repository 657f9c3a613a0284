#include "dialogue.h"

#include <charconv>

namespace ringpost::sim {

namespace {
constexpr Duration answer_wait_max = std::chrono::minutes(20);
}

// Waits until `end` stands at or behind `from` in what has come; at = where it begins.
ring::Task<bool> Dialogue::until(std::string_view end, std::size_t from, std::size_t& at) {
  const Instant deadline = events_.now() + answer_wait_max;
  timed_out_ = false;
  while ((at = peer_.unread().find(end, from)) == std::string::npos) {
    if (peer_.unread().size() > from + end.size()) from = peer_.unread().size() - end.size();
    const bool grown = co_await peer_.more(deadline);
    if (grown) continue;
    timed_out_ = !peer_.ended();
    co_return false;
  }
  co_return true;
}

ring::Task<Answer> Dialogue::answer(bool multi_line) {
  Answer answer;
  std::size_t end = 0;
  bool there = co_await until("\r\n", 0, end);
  if (!there) {
    answer.timed_out = timed_out_;
    co_return answer;
  }
  answer.line = peer_.unread().substr(0, end);
  const bool ok = answer.line.starts_with("+OK");
  answer.kind = ok ? Answer::Kind::ok : answer.line.starts_with("-ERR") ? Answer::Kind::error : Answer::Kind::garbled;
  if (!ok || !multi_line) {
    peer_.unread().erase(0, end + 2);
    co_return answer;
  }
  // The terminator may follow the first line at once.
  std::size_t dot = 0;
  there = co_await until("\r\n.\r\n", end, dot);
  if (!there) {
    answer.kind = Answer::Kind::none;
    answer.timed_out = timed_out_;
    co_return answer;
  }
  answer.text = peer_.unread().substr(end + 2, dot + 2 - (end + 2));
  peer_.unread().erase(0, dot + 5);
  co_return answer;
}

std::optional<std::vector<NumberedLine>> numbered_lines(std::string_view text) {
  std::vector<NumberedLine> lines;
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    NumberedLine& read = lines.emplace_back();
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), read.number);
    if (error != std::errc{} || rest == line.data() + line.size() || *rest != ' ') return std::nullopt;
    read.value = std::string(rest + 1, line.data() + line.size());
  }
  return lines;
}

}  // namespace ringpost::sim
