// bench/store/store_bench.cc: mail into wire form (the scan for dots and line ends), records, the index read at an
// opening, a scan without one, and an append with its sync.
#include <array>
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <string>
#include <sys/uio.h>
#include <unistd.h>

#include <ringpost/base/ensure.h>
#include <ringpost/store/index_format.h>
#include <ringpost/store/listing.h>
#include <ringpost/store/log_scan.h>
#include <ringpost/store/wire_form.h>

namespace ringpost::store {
namespace {

constexpr Edition edition{{{std::byte{1}, std::byte{2}, std::byte{3}}}};

// Lines of 60 octets, every 50th with a dot in front.
std::string mail_text(std::size_t octets, std::string_view line_end) {
  std::string text;
  for (int line = 0; text.size() < octets; ++line) {
    if (line % 50 == 0) text += '.';
    text += std::string(60, static_cast<char>('a' + line % 26));
    text += line_end;
  }
  return text;
}

void to_wire_form(benchmark::State& state, std::string_view line_end) {
  auto text = mail_text(static_cast<std::size_t>(state.range(0)), line_end);
  std::string out;
  for (auto _ : state) {
    out.clear();
    WireFormer former;
    former.feed(octets_of(text), out);
    former.finish(out);
    benchmark::DoNotOptimize(former.crc32c());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK_CAPTURE(to_wire_form, from_crlf, "\r\n")->Arg(1024)->Arg(16384)->Arg(1 << 20);
BENCHMARK_CAPTURE(to_wire_form, from_lf, "\n")->Arg(16384);

struct Mail {
  explicit Mail(std::size_t octets) {
    WireFormer former;
    former.feed(octets_of(mail_text(octets, "\r\n")), wire);
    former.finish(wire);
    message.octets = former.octets();
    message.wire_octets = former.wire_octets();
    message.wire_crc32c = former.crc32c();
    message.uidl = "mzxw6ytbmzxw6ytbmzxw";
  }
  std::string wire;
  MessageToWrite message;
};

void encode(benchmark::State& state) {
  Mail mail{static_cast<std::size_t>(state.range(0))};
  for (auto _ : state) {
    ++mail.message.sequence.value;
    benchmark::DoNotOptimize(encode_message(edition, mail.message));
  }
}
BENCHMARK(encode)->Name("record around a message")->Arg(16384);

// What one delivery writes: header, content and tail in one call, then the data's sync. Real time: a disk is waited
// for.
void append(benchmark::State& state) {
  Mail mail{static_cast<std::size_t>(state.range(0))};
  std::string name =
      std::string{std::getenv("TMPDIR") == nullptr ? "/var/tmp" : std::getenv("TMPDIR")} + "/ringpost-append.XXXXXX";
  int fd = mkostemp(name.data(), O_CLOEXEC);
  ensure(fd >= 0);
  unlink(name.c_str());
  off_t at = 0;
  for (auto _ : state) {
    ++mail.message.sequence.value;
    auto frame = encode_message(edition, mail.message);
    std::array<iovec, 3> parts{iovec{frame.head_buffer.data(), frame.head_octets},
                               iovec{mail.wire.data(), mail.wire.size()},
                               iovec{frame.tail_buffer.data(), frame.tail_octets}};
    auto written = pwritev(fd, parts.data(), parts.size(), at);
    if (written != static_cast<ssize_t>(frame.record_octets) || fdatasync(fd) != 0) {
      state.SkipWithError("writing failed");
      break;
    }
    at += written;
  }
  close(fd);
}
BENCHMARK(append)->Name("append and sync")->Arg(1024)->Arg(65536)->UseRealTime();

std::string index_of(std::int64_t messages) {
  auto index = encode_index_header(edition);
  IndexAdd add;
  for (std::int64_t i = 0; i < messages; ++i) {
    auto uidl = fmt::format("{:0>20}", i);
    add.sequence.value = static_cast<std::uint64_t>(i) + 1;
    add.log_offset = static_cast<std::uint64_t>(i) * 16384;
    add.octets = 15'000;
    add.reply_octets = 15'100;
    add.uidl = uidl;
    append_index_entry(index, edition, add);
  }
  return index;
}

// What an opening computes: entries verified and put into a listing, read in windows of 256 KiB.
void open_index(benchmark::State& state) {
  auto index = index_of(state.range(0));
  for (auto _ : state) {
    IndexReader reader;
    Listing listing;
    for (auto rest = octets_of(index); !rest.empty();) {
      auto window = rest.first(std::min<std::size_t>(rest.size(), 256 * 1024));
      rest = rest.subspan(window.size());
      reader.feed(window);
      while (const auto* entry = reader.next()) listing.take(*entry);
    }
    reader.finish();
    listing.finish();
    ensure(listing.alive() == static_cast<std::uint64_t>(state.range(0)));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(open_index)->Name("index of so many messages")->Arg(20)->Arg(10'000);

// The same list from the log itself, its index lost.
void scan_log(benchmark::State& state) {
  Mail mail{1024};
  std::string log;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    ++mail.message.sequence.value;
    auto uidl = fmt::format("{:0>20}", i);
    mail.message.uidl = uidl;
    auto frame = encode_message(edition, mail.message);
    log.append(text_of(frame.head())).append(mail.wire).append(text_of(frame.tail()));
    mail.message.synced = log.size();
  }
  for (auto _ : state) {
    Listing listing;
    LogScan scan{ScanStart{.log_octets = log.size()}, listing};
    while (auto want = scan.want()) scan.feed(octets_of(log).subspan(want->offset, want->octets));
    listing.finish();
    ensure(listing.alive() == static_cast<std::uint64_t>(state.range(0)));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(scan_log)->Name("log of so many messages")->Arg(20)->Arg(5'000);

}  // namespace
}  // namespace ringpost::store
