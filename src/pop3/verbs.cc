#include <ringpost/base/ensure.h>

#include "live_session.h"

namespace ringpost::pop3 {
namespace {

const char* nothing(const Command& command) {
  return is_blank(command.argument) ? nullptr : "-ERR this command takes no argument\r\n";
}

const char* maybe_a_number(const Command& command) {
  if (is_blank(command.argument)) return nullptr;
  return parse_number(command.argument) ? nullptr : "-ERR that is no message number\r\n";
}

const char* a_number(const Command& command) {
  if (is_blank(command.argument)) return "-ERR a message number is missing\r\n";
  return parse_number(command.argument) ? nullptr : "-ERR that is no message number\r\n";
}

const char* two_numbers(const Command& command) {
  return parse_two_numbers(command.argument) ? nullptr : "-ERR TOP takes a message number and a number of lines\r\n";
}

const char* a_name(const Command& command) {
  if (is_blank(command.argument)) return "-ERR a name is missing\r\n";
  return has_control_octets(command.argument) ? "-ERR control octets in the name\r\n" : nullptr;
}

const char* a_password(const Command& command) {
  return has_line_octets(command.argument) ? "-ERR octets that no password may have\r\n" : nullptr;
}

const char* a_mechanism(const Command& command) {
  return has_control_octets(command.argument) ? "-ERR control octets in the argument\r\n" : nullptr;
}

constexpr std::uint8_t authorization = 1 << static_cast<unsigned>(Phase::authorization);
constexpr std::uint8_t transaction = 1 << static_cast<unsigned>(Phase::transaction);

constexpr VerbRow rows[verb_count] = {
    // verb       allowed in                   refuses         acts                 rows
    {Verb::unknown, 0, nothing, nullptr, "P009"},
    {Verb::capa, authorization | transaction, nothing, &LiveSession::capa, "X013 X014"},
    {Verb::user, authorization, a_name, &LiveSession::user, "P045 P046"},
    {Verb::pass, authorization, a_password, &LiveSession::pass, "P047 P048"},
    {Verb::auth, authorization, a_mechanism, &LiveSession::auth, "A002 A003 A026"},
    {Verb::quit, authorization | transaction, nothing, &LiveSession::quit, "P024 P035"},
    {Verb::stat, transaction, nothing, &LiveSession::stat, "P025"},
    {Verb::list, transaction, maybe_a_number, &LiveSession::list, "P026 P027"},
    {Verb::retr, transaction, a_number, &LiveSession::retr, "P030"},
    {Verb::dele, transaction, a_number, &LiveSession::dele, "P031 P032"},
    {Verb::noop, transaction, nothing, &LiveSession::noop, "P033"},
    {Verb::rset, transaction, nothing, &LiveSession::rset, "P034"},
    {Verb::top, transaction, two_numbers, &LiveSession::top, "P041"},
    {Verb::uidl, transaction, maybe_a_number, &LiveSession::uidl, "P042 P043"},
    {Verb::stls, authorization, nothing, &LiveSession::stls, "C001"},
};

}  // namespace

const VerbRow& row_of(Verb verb) noexcept {
  const VerbRow& row = rows[static_cast<std::size_t>(verb)];
  ensure(row.verb == verb);
  return row;
}

std::uint8_t bit_of(Phase phase) noexcept {
  return static_cast<std::uint8_t>(1 << static_cast<unsigned>(phase));
}

}  // namespace ringpost::pop3
