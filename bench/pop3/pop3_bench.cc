// bench/pop3/pop3_bench.cc: reading commands and building the long answers.
#include <array>
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <string>
#include <string_view>

#include <ringpost/pop3/command.h>
#include <ringpost/pop3/command_reader.h>
#include <ringpost/pop3/replies.h>

namespace ringpost::pop3 {
namespace {

constexpr std::string_view poll = "USER ann@example.test\r\nPASS correct horse\r\nSTAT\r\nUIDL\r\nQUIT\r\n";

// The commands of a poll, in slices of so many octets: lines a second.
void read_commands(benchmark::State& state) {
  auto slice_octets = static_cast<std::size_t>(state.range(0));
  CommandReader reader;
  std::int64_t lines = 0;
  for (auto _ : state) {
    for (std::size_t at = 0; at < poll.size(); at += slice_octets) {
      auto slice = octets_of(poll.substr(at, slice_octets));
      while (!slice.empty()) {
        auto step = reader.feed(slice);
        slice = slice.subspan(step.consumed);
        if (step.got != CommandReader::Got::line) continue;
        benchmark::DoNotOptimize(parse_command(step.line));
        ++lines;
      }
    }
  }
  state.SetItemsProcessed(lines);
}
BENCHMARK(read_commands)->Name("command lines, slices of")->Arg(static_cast<int>(poll.size()))->Arg(16)->Arg(1);

void build_list(benchmark::State& state) {
  std::array<std::byte, 16384> room;
  for (auto _ : state) {
    ReplyWriter out{room};
    std::uint32_t number = 0;
    while (out.left() >= scan_line_octets_max) {
      ++number;
      write_scan_line(out, number, 15'000 + number);
    }
    benchmark::DoNotOptimize(out.view());
    state.SetItemsProcessed(state.items_processed() + number);
  }
}
BENCHMARK(build_list)->Name("LIST lines");

void build_uidl(benchmark::State& state) {
  std::array<std::byte, 16384> room;
  for (auto _ : state) {
    ReplyWriter out{room};
    std::uint32_t number = 0;
    while (out.left() >= uidl_line_octets_max) write_uidl_line(out, ++number, "mzxw6ytbmzxw6ytbmzxw");
    benchmark::DoNotOptimize(out.view());
    state.SetItemsProcessed(state.items_processed() + number);
  }
}
BENCHMARK(build_uidl)->Name("UIDL lines");

}  // namespace
}  // namespace ringpost::pop3
