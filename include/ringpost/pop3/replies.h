// ringpost/pop3/replies.h: building answers in place, without a heap.
//
// Pure. A writer fills memory that the caller has (an outgoing buffer's), whose size the caller has made sure of: every
// function names the most it writes.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <ringpost/base/ensure.h>
#include <ringpost/base/octets.h>
#include <ringpost/config/configuration.h>

namespace ringpost::pop3 {

class ReplyWriter {
 public:
  explicit ReplyWriter(MutableOctets room) noexcept
      : begin_(reinterpret_cast<char*>(room.data())), at_(begin_), end_(begin_ + room.size()) {}

  ReplyWriter& text(std::string_view octets) noexcept {
    ensure(octets.size() <= left());
    std::memcpy(at_, octets.data(), octets.size());
    at_ += octets.size();
    return *this;
  }
  ReplyWriter& number(std::uint64_t value) noexcept {
    const auto [next, error] = std::to_chars(at_, end_, value);
    ensure(error == std::errc{});
    at_ = next;
    return *this;
  }

  std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  std::string_view view() const noexcept { return {begin_, size()}; }

 private:
  char* begin_;
  char* at_;
  char* end_;
};

inline constexpr std::size_t reply_octets_max = 512;     // P005
inline constexpr std::size_t scan_line_octets_max = 33;  // "n size CRLF" (P026)
inline constexpr std::size_t uidl_line_octets_max = 83;  // "n uidl CRLF" (P042)
inline constexpr std::size_t capabilities_octets_max = 1024;

inline void write_scan_line(ReplyWriter& out, std::uint32_t number, std::uint64_t octets) noexcept {
  out.number(number).text(" ").number(octets).text("\r\n");
}
inline void write_uidl_line(ReplyWriter& out, std::uint32_t number, std::string_view uidl) noexcept {
  out.number(number).text(" ").text(uidl).text("\r\n");
}

// May a credential that shows the password be given on this link now, and by this way? (B4, X018, S004)
bool offers(const config::VirtualServer&, config::Mechanism, bool tls) noexcept;

// May a client begin TLS by STLS now? (RFC 2595 section 4)
bool offers_stls(const config::VirtualServer&, bool tls, bool logged_in) noexcept;

// CAPA's answer (at most capabilities_octets_max). What is announced before login is announced after it too (X014);
// IMPLEMENTATION comes after login only (X027).
void write_capabilities(ReplyWriter&, const config::VirtualServer&, bool tls, bool logged_in) noexcept;

// The answer to AUTH without an argument: the mechanisms, one a line (A026).
void write_mechanisms(ReplyWriter&, const config::VirtualServer&, bool tls) noexcept;

// The greeting (P001): no `<`, which clients take for an APOP challenge, and no `[`, which begins a response code
// (X031, X019); at most 512 octets (X012).
void write_greeting(ReplyWriter&, std::string_view banner) noexcept;

}  // namespace ringpost::pop3
