#include <algorithm>
#include <cstring>

#include <ringpost/pop3/command_reader.h>

namespace ringpost::pop3 {

void CommandReader::hold(std::string_view text) {
  if (long_max_ != 0) {
    long_.append(text);
    return;
  }
  std::memcpy(short_.data() + short_size_, text.data(), text.size());
  short_size_ = static_cast<std::uint16_t>(short_size_ + text.size());
}

std::string_view CommandReader::held() const noexcept {
  return long_max_ != 0 ? std::string_view(long_) : std::string_view(short_.data(), short_size_);
}

void CommandReader::let_go() noexcept {
  short_size_ = 0;
  if (!long_.empty()) {
    explicit_bzero(long_.data(), long_.size());
    std::string().swap(long_);
  }
  done_ = false;
}

void CommandReader::wipe() noexcept {
  explicit_bzero(short_.data(), short_.size());
  let_go();
}

CommandReader::Step CommandReader::discard(Octets slice) {
  const std::string_view text = text_of(slice);
  std::size_t at = 0;
  while (at < text.size()) {
    const bool ended = text[at] == '\n' && after_cr_;
    after_cr_ = text[at++] == '\r';
    if (ended) {
      discarding_ = false;
      break;
    }
  }
  return {Got::need_more, at, {}};
}

CommandReader::Step CommandReader::feed(Octets slice) {
  if (done_) {
    let_go();
    long_max_ = 0;
  }
  Step step;
  if (discarding_) {
    step = discard(slice);
    if (discarding_ || step.consumed == slice.size()) return step;
  }
  const std::string_view text = text_of(slice).substr(step.consumed);
  const std::size_t limit = long_max_ != 0 ? long_max_ : command_octets_max;
  const std::size_t window = std::min(text.size(), limit - held().size());
  const void* const end = std::memchr(text.data(), '\n', window);
  if (!end) {
    step.consumed += window;
    hold(text.substr(0, window));
    if (held().size() < limit) return step;
    after_cr_ = held().back() == '\r';
    wipe();
    long_max_ = 0;
    discarding_ = true;
    step.got = Got::too_long;
    return step;
  }
  const auto octets = static_cast<std::size_t>(static_cast<const char*>(end) - text.data()) + 1;
  step.consumed += octets;
  step.got = Got::line;
  step.line = text.substr(0, octets);
  if (!held().empty()) {
    hold(step.line);
    step.line = held();
  }
  step.line.remove_suffix(1);
  if (step.line.ends_with('\r')) step.line.remove_suffix(1);
  done_ = true;
  return step;
}

}  // namespace ringpost::pop3
