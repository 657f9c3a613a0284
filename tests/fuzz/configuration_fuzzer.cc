// Any octets as a configuration: never a crash, and a value comes out exactly when there are no findings.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <ringpost/base/ensure.h>
#include <ringpost/config/reader.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ringpost::config::Reading reading = ringpost::config::read_text(text, {"/etc/ringpost/ringpost.toml", "host"});
  ensure(static_cast<bool>(reading.configuration) == reading.findings.empty());
  for (const ringpost::config::Finding& finding : reading.findings) {
    const std::string line = ringpost::config::show(finding, "ringpost.toml");
    ensure(line.find('\n') == std::string::npos);
    ensure(line.size() < 8192);
  }
  return 0;
}
