// R074 over both engines, and over many simulated networks: pipelined answers of all sizes, gathered and sent from a
// file, through sends that are short, multishots that end, completions that come late, pages that go cold.

#include <fcntl.h>
#include <string>

#include "both_engines.h"

namespace ringpost::ring {
namespace {

using std::chrono::seconds;

struct Answers {
  std::string content;
  std::vector<FileRange> ranges;
};

Answers make_answers(int count, std::uint64_t octets_max) {
  Answers answers;
  std::uint32_t state = 3;
  std::uint64_t total = 0;
  for (int i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    const std::uint64_t length = 3 + (state >> 8) % (i % 3 == 0 ? 5000 : octets_max);
    answers.ranges.push_back({total, length});
    total += length;
  }
  answers.content = pattern(total);
  return answers;
}

Task<Descriptor> write_file(Proactor& proactor, Descriptor folder, const std::string& content) {
  Awaited open(proactor, OpKind::open);
  open.fd = folder;
  open.path = "content";
  open.flags = O_RDWR | O_CREAT;
  open.mode = 0600;
  const auto fd = static_cast<Descriptor>(co_await open);
  for (std::uint64_t at = 0; at < content.size();) {
    Awaited write(proactor, OpKind::write);
    const iovec vector{const_cast<char*>(content.data()) + at, std::min<std::size_t>(content.size() - at, 256 << 10)};
    write.fd = fd;
    write.vectors = &vector;
    write.vector_count = 1;
    write.offset = at;
    const std::int64_t written = co_await write;
    if (written <= 0) {
      ADD_FAILURE() << "write: " << written;
      break;
    }
    at += static_cast<std::uint64_t>(written);
  }
  Awaited sync(proactor, OpKind::sync_data);
  sync.fd = fd;
  const std::int64_t synced = co_await sync;
  EXPECT_EQ(synced, 0);
  co_return fd;
}

Task<Ending> put_all(Connection& connection, std::string_view octets) {
  Ending ending = Ending::none;
  while (!octets.empty() && ending == Ending::none) {
    if (connection.room() == 0) ending = co_await connection.flushed(seconds(20));
    const std::size_t piece = std::min(octets.size(), connection.room());
    connection.put(octets.substr(0, piece));
    octets.remove_prefix(piece);
  }
  co_return ending;
}

struct Outcome {
  Ending ended = Ending::none;
  SendCounters counters;
};

Task<void> answer_all(Proactor& proactor, Descriptor folder, Descriptor socket, const Answers& answers, Outcome& out,
                      std::uint64_t mapped = 64 << 20) {
  Connection connection(proactor, socket, {}, out.counters);
  const Descriptor file = co_await write_file(proactor, folder, answers.content);
  const Mapping mapping = proactor.map(file, mapped);
  for (std::size_t i = 0; i < answers.ranges.size() && out.ended == Ending::none; ++i) {
    const FileRange range = answers.ranges[i];
    if (range.length <= 4096 || i % 7 == 0) {
      out.ended = co_await put_all(connection, std::string_view(answers.content).substr(range.offset, range.length));
    } else {
      const auto sent = co_await connection.send_file(file, mapping, range, seconds(20));
      EXPECT_EQ(sent.file_error, 0);
      EXPECT_TRUE(sent.ending != Ending::none || sent.octets == range.length);
      out.ended = sent.ending;
    }
  }
  proactor.unmap(mapping);
  proactor.close(file);
  co_await connection.close(out.ended == Ending::none, seconds(60));
}

using StreamTest = OnBothEngines;

TEST_P(StreamTest, IsExactForTinyBuffers) {
  const Answers answers = make_answers(200, 30000);
  Outcome outcome;
  const Heard heard = engine_->converse(
      [&](Proactor& proactor, Descriptor socket) {
        return answer_all(proactor, engine_->folder(), socket, answers, outcome);
      },
      {hear_all});
  EXPECT_EQ(outcome.ended, Ending::none);
  EXPECT_EQ(heard.octets.size(), answers.content.size());
  EXPECT_TRUE(heard.octets == answers.content);
  EXPECT_EQ(outcome.counters.octets_by_ring + outcome.counters.octets_by_sendfile, answers.content.size());
}

TEST_P(StreamTest, EndsWhenThePeerResetsInTheMiddle) {
  const Answers answers = make_answers(200, 30000);
  Outcome outcome;
  engine_->converse(
      [&](Proactor& proactor, Descriptor socket) {
        return answer_all(proactor, engine_->folder(), socket, answers, outcome);
      },
      {pause(std::chrono::milliseconds(30)), reset});
  EXPECT_EQ(outcome.ended, Ending::peer_reset);
}

// What lies outside the mapping is never said to be resident, as if it were evicted again and again.
TEST_P(StreamTest, WhatIsColdHoweverOftenItIsReadIsSentThroughABufferAndTheCoreNeverWaits) {
  const Answers answers = make_answers(60, 60000);
  Outcome outcome;
  const Heard heard = engine_->converse(
      [&](Proactor& proactor, Descriptor socket) {
        return answer_all(proactor, engine_->folder(), socket, answers, outcome, 1);
      },
      {hear_all});
  EXPECT_EQ(outcome.ended, Ending::none);
  EXPECT_TRUE(heard.octets == answers.content);
  EXPECT_EQ(outcome.counters.octets_by_sendfile, 0U);
  EXPECT_GE(outcome.counters.octets_cold, answers.content.size() / 2);
}

INSTANTIATE_TEST_SUITE_P(Proactors, StreamTest, ::testing::Values(EngineName::uring, EngineName::simulator),
                         engine_name);

TEST(StreamInTheSimulator, IsExactWhateverKernelAndNetworkDo) {
  const Answers answers = make_answers(40, 20000);
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    sim::Random random(seed);
    sim::Faults faults = sim::Faults::none();
    faults.packet_split = 0.3;
    faults.send_short = 0.3;
    faults.multishot_ends = 0.2;
    faults.late_completion = 0.2;
    faults.evict = 0.2;
    faults.network_latency_mean = std::chrono::milliseconds(seed % 20);
    faults.disk_latency_mean = std::chrono::milliseconds(seed % 5);
    faults.socket_octets_max = seed % 2 ? 4096 : 65536;
    faults.lent_buffers = seed % 3 ? 4 : 64;
    SimEngine engine(seed, faults);
    Outcome outcome;
    const Heard heard = engine.converse(
        [&](Proactor& proactor, Descriptor socket) {
          return answer_all(proactor, engine.folder(), socket, answers, outcome);
        },
        {say("NOOP\r\nNOOP\r\n"), hear_all});
    EXPECT_EQ(outcome.ended, Ending::none) << "seed " << seed;
    EXPECT_TRUE(heard.octets == answers.content) << "seed " << seed;
  }
}

}  // namespace
}  // namespace ringpost::ring
