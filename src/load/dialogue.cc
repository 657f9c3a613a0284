#include "dialogue.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <limits>
#include <optional>

namespace ringpost::load {
namespace {

constexpr auto no_number = std::numeric_limits<std::uint64_t>::max();

// Takes a decimal number off the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return {};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take_blank(std::string_view& text) {
  if (!text.starts_with(' ')) return false;
  text.remove_prefix(1);
  return true;
}

// The next line of a listing, without its CRLF.
std::string_view take_line(std::string_view& listing) {
  auto end = listing.find("\r\n");
  auto line = listing.substr(0, end);
  listing.remove_prefix(std::min(listing.size(), end + 2));
  return line;
}

bool is_unique_id(std::string_view text) {
  return !text.empty() && text.size() <= 70 &&
         std::ranges::all_of(text, [](char c) { return c >= 0x21 && c <= 0x7e; });  // RFC 1939 §7
}

constexpr Form form_of(Step step) {
  if (step == Step::uidl || step == Step::list) return Form::listing;
  return step == Step::retr ? Form::message : Form::single_line;
}

}  // namespace

void Dialogue::begin(const Account& account, std::uint64_t turn, bool download, Instant due) {
  account_ = &account;
  turn_ = turn;
  download_ = download;
  due_ = due;
  state_ = State::going;
  logged_in_ = false;
  output_.clear();
  awaited_.clear();
  sizes_.clear();
  to_fetch_.clear();
  words_.clear();
  count_ = octets_ = 0;
  awaited_.push_back({Step::greeting, 0, due});
  begin_reading();
}

void Dialogue::begin_reading() {
  reader_.begin(form_of(awaited_.front().step));
}

std::string_view Dialogue::awaited() const noexcept {
  return awaited_.empty() ? "nothing" : step_names[static_cast<std::size_t>(awaited_.front().step)];
}

Dialogue::State Dialogue::fail(Failure kind, std::string words) {
  words_ = std::move(words);
  tally_.fail(kind, words_);
  return state_ = State::failed;
}

bool Dialogue::mismatch(std::string words) {
  fail(Failure::mismatch, std::move(words));
  return false;
}

Dialogue::State Dialogue::feed(Octets octets, Instant now) {
  while (!octets.empty()) {
    if (awaited_.empty()) return fail(Failure::malformed, "octets that no command asked for");
    auto fed = reader_.feed(octets);
    octets = octets.subspan(fed.consumed);
    if (fed.verdict == Verdict::more) break;
    auto answered = awaited_.front();
    if (fed.verdict == Verdict::refused)
      return fail(Failure::refused, fmt::format("{}: -ERR {}", awaited(), reader_.text()));
    if (fed.verdict == Verdict::malformed)
      return fail(Failure::malformed, fmt::format("{}: {}", awaited(), reader_.fault()));
    if (!check(answered)) return state_;
    tally_.steps[static_cast<std::size_t>(answered.step)].record(now - answered.asked);
    awaited_.pop_front();
    next(answered.step, now);
    if (!awaited_.empty()) begin_reading();
  }
  return state_;
}

void Dialogue::ask(Step step, std::string_view line, Instant now, std::uint32_t message) {
  output_ += line;
  output_ += "\r\n";
  awaited_.push_back({step, message, now});
}

void Dialogue::next(Step answered, Instant now) {
  switch (answered) {
    case Step::greeting:
      return ask(Step::user, "USER " + account_->name, now);
    case Step::user:
      return ask(Step::pass, "PASS " + account_->password, now);
    case Step::pass:
      logged_in_ = true;
      tally_.logged_in.add(1);
      if (plan_.scenario == Scenario::idle) {
        state_ = State::holding;
        return;
      }
      return ask(Step::stat, "STAT", now);
    case Step::stat:
    case Step::uidl:
    case Step::list:
      return list_or_fetch(answered, now);
    case Step::retr:
      return fetch_or_quit(now);
    case Step::quit:
      state_ = State::ended;
      tally_.sessions.add(1);
      tally_.session.record(now - due_);
      return;
  }
}

void Dialogue::list_or_fetch(Step answered, Instant now) {
  auto uidl = plan_.listing == Listing::uidl || plan_.listing == Listing::both;
  auto list = plan_.listing == Listing::list || plan_.listing == Listing::both;
  if (answered == Step::stat && uidl) return ask(Step::uidl, "UIDL", now);
  if (answered != Step::list && list) return ask(Step::list, "LIST", now);
  if (download_) choose_messages();
  fetch_or_quit(now);
}

void Dialogue::choose_messages() {
  auto last = plan_.last_message == 0 ? count_ : std::min<std::uint64_t>(plan_.last_message, count_);
  if (plan_.first_message > last) return;
  auto choice = last - plan_.first_message + 1;
  auto fetched = plan_.messages == 0 ? choice : std::min<std::uint64_t>(plan_.messages, choice);
  auto start = turn_ % choice * fetched % choice;
  for (auto i = fetched; i-- > 0;)
    to_fetch_.push_back(static_cast<std::uint32_t>(plan_.first_message + (start + i) % choice));
}

void Dialogue::fetch_or_quit(Instant now) {
  while (!to_fetch_.empty()) {
    auto message = to_fetch_.back();
    to_fetch_.pop_back();
    ask(Step::retr, fmt::format("RETR {}", message), now, message);
    if (!plan_.pipeline) return;
  }
  if (awaited_.empty()) leave(now);
}

void Dialogue::leave(Instant now) {
  state_ = State::going;
  ask(Step::quit, "QUIT", now);
  begin_reading();
}

bool Dialogue::check(const Awaited& answered) {
  switch (answered.step) {
    case Step::stat:
      return check_stat();
    case Step::uidl:
      return check_uidl();
    case Step::list:
      return check_list();
    case Step::retr:
      return check_message(answered);
    default:
      return true;
  }
}

bool Dialogue::check_stat() {
  auto text = reader_.text();
  auto count = take_number(text);
  auto octets = take_blank(text) ? take_number(text) : std::nullopt;
  if (!count || !octets || !(text.empty() || text.starts_with(' '))) {
    fail(Failure::malformed, fmt::format("stat: '{}' is not a count and a size", reader_.text()));
    return false;
  }
  count_ = *count;
  octets_ = *octets;
  return true;
}

bool Dialogue::check_uidl() {
  auto listing = reader_.listing();
  std::uint64_t seen = 0;
  while (!listing.empty()) {
    auto line = take_line(listing), rest = line;
    auto number = take_number(rest);
    if (number != ++seen || !take_blank(rest) || !is_unique_id(rest))
      return mismatch(fmt::format("uidl: line {} is '{}'", seen, line));
  }
  return seen == count_ || mismatch(fmt::format("uidl: {} lines, STAT had said {}", seen, count_));
}

bool Dialogue::check_list() {
  auto listing = reader_.listing();
  std::uint64_t sum = 0;
  while (!listing.empty()) {
    auto line = take_line(listing), rest = line;
    auto number = take_number(rest);
    auto size = take_blank(rest) ? take_number(rest).value_or(no_number) : no_number;
    if (number != sizes_.size() + 1 || size == no_number)
      return mismatch(fmt::format("list: line {} is '{}'", sizes_.size() + 1, line));
    sizes_.push_back(size);
    sum += size;
  }
  if (sizes_.size() != count_) return mismatch(fmt::format("list: {} lines, STAT had said {}", sizes_.size(), count_));
  return sum == octets_ || mismatch(fmt::format("list: {} octets in all, STAT had said {}", sum, octets_));
}

bool Dialogue::check_message(const Awaited& answered) {
  ++tally_.messages;
  tally_.message_octets += reader_.octets();
  if (answered.message > sizes_.size()) return true;
  auto size = sizes_[answered.message - 1];
  return reader_.octets() == size || mismatch(fmt::format("retr: message {} has {} octets, LIST had said {}",
                                                          answered.message, reader_.octets(), size));
}

}  // namespace ringpost::load
