// A connection whose link has a layer: what leaves, in which order, and what counts as arrived (M6). The layer here
// marks its records and encrypts nothing, so that the test reads the wire.

#include <cstring>
#include <fcntl.h>
#include <string>

#include "both_engines.h"

namespace ringpost::ring {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The client's 'h' ends the handshake; an 'x' is a forgery. A record is 'R', its length in five digits, its octets.
class Marked final : public SecureLayer {
 public:
  Stage stage() const noexcept override { return stage_; }
  void from_wire(Octets wire, Reader& reader) noexcept override {
    for (const std::byte octet : wire) {
      if (stage_ == Stage::failed) return;
      if (stage_ == Stage::handshake)
        begin(octet);
      else if (octet == std::byte{'x'})
        stage_ = Stage::failed, own_ += "A";
      else
        reader.opened({&octet, 1});
    }
  }
  std::size_t seal(Octets plain, MutableOctets into) noexcept override {
    if (stage_ != Stage::open) return 0;
    std::string head = std::to_string(plain.size());
    head = "R" + std::string(5 - head.size(), '0') + head;
    std::memcpy(into.data(), head.data(), head.size());
    std::memcpy(into.data() + head.size(), plain.data(), plain.size());
    return head.size() + plain.size();
  }
  std::size_t sealed_octets_max(std::size_t plain) const noexcept override { return plain == 0 ? 0 : plain + 6; }
  Octets own_output() const noexcept override { return octets_of(own_); }
  void own_output_taken(std::size_t octets) noexcept override { own_.erase(0, octets); }
  void finish() noexcept override { own_ += "B"; }
  std::string_view version() const noexcept override { return "marked"; }
  std::string_view cipher() const noexcept override { return "none"; }

 private:
  void begin(std::byte octet) noexcept {
    stage_ = octet == std::byte{'h'} ? Stage::open : Stage::failed;
    own_ += stage_ == Stage::open ? "H" : "A";
  }
  Stage stage_ = Stage::handshake;
  std::string own_;
};

// The octets of all records, where the wire holds nothing else but the layer's words given.
std::string plain_of(std::string wire, std::string_view begin, std::string_view end) {
  EXPECT_TRUE(wire.starts_with(begin) && wire.ends_with(end)) << wire.substr(0, 20);
  wire = wire.substr(begin.size(), wire.size() - begin.size() - end.size());
  std::string plain;
  while (!wire.empty()) {
    if (wire.size() < 6 || wire[0] != 'R') return plain + "<no record>";
    const auto octets = static_cast<std::size_t>(std::stoi(wire.substr(1, 5)));
    plain += wire.substr(6, octets);
    wire.erase(0, 6 + octets);
  }
  return plain;
}

using SecureTest = OnBothEngines;

Task<Ending> secured(Connection& connection, Proactor& proactor) {
  const Ending ending = co_await connection.begin_tls(std::make_unique<Marked>(), proactor.now() + seconds(20), 1000);
  co_return ending;
}

Task<void> answer_and_end(Proactor& proactor, Descriptor folder, Descriptor socket) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  const Ending begun = co_await secured(connection, proactor);
  EXPECT_EQ(begun, Ending::none);
  Awaited open(proactor, OpKind::open);
  open.fd = folder;
  open.path = "content";
  open.flags = O_RDWR | O_CREAT;
  open.mode = 0600;
  const auto file = static_cast<Descriptor>(co_await open);
  const std::string content = pattern(150000);
  const iovec vector{const_cast<char*>(content.data()), content.size()};
  Awaited write(proactor, OpKind::write);
  write.fd = file;
  write.vectors = &vector;
  write.vector_count = 1;
  const std::int64_t written = co_await write;
  EXPECT_EQ(written, static_cast<std::int64_t>(content.size()));
  connection.put("first ");
  const auto sent = co_await connection.send_file(file, {}, {0, content.size()}, seconds(20));
  EXPECT_EQ(sent.octets, content.size());
  EXPECT_EQ(counters.octets_by_sendfile, 0U);
  connection.put("last");
  const Ending arrived = co_await connection.until_acknowledged(connection.position(), seconds(20));
  EXPECT_EQ(arrived, Ending::none);
  connection.put("+OK");
  co_await connection.close(true, seconds(20));
  proactor.close(file);
}

TEST_P(SecureTest, EverythingLeavesAsRecordsInOrderAndTheGoodByeComesLast) {
  const Heard heard = engine_->converse(
      [&](Proactor& proactor, Descriptor socket) { return answer_and_end(proactor, engine_->folder(), socket); },
      {say("h"), hear_all, finish});
  EXPECT_EQ(plain_of(heard.octets, "H", "B"), "first " + pattern(150000) + "last+OK");
}

Task<void> answer_behind_a_forgery(Proactor& proactor, Descriptor socket) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  const Ending begun = co_await secured(connection, proactor);
  EXPECT_EQ(begun, Ending::none);
  co_await Pause(proactor, proactor.now() + milliseconds(200));  // the command and the forgery are there
  EXPECT_EQ(text_of(connection.unread()), "c");
  const std::uint64_t end = connection.position() + 6;
  connection.put("answer");
  const Ending arrived = co_await connection.until_acknowledged(end, seconds(5));
  EXPECT_NE(arrived, Ending::none);
  EXPECT_FALSE(connection.acknowledged(end));
  const Instant before = proactor.now();
  co_await connection.close(true, seconds(60));
  EXPECT_LT(proactor.now() - before, seconds(30)) << "nothing is left to wait for";
}

TEST_P(SecureTest, WhatCouldNotBeSealedNeverCountsAsArrived) {
  const Heard heard =
      engine_->converse(answer_behind_a_forgery, {say("h"), pause(milliseconds(50)), say("cx"), hear_all, finish});
  EXPECT_EQ(heard.octets.find("answer"), std::string::npos);
}

Task<void> answer_nobody(Proactor& proactor, Descriptor socket) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  const Ending begun = co_await secured(connection, proactor);
  EXPECT_EQ(begun, Ending::none);
  const std::string much(16000, 'm');
  Ending ended = Ending::none;
  std::uint64_t end = 0;
  while (ended == Ending::none) {
    if (connection.room() < much.size()) ended = co_await connection.flushed(seconds(20));
    if (ended != Ending::none) break;
    end = connection.position() + much.size();
    connection.put(much);
  }
  EXPECT_EQ(ended, Ending::peer_reset);
  EXPECT_FALSE(connection.acknowledged(end));
  const Ending arrived = co_await connection.until_acknowledged(end, seconds(5));
  EXPECT_NE(arrived, Ending::none);
  const Instant before = proactor.now();
  co_await connection.close(true, seconds(60));
  EXPECT_LT(proactor.now() - before, seconds(30));
}

TEST_P(SecureTest, WhatAResetCutOffNeverCountsAsArrived) {
  engine_->converse(answer_nobody, {say("h"), pause(milliseconds(300)), reset});
}

INSTANTIATE_TEST_SUITE_P(Proactors, SecureTest, ::testing::Values(EngineName::uring, EngineName::simulator),
                         engine_name);

}  // namespace
}  // namespace ringpost::ring
