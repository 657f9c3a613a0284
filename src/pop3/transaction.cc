#include <bit>

#include <ringpost/pop3/login_delays.h>

#include "live_session.h"

namespace ringpost::pop3 {
namespace {

constexpr std::size_t end_of_listing_octets = 3;
constexpr std::string_view nothing_deleted =
    "-ERR [SYS/TEMP] some deleted messages not removed: your mail had not reached you in time\r\n";

}  // namespace

ring::Task<void> LiveSession::transaction() {
  Instant deadline = now() + server().idle_timeout;
  while (true) {
    if (doomed()) co_return;
    if (connection_.room() < capabilities_octets_max) {
      const auto ending = co_await connection_.flushed(server().send_timeout);
      if (output_ended_by(ending)) co_return;
    }
    const Next next = take_line();
    if (next == Next::wait) {
      release_view();  // no file stays open for an idle session
      const auto ending = co_await connection_.more(deadline);
      if (ended_by(ending, "idle time-out")) co_return;  // and no answer to that (P013)
      continue;
    }
    if (next == Next::listing) {
      while (!list_some()) {
        const auto ending = co_await connection_.flushed(server().send_timeout);
        if (output_ended_by(ending)) co_return;
        if (ending != ring::Ending::none) break;  // nobody will read the rest
      }
    }
    if (next == Next::mail && !send_hot()) {
      const bool goes_on = co_await send_mail();
      if (!goes_on) co_return;
    }
    if (next == Next::quit) {
      co_await update();
      co_return;
    }
    if (next == Next::close) co_return;
    deadline = now() + server().idle_timeout;  // P012, R026
  }
}

// --- Marks -----------------------------------------------------------------------------------------------------------

bool LiveSession::is_marked(store::SnapshotIndex index) const noexcept {
  return !marks_.empty() && ((marks_[index.value / 64] >> (index.value % 64)) & 1) != 0;
}

bool LiveSession::find(std::uint32_t number, store::SnapshotIndex& found) {
  const auto index = snapshot().index_of(store::MessageNumber{number});
  if (!index) {
    answer("-ERR there is no such message\r\n");
    return false;
  }
  if (is_marked(*index)) {
    answer("-ERR that message is marked as deleted\r\n");  // P031
    return false;
  }
  found = *index;
  return true;
}

std::vector<store::SnapshotIndex> LiveSession::marked() const {
  std::vector<store::SnapshotIndex> indices;
  indices.reserve(marked_count_);
  for (std::size_t word = 0; word < marks_.size(); ++word)
    for (std::uint64_t bits = marks_[word]; bits != 0; bits &= bits - 1)
      indices.push_back({static_cast<std::uint32_t>(word * 64 + static_cast<unsigned>(std::countr_zero(bits)))});
  return indices;
}

Next LiveSession::dele(const Command& command) {
  store::SnapshotIndex index{};
  if (!find(*parse_number(command.argument), index)) return Next::go_on;
  if (marks_.empty()) marks_.resize((snapshot().count() + 63) / 64);
  marks_[index.value / 64] |= std::uint64_t{1} << (index.value % 64);
  ++marked_count_;
  marked_octets_ += snapshot().entry(index).octets;
  return answer("+OK marked as deleted\r\n");
}

Next LiveSession::rset(const Command&) {
  marks_.clear();
  marked_count_ = 0;
  marked_octets_ = 0;
  return answer("+OK no message is marked\r\n");
}

Next LiveSession::noop(const Command&) {
  return answer("+OK\r\n");
}

// --- Listings --------------------------------------------------------------------------------------------------------

Next LiveSession::stat(const Command&) {
  ReplyWriter out(connection_.prepare(reply_octets_max));
  out.text("+OK ").number(messages_left()).text(" ").number(octets_left()).text("\r\n");
  connection_.commit(out.size());
  return Next::go_on;
}

Next LiveSession::list(const Command& command) {
  return begin_listing(command, false);
}

Next LiveSession::uidl(const Command& command) {
  return begin_listing(command, true);
}

Next LiveSession::begin_listing(const Command& command, bool uidl) {
  const bool one = !is_blank(command.argument);
  store::SnapshotIndex index{};
  if (one && !find(*parse_number(command.argument), index)) return Next::go_on;
  ReplyWriter out(connection_.prepare(reply_octets_max));
  out.text("+OK ");
  if (one) {
    const store::MessageEntry entry = snapshot().entry(index);
    if (uidl)
      write_uidl_line(out, index.value + 1, entry.uidl);
    else
      write_scan_line(out, index.value + 1, entry.octets);
  } else {
    out.number(messages_left()).text(" messages (").number(octets_left()).text(" octets)\r\n");
  }
  connection_.commit(out.size());
  if (one) return Next::go_on;
  listing_ = {0, uidl};
  return Next::listing;
}

// As many lines as the outgoing buffer has room for: a listing of any length takes one buffer at a time.
bool LiveSession::list_some() {
  const std::uint32_t count = snapshot().count();
  const std::size_t line_max = listing_.uidl ? uidl_line_octets_max : scan_line_octets_max;
  ReplyWriter out(connection_.prepare(connection_.room()));
  for (; listing_.next < count && out.left() >= line_max; ++listing_.next) {
    const store::SnapshotIndex index{listing_.next};
    if (is_marked(index)) continue;
    const store::MessageEntry entry = snapshot().entry(index);
    if (listing_.uidl)
      write_uidl_line(out, index.value + 1, entry.uidl);
    else
      write_scan_line(out, index.value + 1, entry.octets);
  }
  const bool whole = listing_.next == count && out.left() >= end_of_listing_octets;
  if (whole) out.text(".\r\n");
  connection_.commit(out.size());
  return whole;
}

// --- QUIT ------------------------------------------------------------------------------------------------------------

// M6: with marks, UPDATE begins when the peer's TCP has all of the last RETR or TOP answer; else nothing is deleted,
// and the answer says so. The lock is free before the answer (P038), and the answer is "+OK" only for what is durable.
ring::Task<void> LiveSession::update() {
  std::vector<store::SnapshotIndex> deleted = marked();
  release_view();
  if (!deleted.empty() && last_mail_end_ > 0) {
    const Duration wait_max = services_.maildrops.settings().acknowledge_wait;
    const auto arrived = co_await connection_.until_acknowledged(last_mail_end_, wait_max);
    if (arrived != ring::Ending::none) {
      ++services_.counters.updates_refused;
      ended_by(arrived, "mail not acknowledged");
      deleted.clear();
      co_await give_back();
      if (arrived == ring::Ending::timed_out && connection_.room() >= nothing_deleted.size()) answer(nothing_deleted);
      co_return;
    }
  }
  phase_ = Phase::update;
  ending_ = true;
  const auto count = static_cast<std::uint32_t>(deleted.size());
  auto closed = co_await services_.maildrops.close(std::move(lease_), std::move(deleted));
  if (!closed) {
    end_ = "update failed";
    answer(closed.error() == store::StoreError::damaged ? "-ERR [SYS/PERM] some deleted messages not removed\r\n"
                                                        : "-ERR [SYS/TEMP] some deleted messages not removed\r\n");
    co_return;
  }
  if (services_.delays && server().login_delay.count() > 0 && count == 0 && retrieved_ == 0 && topped_ == 0) {
    auto note = services_.delays->had_nothing_to_do(account_, login_);
    co_await note;
  }
  deleted_ = count;
  end_ = "quit";
  ReplyWriter out(connection_.prepare(reply_octets_max));
  out.text("+OK ").number(count).text(" deleted\r\n");
  connection_.commit(out.size());
}

}  // namespace ringpost::pop3
