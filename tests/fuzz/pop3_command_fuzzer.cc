// Commands in slices that the input chooses: every octet is taken once, a line is never longer than its limit, and the
// slices make no difference.
#include <cstdint>
#include <string>
#include <vector>

#include <ringpost/base/ensure.h>
#include <ringpost/pop3/command.h>
#include <ringpost/pop3/command_reader.h>

using namespace ringpost;
using namespace ringpost::pop3;

namespace {

std::vector<std::string> read(std::string_view text, std::size_t slice, bool long_first) {
  CommandReader reader;
  if (long_first) reader.expect_long(600);
  std::vector<std::string> heard;
  while (!text.empty()) {
    const auto step = reader.feed(octets_of(text.substr(0, slice)));
    ensure(step.consumed > 0 && step.consumed <= slice);
    if (step.got == CommandReader::Got::too_long) heard.emplace_back("\n");
    if (step.got == CommandReader::Got::line) {
      ensure(step.line.size() < (long_first && heard.empty() ? 600U : command_octets_max));
      ensure(step.line.find('\n') == std::string_view::npos);
      const Command command = parse_command(step.line);
      ensure(command.verb == Verb::unknown || command.keyword.size() <= 4);
      parse_number(command.argument);
      parse_two_numbers(command.argument);
      heard.emplace_back(step.line);
    }
    text.remove_prefix(step.consumed);
  }
  return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const bool long_first = (data[1] & 1) != 0;
  ensure(read(text, 1 + data[0], long_first) == read(text, text.size() + 1, long_first));
  return 0;
}
