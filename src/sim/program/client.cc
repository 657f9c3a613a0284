#include "client.h"

#include <algorithm>
#include <fmt/format.h>

#include "dialogue.h"

namespace ringpost::sim {

namespace {

using std::chrono::milliseconds;

struct Item {
  std::uint32_t number = 0;
  std::uint64_t octets = 0;
  std::string uidl;
  Letter* letter = nullptr;
};

class Client {
 public:
  Client(SimWorld& world, Oracle& oracle, ClientPlan plan, ClientFigures& figures)
      : world_(world),
        oracle_(oracle),
        plan_(std::move(plan)),
        figures_(figures),
        peer_(world.network(), world.events(), plan_.host, pop3_port),
        dialogue_(peer_, world.events()),
        random_(world.random().branch()) {}

  ring::Task<void> play();

 private:
  ring::Task<bool> log_in();
  ring::Task<bool> look();
  ring::Task<void> fetch();
  ring::Task<void> mark_and_end();
  ring::Task<void> ask_and_die();
  ring::Task<void> leave(bool orderly);
  ring::Task<bool> retrieve(Item& item);

  bool unexpected(const Answer& answer, std::string_view command);
  void say(std::string_view command) {
    world_.story().tell(world_.now(), "client {} of {} says {}", plan_.host, plan_.account, command);
    dialogue_.say(command);
  }
  void go_silent() {
    peer_.go_silent();
    silent_ = true;
  }
  void complain(std::string words) {
    world_.violation(fmt::format("client {} of {}: {}", plan_.host, plan_.account, words));
  }

  SimWorld& world_;
  Oracle& oracle_;
  const ClientPlan plan_;
  ClientFigures& figures_;
  Peer peer_;
  Dialogue dialogue_;
  Random random_;
  bool silent_ = false;
  std::uint64_t login_at_ = 0;
  std::vector<Item> items_;
};

// Nobody may be kept waiting for ever, nor be answered in another tongue; whether -ERR is right depends on the world.
bool Client::unexpected(const Answer& answer, std::string_view command) {
  if (answer.ok()) return false;
  world_.story().tell(
      world_.now(), "client {} of {} hears to {}: {}", plan_.host, plan_.account, command,
      answer.kind == Answer::Kind::none ? (answer.timed_out ? "nothing for long" : "the end") : answer.line);
  if (answer.kind == Answer::Kind::garbled) complain(fmt::format("heard \"{}\" to {}", answer.line, command));
  if (answer.timed_out && !silent_) complain(fmt::format("no answer to {}", command));
  if (answer.kind == Answer::Kind::error && plan_.honest) complain(fmt::format("{} to {}", answer.line, command));
  if (answer.kind == Answer::Kind::error) {
    ++figures_.refused;
    figures_.in_use += answer.line.find("[IN-USE]") != std::string::npos;
  } else {
    ++figures_.cut_off;
  }
  return true;
}

ring::Task<bool> Client::log_in() {
  const std::string user = fmt::format("USER {}", plan_.account);
  const std::string pass = fmt::format("PASS {}", password);
  Answer greeting = co_await dialogue_.answer(false);
  if (unexpected(greeting, "connect")) co_return false;
  if (plan_.pipelined) {
    login_at_ = oracle_.moment();
    say(user + "\r\n" + pass);
  } else {
    say(user);
  }
  Answer named = co_await dialogue_.answer(false);
  if (unexpected(named, "USER")) co_return false;
  if (!plan_.pipelined) {
    login_at_ = oracle_.moment();
    say(pass);
  }
  Answer entered = co_await dialogue_.answer(false);
  if (unexpected(entered, "PASS")) co_return false;
  ++figures_.logins;
  co_return true;
}

// STAT, LIST and UIDL, which must agree; what they do not name is fetched; then the oracle looks.
ring::Task<bool> Client::look() {
  if (plan_.pipelined) say("STAT\r\nLIST\r\nUIDL");
  if (!plan_.pipelined) say("STAT");
  Answer stat = co_await dialogue_.answer(false);
  if (unexpected(stat, "STAT")) co_return false;
  if (!plan_.pipelined) say("LIST");
  Answer list = co_await dialogue_.answer(true);
  if (unexpected(list, "LIST")) co_return false;
  if (!plan_.pipelined) say("UIDL");
  Answer uidl = co_await dialogue_.answer(true);
  if (unexpected(uidl, "UIDL")) co_return false;
  const auto sizes = numbered_lines(list.text);
  const auto names = numbered_lines(uidl.text);
  if (!sizes || !names || sizes->size() != names->size()) {
    complain("LIST and UIDL do not agree");
    co_return false;
  }
  std::uint64_t octets_in_all = 0;
  for (std::size_t at = 0; at < sizes->size(); ++at) {
    Item& item = items_.emplace_back();
    item.number = (*sizes)[at].number;
    item.octets = std::strtoull((*sizes)[at].value.c_str(), nullptr, 10);
    item.uidl = (*names)[at].value;
    octets_in_all += item.octets;
    if (item.number != at + 1 || (*names)[at].number != at + 1) complain("numbers do not run from 1 up");
  }
  if (stat.line != fmt::format("+OK {} {}", items_.size(), octets_in_all))
    complain(fmt::format("STAT says \"{}\", LIST {} and {}", stat.line, items_.size(), octets_in_all));
  std::vector<ListedLetter> shown;
  for (Item& item : items_) {
    item.letter = oracle_.named(plan_.account, item.uidl);
    if (!item.letter) {
      const bool there = co_await retrieve(item);
      if (!there) co_return false;
    }
    shown.push_back({item.octets, item.uidl, item.letter});
  }
  oracle_.listed(plan_.account, login_at_, shown);
  co_return true;
}

// false: the connection is over.
ring::Task<bool> Client::retrieve(Item& item) {
  say(fmt::format("RETR {}", item.number));
  Answer got = co_await dialogue_.answer(true);
  if (got.ok()) {
    ++figures_.fetched;
    item.letter = oracle_.recognised(plan_.account, item.uidl, got.text);
    co_return true;
  }
  unexpected(got, "RETR");
  co_return got.kind == Answer::Kind::error;
}

ring::Task<void> Client::fetch() {
  for (Item& item : items_) {
    if (!peer_.ended() && random_.chance(plan_.tops) && item.letter) {
      say(fmt::format("TOP {} 1", item.number));
      Answer top = co_await dialogue_.answer(true);
      if (unexpected(top, "TOP")) {
        if (top.kind != Answer::Kind::error) co_return;
      } else if (!item.letter->wire.starts_with(top.text.substr(0, item.letter->header_octets))) {
        complain(fmt::format("TOP {} shows another letter", item.number));
      }
    }
    if (!random_.chance(plan_.fetches)) continue;
    const bool goes_on = co_await retrieve(item);
    if (!goes_on) co_return;
  }
}

ring::Task<void> Client::mark_and_end() {
  using End = ClientPlan::End;
  std::vector<Letter*> marked;
  std::vector<std::string> commands;
  if (plan_.resets_marks && !items_.empty()) {
    commands.push_back("DELE 1");
    commands.push_back("RSET");
  }
  for (const Item& item : items_) {
    if (!item.letter || !(plan_.deletes_all || random_.chance(plan_.deletes))) continue;
    marked.push_back(item.letter);
    if (plan_.reads_late) commands.push_back(fmt::format("RETR {}", item.number));
    commands.push_back(fmt::format("DELE {}", item.number));
  }
  const bool quits = plan_.end <= End::quit_and_vanish;
  const std::uint64_t asked_at = oracle_.moment();
  std::size_t answered = 0;
  bool all_marked = true;
  Answer last;
  if (plan_.pipelined || plan_.reads_late) {
    std::string batch;
    for (const auto& command : commands) batch += command + "\r\n";
    if (quits) {
      oracle_.deletions_asked(marked, asked_at);
      batch += "QUIT\r\n";
    }
    if (!batch.empty()) say(batch.substr(0, batch.size() - 2));
    if (plan_.reads_late) {
      ++world_.counts()[Fault::peer_stopped_reading];
      Wait late(world_.events(), milliseconds(random_.below(5000)));
      co_await late;
    }
    if (plan_.end == End::quit_and_half_close) peer_.finish_sending();
    if (plan_.end == End::quit_and_reset) peer_.reset();
    if (plan_.end == End::quit_and_vanish) go_silent();
  }
  for (; answered < commands.size() && !peer_.ended(); ++answered) {
    if (!plan_.pipelined && !plan_.reads_late) say(commands[answered]);
    last = co_await dialogue_.answer(commands[answered].starts_with("RETR"));
    if (!unexpected(last, commands[answered])) continue;
    all_marked = false;
    if (last.kind != Answer::Kind::error) break;
  }
  if (!quits) co_return co_await leave(false);
  if (!plan_.pipelined && !plan_.reads_late) {
    if (peer_.ended()) co_return co_await leave(false);
    oracle_.deletions_asked(marked, asked_at);
    say("QUIT");
    if (plan_.end == End::quit_and_half_close) peer_.finish_sending();
    if (plan_.end == End::quit_and_reset) peer_.reset();
    if (plan_.end == End::quit_and_vanish) go_silent();
  }
  Answer bye = co_await dialogue_.answer(false);
  if (unexpected(bye, "QUIT") || !all_marked) {
    const bool refused = bye.kind == Answer::Kind::error && all_marked;
    oracle_.deletions_answered(marked, asked_at, refused ? Oracle::Answer::refused : Oracle::Answer::none);
  } else {
    figures_.deleted += marked.size();
    oracle_.deletions_answered(marked, asked_at, Oracle::Answer::done);
  }
  co_return co_await leave(true);
}

// M6: what its kernel has not acknowledged was not fetched, and nothing is deleted.
ring::Task<void> Client::ask_and_die() {
  std::vector<Letter*> marked;
  std::string batch;
  std::uint64_t octets = 0;
  for (const Item& item : items_) {
    if (!item.letter) continue;
    for (int times = 0; times < 3; ++times) {
      batch += fmt::format("RETR {}\r\n", item.number);
      octets += item.letter->wire.size();
    }
    batch += fmt::format("DELE {}\r\n", item.number);
    marked.push_back(item.letter);
  }
  ++world_.counts()[Fault::peer_stopped_reading];
  // More than the peer's queue can have acknowledged: then QUIT is no question, because it must not be heard.
  if (octets <= world_.faults().socket_octets_max) oracle_.deletions_asked(marked, oracle_.moment());
  say(batch + "QUIT");
  Wait for_a_while(world_.events(), milliseconds(random_.below(40'000)));
  co_await for_a_while;
  if (random_.chance(0.3))
    go_silent();
  else
    peer_.reset();
  co_await leave(false);
}

ring::Task<void> Client::leave(bool orderly) {
  if (!orderly && plan_.end == ClientPlan::End::reset) peer_.reset();
  if (!orderly && plan_.end == ClientPlan::End::vanish) go_silent();
  // Whoever comes next may count on it that this session is over for the server too.
  const Instant until = world_.now() + std::chrono::hours(2);
  peer_.close();
  Duration wait = milliseconds(1);
  while (!peer_.server_closed()) {
    if (world_.now() > until) {
      complain("the server keeps its end open for ever");
      co_return;
    }
    Wait pause(world_.events(), wait);
    co_await pause;
    wait = std::min<Duration>(2 * wait, std::chrono::seconds(10));
  }
}

ring::Task<void> Client::play() {
  ++figures_.sessions;
  if (peer_.connected()) {
    const bool entered = co_await log_in();
    if (entered) {
      const bool seen = co_await look();
      if (seen) {
        if (plan_.never_reads) co_return co_await ask_and_die();
        co_await fetch();
        if (!peer_.ended()) co_return co_await mark_and_end();
      }
    }
  }
  co_await leave(false);
}

}  // namespace

ring::Task<void> play_client(SimWorld& world, Oracle& oracle, ClientPlan plan, ClientFigures& figures) {
  Client client(world, oracle, std::move(plan), figures);
  co_await client.play();
}

}  // namespace ringpost::sim
