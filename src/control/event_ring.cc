#include <algorithm>
#include <bit>
#include <cstring>
#include <ctime>

#include <ringpost/control/event_ring.h>

namespace ringpost::control {
namespace {

enum class Type : std::uint8_t { text, cut_text, integer, natural, flag };

// Puts values behind each other into a fixed room; what does not fit leaves it as it was.
class Packer {
 public:
  explicit Packer(MutableOctets room) : room_(room) {}
  bool octets(const void* from, std::size_t count) {
    if (room_.size() - used_ < count) return false;
    if (count) std::memcpy(room_.data() + used_, from, count);
    used_ += count;
    return true;
  }
  template <typename T>
  bool value(T value) {
    return octets(&value, sizeof value);
  }
  bool text(std::string_view text) {
    return value(static_cast<std::uint16_t>(text.size())) && octets(text.data(), text.size());
  }
  bool field(const LogField& field);
  std::size_t used() const { return used_; }

 private:
  bool put(const LogField& field);
  MutableOctets room_;
  std::size_t used_ = 0;
};

bool Packer::put(const LogField& field) {
  if (!text(field.key.substr(0, EventRing::text_octets_max))) return false;
  if (const auto* foreign = std::get_if<std::string_view>(&field.value)) {
    const bool cut = foreign->size() > EventRing::text_octets_max;
    return value(cut ? Type::cut_text : Type::text) && text(foreign->substr(0, EventRing::text_octets_max));
  }
  if (const auto* integer = std::get_if<std::int64_t>(&field.value)) return value(Type::integer) && value(*integer);
  if (const auto* natural = std::get_if<std::uint64_t>(&field.value)) return value(Type::natural) && value(*natural);
  return value(Type::flag) && value(std::get<bool>(field.value));
}

bool Packer::field(const LogField& field) {
  const std::size_t before = used_;
  if (put(field)) return true;
  used_ = before;
  return false;
}

class Unpacker {
 public:
  explicit Unpacker(Octets octets) : octets_(octets) {}
  template <typename T>
  T value() {
    T value;
    std::memcpy(&value, octets_.data(), sizeof value);
    octets_ = octets_.subspan(sizeof value);
    return value;
  }
  std::string_view text() {
    const auto size = value<std::uint16_t>();
    const std::string_view text = text_of(octets_.first(size));
    octets_ = octets_.subspan(size);
    return text;
  }
  TakenField field() {
    TakenField field{text(), false, false};
    const auto type = value<Type>();
    field.cut = type == Type::cut_text;
    switch (type) {
      case Type::text:
      case Type::cut_text:
        field.value = text();
        break;
      case Type::integer:
        field.value = value<std::int64_t>();
        break;
      case Type::natural:
        field.value = value<std::uint64_t>();
        break;
      case Type::flag:
        field.value = value<bool>();
        break;
    }
    return field;
  }
  bool more() const { return !octets_.empty(); }

 private:
  Octets octets_;
};

std::int64_t wall_microseconds() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

EventRing::EventRing(std::size_t octets, EventReader& reader)
    : reader_(reader),
      size_(std::bit_ceil(std::max<std::size_t>(octets, 2 * event_octets_max))),
      room_(new std::byte[size_]) {}

void EventRing::copy_in(std::uint64_t at, Octets octets) noexcept {
  const std::uint64_t start = at % size_;
  const std::size_t first = std::min<std::size_t>(octets.size(), size_ - start);
  std::memcpy(room_.get() + start, octets.data(), first);
  std::memcpy(room_.get(), octets.data() + first, octets.size() - first);
}

void EventRing::copy_out(std::uint64_t at, MutableOctets octets) const noexcept {
  const std::uint64_t start = at % size_;
  const std::size_t first = std::min<std::size_t>(octets.size(), size_ - start);
  std::memcpy(octets.data(), room_.get() + start, first);
  std::memcpy(octets.data() + first, room_.get(), octets.size() - first);
}

void EventRing::write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) noexcept {
  if (level < reader_.level.load(std::memory_order_relaxed)) return;
  std::byte room[event_octets_max];
  Packer packer(room);
  packer.value(std::uint32_t{0});
  packer.value(wall_microseconds());
  packer.value(level);
  packer.text(event.substr(0, text_octets_max));
  for (const LogField& field : fields) packer.field(field);
  const auto octets = static_cast<std::uint32_t>(packer.used());
  std::memcpy(room, &octets, sizeof octets);

  const std::uint64_t at = written_.load(std::memory_order_relaxed);
  if (size_ - (at - taken_.load(std::memory_order_acquire)) < octets) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  copy_in(at, Octets(room, octets));
  // Sequentially consistent with the reader's `asleep = true; empty()?`: one of the two sees the other.
  written_.store(at + octets, std::memory_order_seq_cst);
  if (reader_.asleep.load(std::memory_order_seq_cst) && reader_.asleep.exchange(false)) reader_.woken_by_event();
}

bool EventRing::take(TakenEvent& into) {
  const std::uint64_t at = taken_.load(std::memory_order_relaxed);
  if (at == written_.load(std::memory_order_seq_cst)) return false;
  std::uint32_t octets = 0;
  copy_out(at, std::as_writable_bytes(std::span(&octets, 1)));
  event_.resize(octets);
  copy_out(at, event_);
  taken_.store(at + octets, std::memory_order_release);

  Unpacker unpacker(Octets(event_).subspan(sizeof octets));
  into.time.microseconds = unpacker.value<std::int64_t>();
  into.level = unpacker.value<LogLevel>();
  into.event = unpacker.text();
  into.fields.clear();
  while (unpacker.more()) into.fields.push_back(unpacker.field());
  return true;
}

}  // namespace ringpost::control
