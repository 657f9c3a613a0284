// bench/store/owner_bench.cc: the owner on a real folder: a poll of an unchanged maildrop (no file is touched), and the
// first login of a process to a large one.
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <string>
#include <unistd.h>

#include <ringpost/ring/uring_proactor.h>
#include <ringpost/store/maildrops.h>
#include <ringpost/store/wire_form.h>

namespace ringpost::store {
namespace {

class Silent final : public EventLog {
  void write(LogLevel, std::string_view, std::initializer_list<LogField>) noexcept override {}
};

class Nobody final : public Holder {
  std::string_view client_address() const noexcept override { return "192.0.2.1"; }
  bool ending() const noexcept override { return false; }
  bool update_begun() const noexcept override { return false; }
  Instant last_heard() const noexcept override { return {}; }
  ring::Descriptor socket() const noexcept override { return ring::no_descriptor; }
  std::uint64_t octets_queued() const noexcept override { return 0; }
  void end_for_take_over() noexcept override {}
};

struct House {
  House() : proactor(cores, {nullptr, &files}, ring::UringOptions{}) {
    std::string pattern = (std::filesystem::temp_directory_path() / "ringpost-bench-XXXXXX").string();
    ensure(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
    data = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    settings.reserve = 0;
    begin();
  }
  ~House() {
    end();
    ::close(data);
    std::filesystem::remove_all(path);
  }
  void begin() {
    maildrops.emplace(proactor, settings, data, log, std::span<Maildrops* const>(peers));
    peers[0] = &*maildrops;
  }
  void end() {
    run(maildrops->drain());
    maildrops.reset();
  }
  void run(ring::Task<void> task) {
    ring::spawn(gate, std::move(task));
    proactor.run_until_idle();
  }

  ring::Cores cores{1};
  ring::WorkerPool files{"files", 2, 64};
  ring::UringProactor proactor;
  ring::Gate gate;
  Silent log;
  std::string path;
  ring::Descriptor data = ring::no_descriptor;
  config::Store settings;
  std::vector<Maildrops*> peers{nullptr};
  std::optional<Maildrops> maildrops;
};

ring::Task<void> deliver(Maildrops& maildrops, const Incoming& incoming) {
  auto stored = co_await maildrops.append("alice", incoming);
  ensure(stored.has_value());
}

void fill(House& house, std::int64_t messages) {
  WireFormer former;
  std::string wire;
  former.feed(octets_of("Subject: bench\r\n\r\nA short one.\r\n"), wire);
  former.finish(wire);
  const Octets piece = octets_of(wire);
  Incoming incoming;
  incoming.wire_form = {&piece, 1};
  incoming.wire_octets = former.wire_octets();
  incoming.octets = former.octets();
  incoming.header_octets = static_cast<std::uint32_t>(former.header_octets());
  incoming.wire_crc32c = former.crc32c();
  for (std::int64_t i = 0; i < messages; ++i) {
    ring::spawn(house.gate, deliver(*house.maildrops, incoming));
    if (i % 4096 == 4095) house.proactor.run_until_idle();
  }
  house.proactor.run_until_idle();
}

ring::Task<void> poll(Maildrops& maildrops, std::int64_t times, std::int64_t messages) {
  Nobody holder;
  for (std::int64_t i = 0; i < times; ++i) {
    auto lease = co_await maildrops.open("alice", holder);
    ensure(lease && lease->snapshot().count() == messages);
    auto closed = co_await maildrops.close(std::move(*lease), {});
    ensure(closed.has_value());
  }
}

void poll_unchanged(benchmark::State& state) {
  House house;
  fill(house, state.range(0));
  house.run(poll(*house.maildrops, 1, state.range(0)));
  constexpr std::int64_t times = 1000;
  for (auto _ : state) house.run(poll(*house.maildrops, times, state.range(0)));
  state.SetItemsProcessed(state.iterations() * times);
}
BENCHMARK(poll_unchanged)->Name("lock, snapshot and release, a thousand times")->Arg(20);

void first_login(benchmark::State& state) {
  House house;
  fill(house, state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    house.end();
    house.begin();
    state.ResumeTiming();
    house.run(poll(*house.maildrops, 1, state.range(0)));
  }
}
BENCHMARK(first_login)->Name("first login of a process")->Arg(20)->Arg(20'000)->UseRealTime();

}  // namespace
}  // namespace ringpost::store
