// bench/base/base_bench.cc: CRC-32C by instruction and by table, and the text forms of identifiers.
#include <benchmark/benchmark.h>
#include <string>
#include <vector>

#include <ringpost/base/crc32c.h>
#include <ringpost/base/identifiers.h>

namespace ringpost {
namespace {

template <std::uint32_t (*crc)(Octets, std::uint32_t) noexcept>
void checksum(benchmark::State& state) {
  std::vector<std::byte> octets(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
  std::uint32_t sum = 0;
  for (auto _ : state) benchmark::DoNotOptimize(sum = crc(octets, sum));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum<crc32c>)->Name("crc32c")->Arg(64)->Arg(4096)->Arg(262144);
BENCHMARK(checksum<crc32c_portable>)->Name("crc32c by table")->Arg(64)->Arg(4096);

void new_uidl(benchmark::State& state) {
  Id128 id;
  for (auto _ : state) {
    id.octets[3] = static_cast<std::byte>(std::to_integer<unsigned>(id.octets[3]) + 1);
    benchmark::DoNotOptimize(base32(id.octets, 100));
  }
}
BENCHMARK(new_uidl)->Name("base32 of 100 bits");

}  // namespace
}  // namespace ringpost
