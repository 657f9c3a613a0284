// Any octets as an mbox: in slices of any size the same messages come out, in order, and none begins without an end.
// The first octet chooses the slice, the second the quoting.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <ringpost/base/ensure.h>
#include <ringpost/store/mbox.h>

namespace ringpost::store {
namespace {

struct Taken final : MboxSink {
  void message_begins(WallTime received) override {
    ensure(!open);
    open = true;
    texts.emplace_back();
    times.push_back(received.microseconds);
  }
  void message_octets(Octets octets) override {
    ensure(open);
    texts.back() += text_of(octets);
  }
  void message_ends() override {
    ensure(open);
    open = false;
  }
  bool open = false;
  std::vector<std::string> texts;
  std::vector<std::int64_t> times;
};

bool split(std::string_view mbox, MboxQuoting quoting, std::size_t slice, Taken& taken, std::uint64_t& doubts) {
  MboxSplitter splitter(taken, quoting);
  for (std::size_t at = 0; at < mbox.size(); at += slice) {
    const std::string part(mbox.substr(at, slice));
    if (!splitter.feed(octets_of(part))) return false;
  }
  const bool is_mbox = splitter.finish();
  ensure(!is_mbox || splitter.messages() == taken.texts.size());
  ensure(splitter.doubtful_lines().size() <= mbox_doubts_named_max);
  doubts = splitter.doubts();
  return is_mbox;
}

}  // namespace
}  // namespace ringpost::store

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringpost::store;
  if (size < 2) return 0;
  const std::string_view mbox(reinterpret_cast<const char*>(data + 2), size - 2);
  const auto quoting = data[1] & 1 ? MboxQuoting::mboxrd : MboxQuoting::none;
  Taken whole;
  Taken sliced;
  std::uint64_t doubts_whole = 0;
  std::uint64_t doubts_sliced = 0;
  const bool is_mbox = split(mbox, quoting, mbox.size() + 1, whole, doubts_whole);
  ensure(is_mbox == split(mbox, quoting, data[0] + 1u, sliced, doubts_sliced));
  if (!is_mbox) return 0;
  ensure(!whole.open && !sliced.open);
  ensure(whole.texts == sliced.texts && whole.times == sliced.times && doubts_whole == doubts_sliced);
  std::size_t octets = 0;
  for (const std::string& text : whole.texts) octets += text.size();
  ensure(octets <= mbox.size());
  return 0;
}
