// Any octets as a message: the wire form holds no false end and no bare LF, un-stuffed it is as long as LIST will say,
// and formed again after un-stuffing it is the same (M20, R001, R004, R010). The first octet chooses the slice.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <ringpost/base/crc32c.h>
#include <ringpost/base/ensure.h>
#include <ringpost/store/plain_form.h>
#include <ringpost/store/wire_form.h>

namespace ringpost::store {
namespace {

std::string form(WireFormer& former, std::string_view raw, std::size_t slice) {
  std::string wire;
  for (std::size_t at = 0; at < raw.size(); at += slice) {
    const std::size_t before = wire.size();
    const std::string_view part = raw.substr(at, slice);
    former.feed(octets_of(part), wire);
    ensure(wire.size() - before <= 2 * part.size() + 3);
  }
  former.finish(wire);
  return wire;
}

std::string unstuffed(std::string_view wire) {
  std::string text;
  while (!wire.empty()) {
    const std::size_t end = wire.find("\r\n") + 2;
    ensure(end > 1);
    ensure(wire.substr(0, end) != ".\r\n");
    std::string_view line = wire.substr(0, end);
    ensure(line.find('\n') == line.size() - 1);
    if (line.front() == '.') line.remove_prefix(1);
    text += line;
    wire.remove_prefix(end);
  }
  return text;
}

}  // namespace
}  // namespace ringpost::store

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringpost::store;
  if (size == 0) return 0;
  const std::string_view raw(reinterpret_cast<const char*>(data + 1), size - 1);
  WireFormer former;
  const std::string wire = form(former, raw, data[0] + 1u);
  ensure(former.wire_octets() == wire.size() && former.crc32c() == ringpost::crc32c(ringpost::octets_of(wire)));
  const std::string text = unstuffed(wire);
  ensure(former.octets() == text.size() && former.header_octets() <= wire.size());
  const std::string_view header = std::string_view(wire).substr(0, former.header_octets());
  ensure(header == wire || header == "\r\n" || header.ends_with("\r\n\r\n"));
  PlainFormer former_back(true);
  std::string plain;
  for (std::size_t at = 0; at < wire.size(); at += data[0] + 1u)
    former_back.feed(ringpost::octets_of(std::string_view(wire).substr(at, data[0] + 1u)), plain);
  former_back.finish(plain);
  ensure(plain == text);
  WireFormer whole;
  ensure(form(whole, text, text.size() + 1) == wire && whole.header_octets() == former.header_octets());
  return 0;
}
