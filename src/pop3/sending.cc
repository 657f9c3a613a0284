#include <algorithm>
#include <cerrno>
#include <limits>
#include <vector>

#include "live_session.h"
#include "top_cut.h"

namespace ringpost::pop3 {
namespace {

constexpr std::string_view end_of_answer = ".\r\n";
constexpr std::string_view top_status = "+OK\r\n";
constexpr std::size_t top_window_octets_max = 8192;
constexpr std::size_t line_octets_guess = 80;  // how much to read for a line of a body; only a guess

}  // namespace

Next LiveSession::retr(const Command& command) {
  wanted_ = {};
  return find(*parse_number(command.argument), wanted_.index) ? Next::mail : Next::go_on;
}

Next LiveSession::top(const Command& command) {
  const TwoNumbers numbers = *parse_two_numbers(command.argument);
  wanted_ = {{}, true, numbers.second};
  return find(numbers.first, wanted_.index) ? Next::mail : Next::go_on;
}

std::uint32_t LiveSession::gather_octets_max() const noexcept {
  return std::min(services_.maildrops.settings().gather_octets_max, ring::ConnectionLimits{}.outgoing_max);
}

void LiveSession::release_view() noexcept {
  if (!has_view_) return;
  services_.maildrops.release(view_);
  has_view_ = false;
}

// The end of the answer by our own count: output that a broken connection threw away never counts as arrived (M6).
void LiveSession::mail_handed_over(std::uint64_t end) noexcept {
  last_mail_end_ = std::max(last_mail_end_, end);
  if (wanted_.is_top) {
    ++topped_;
    ++services_.counters.topped;
  } else {
    ++retrieved_;
    ++services_.counters.retrieved;
  }
}

// An answer that never left can never arrive: with it under way no mark is carried out any more.
bool LiveSession::mail_not_sent(ring::Ending ending) noexcept {
  last_mail_end_ = std::numeric_limits<std::uint64_t>::max();
  return !output_ended_by(ending);
}

bool LiveSession::read_hot(std::uint64_t offset, MutableOctets into) noexcept {
  const std::int64_t got = services_.proactor.read_now(view_.file, offset, into);
  return got == static_cast<std::int64_t>(into.size());
}

// 0, or an errno; ENODATA: the file ends before (R075).
ring::Task<int> LiveSession::read_cold(std::uint64_t offset, MutableOctets into) {
  const std::size_t all = into.size();
  while (!into.empty()) {
    iovec vector{into.data(), into.size()};
    ring::Awaited read(services_.proactor, ring::OpKind::read);
    read.fd = view_.file;
    read.vectors = &vector;
    read.vector_count = 1;
    read.offset = offset;
    const std::int64_t got = co_await read;
    if (got < 0) co_return static_cast<int>(-got);
    if (got == 0) co_return ENODATA;
    offset += static_cast<std::uint64_t>(got);
    into = into.subspan(static_cast<std::size_t>(got));
  }
  services_.sends.octets_cold += all;
  co_return 0;
}

// Most of a poller's mail is small and lies in memory: no coroutine, no allocation, one system call.
bool LiveSession::send_hot() {
  if (!has_view_ || wanted_.is_top) return false;
  const store::MessageEntry entry = snapshot().entry(wanted_.index);
  if (entry.unreadable || entry.reply_octets > gather_octets_max() || entry.reply_octets > connection_.room())
    return false;
  const MutableOctets into = connection_.prepare(entry.reply_octets);
  if (!read_hot(entry.log_offset + entry.reply_skip, into)) return false;
  const std::uint64_t end = connection_.position() + entry.reply_octets;
  connection_.commit(entry.reply_octets);
  services_.sends.octets_gathered += entry.reply_octets;
  mail_handed_over(end);
  return true;
}

ring::Task<bool> LiveSession::send_mail() {
  const store::MessageEntry entry = snapshot().entry(wanted_.index);
  if (entry.unreadable) {
    refuse_unreadable(ENODATA);
    co_return true;
  }
  if (!has_view_) {
    auto view = co_await services_.maildrops.view(lease_);
    if (!view) {
      refuse(view.error());
      co_return true;
    }
    view_ = *view;
    has_view_ = true;
  }
  bool goes_on = false;
  if (wanted_.is_top)
    goes_on = co_await send_top(entry);
  else if (entry.reply_octets <= gather_octets_max())
    goes_on = co_await send_small(entry);
  else
    goes_on = co_await send_large(entry);
  co_return goes_on;
}

// Before the answer has begun: nobody else is hurt (DESIGN 5, R022). EIO may pass; a file that was cut will not.
Next LiveSession::refuse_unreadable(int file_error) {
  services_.log.write(LogLevel::error, "message_unreadable",
                      {{"account", account_}, {"message", wanted_.index.value + 1}, {"errno", file_error}});
  return answer(file_error == ENODATA ? "-ERR [SYS/PERM] this message cannot be read\r\n"
                                      : "-ERR [SYS/TEMP] this message cannot be read now\r\n");
}

// Behind its beginning: the connection must end without the rest, so that nobody takes it for whole (R075).
bool LiveSession::mail_cut_short(int file_error) {
  services_.log.write(LogLevel::error, "message_cut_short",
                      {{"account", account_}, {"message", wanted_.index.value + 1}, {"errno", file_error}});
  end_ = "message unreadable";
  return false;
}

ring::Task<ring::Ending> LiveSession::have_room(std::size_t octets) {
  if (connection_.room() >= octets) co_return ring::Ending::none;
  const auto ending = co_await connection_.flushed(server().send_timeout);
  co_return ending;
}

ring::Task<bool> LiveSession::send_small(const store::MessageEntry& entry) {
  const auto ending = co_await have_room(entry.reply_octets);
  if (ending != ring::Ending::none) co_return mail_not_sent(ending);
  if (send_hot()) co_return true;
  std::vector<std::byte> reply(entry.reply_octets);
  const int error = co_await read_cold(entry.log_offset + entry.reply_skip, reply);
  if (error != 0) {
    refuse_unreadable(error);
    co_return true;
  }
  const std::uint64_t end = connection_.position() + reply.size();
  answer(ringpost::text_of(Octets(reply)));
  mail_handed_over(end);
  co_return true;
}

ring::Task<bool> LiveSession::send_large(const store::MessageEntry& entry) {
  const ring::FileRange reply{entry.log_offset + entry.reply_skip, entry.reply_octets};
  const std::uint64_t end = connection_.position() + reply.length;
  const auto sent = co_await connection_.send_file(view_.file, view_.mapping, reply, server().send_timeout);
  if (sent.file_error != 0) {
    if (sent.octets > 0) co_return mail_cut_short(sent.file_error);
    refuse_unreadable(sent.file_error);
    co_return true;
  }
  if (sent.ending != ring::Ending::none) co_return mail_not_sent(sent.ending);
  mail_handed_over(end);
  co_return true;
}

// The header part, the empty line and so many lines, in windows of bounded size. A message without an empty line gets
// one: clients look for the header's end (P041, A9).
ring::Task<bool> LiveSession::send_top(const store::MessageEntry& entry) {
  std::uint64_t offset = entry.log_offset + entry.reply_skip + entry.status_line_octets;
  std::uint64_t left = entry.reply_octets - entry.status_line_octets - end_of_answer.size();
  std::uint64_t guess = entry.header_octets + std::uint64_t{wanted_.lines} * line_octets_guess;
  const std::uint64_t start = connection_.position();
  std::uint64_t sent = 0;
  TopCut cut(wanted_.lines);
  while (left > 0 && !cut.done()) {
    const auto size = static_cast<std::size_t>(
        std::min({left, std::max<std::uint64_t>(guess, reply_octets_max), std::uint64_t{top_window_octets_max}}));
    guess = top_window_octets_max;
    const std::size_t status = sent == 0 ? top_status.size() : 0;
    const auto ending = co_await have_room(status + size);
    if (ending != ring::Ending::none) co_return mail_not_sent(ending);
    MutableOctets part = connection_.prepare(status + size);
    if (read_hot(offset, part.subspan(status))) {
      services_.sends.octets_gathered += size;
    } else {
      std::vector<std::byte> cold(size);
      const int error = co_await read_cold(offset, cold);
      if (error != 0 && sent > 0) co_return mail_cut_short(error);
      if (error != 0) {
        refuse_unreadable(error);
        co_return true;
      }
      part = connection_.prepare(status + size);  // the one before did not outlive the wait
      std::ranges::copy(cold, part.subspan(status).begin());
    }
    std::ranges::copy(octets_of(top_status).first(status), part.begin());
    const std::size_t kept = status + cut.feed(part.subspan(status));
    connection_.commit(kept);
    sent += kept;
    offset += size;
    left -= size;
  }
  const auto ending = co_await have_room(reply_octets_max);
  if (ending != ring::Ending::none) co_return mail_not_sent(ending);
  ReplyWriter out(connection_.prepare(reply_octets_max));
  if (sent == 0) out.text(top_status);
  if (cut.in_header()) out.text("\r\n");
  out.text(end_of_answer);
  connection_.commit(out.size());
  mail_handed_over(start + sent + out.size());
  co_return true;
}

}  // namespace ringpost::pop3
