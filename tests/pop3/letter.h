// tests/pop3/letter.h: a message on its way into the store.
#pragma once

#include <string>

#include <ringpost/store/maildrops.h>
#include <ringpost/store/wire_form.h>

namespace ringpost::pop3 {

// It stays in place until the append has returned: `incoming` points into it.
struct Letter {
  explicit Letter(std::string_view raw) {
    store::WireFormer former;
    former.feed(octets_of(raw), wire);
    former.finish(wire);
    whole = octets_of(wire);
    incoming.wire_form = {&whole, 1};
    incoming.wire_octets = former.wire_octets();
    incoming.octets = former.octets();
    incoming.header_octets = static_cast<std::uint32_t>(former.header_octets());
    incoming.wire_crc32c = former.crc32c();
  }
  Letter(const Letter&) = delete;
  Letter& operator=(const Letter&) = delete;

  std::string wire;
  Octets whole;
  store::Incoming incoming;
};

}  // namespace ringpost::pop3
