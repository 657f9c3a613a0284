#include <algorithm>
#include <chrono>

#include <ringpost/pop3/replies.h>

#ifndef RINGPOST_VERSION
#error "the build gives the version"
#endif

namespace ringpost::pop3 {

bool offers(const config::VirtualServer& server, config::Mechanism mechanism, bool tls) noexcept {
  // Both mechanisms that are built show the password, so both ways of insisting on TLS mean the same here.
  if (server.require_tls != config::RequireTls::never && !tls) return false;
  return std::ranges::find(server.authentication, mechanism) != server.authentication.end();
}

bool offers_stls(const config::VirtualServer& server, bool tls, bool logged_in) noexcept {
  return !server.certificate.empty() && !tls && !logged_in;
}

void write_capabilities(ReplyWriter& out, const config::VirtualServer& server, bool tls, bool logged_in) noexcept {
  out.text("+OK capabilities follow\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n");
  if (server.expire_days < 0)
    out.text("EXPIRE NEVER\r\n");
  else
    out.text("EXPIRE ").number(static_cast<std::uint64_t>(server.expire_days)).text("\r\n");
  const auto delay_seconds = std::chrono::ceil<std::chrono::seconds>(server.login_delay).count();
  if (delay_seconds > 0) out.text("LOGIN-DELAY ").number(static_cast<std::uint64_t>(delay_seconds)).text("\r\n");
  if (offers_stls(server, tls, logged_in)) out.text("STLS\r\n");
  if (offers(server, config::Mechanism::user, tls)) out.text("USER\r\n");
  if (offers(server, config::Mechanism::plain, tls)) out.text("SASL PLAIN\r\n");
  if (logged_in)
    out.text(server.announce_version ? "IMPLEMENTATION Ringpost-" RINGPOST_VERSION "\r\n"
                                     : "IMPLEMENTATION Ringpost\r\n");
  out.text(".\r\n");
}

void write_mechanisms(ReplyWriter& out, const config::VirtualServer& server, bool tls) noexcept {
  out.text("+OK mechanisms follow\r\n");
  if (offers(server, config::Mechanism::plain, tls)) out.text("PLAIN\r\n");
  out.text(".\r\n");
}

void write_greeting(ReplyWriter& out, std::string_view banner) noexcept {
  out.text("+OK ");
  const std::size_t octets = std::min(banner.size(), reply_octets_max - 6);
  for (std::size_t at = 0; at < octets; ++at) {
    const auto c = static_cast<unsigned char>(banner[at]);
    const bool misread = c < 0x20 || c == 0x7f || c == '<' || c == '>' || (at == 0 && c == '[');
    out.text(misread ? std::string_view("_") : banner.substr(at, 1));
  }
  out.text("\r\n");
}

}  // namespace ringpost::pop3
