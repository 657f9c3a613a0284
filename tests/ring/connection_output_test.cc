// Output of a connection: order, short sends, slow readers, files, what the peer's TCP has acknowledged.

#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/vfs.h>
#include <thread>

#include <ringpost/ring/connection.h>

#include "one_core.h"
#include "peer.h"

namespace ringpost::ring {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int tiny = 2304;  // SO_SNDBUF's floor

struct File {
  File(const TemporaryFolder& folder, std::string_view octets) : path(folder.path() + "/file") {
    fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    EXPECT_EQ(::write(fd, octets.data(), octets.size()), static_cast<ssize_t>(octets.size()));
  }
  ~File() { ::close(fd); }
  std::string path;
  Descriptor fd;
};

Task<void> never_read(Proactor& proactor, Descriptor socket, Ending& ended) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  const std::string much(16000, 'm');
  while (ended == Ending::none) {
    if (connection.room() < much.size()) ended = co_await connection.flushed(milliseconds(150));
    if (ended == Ending::none) connection.put(much);
  }
  const std::uint64_t position = connection.position();
  EXPECT_FALSE(connection.acknowledged(position));
  const Ending waited = co_await connection.until_acknowledged(position, milliseconds(100));
  EXPECT_EQ(waited, Ending::timed_out);
  co_await connection.close(true, milliseconds(50));
}

// R022 and M6: the kernel takes much for a client that reads nothing; what it took is not what has arrived.
TEST(ConnectionOutput, APeerThatNeverReadsTimesOutAndIsReset) {
  OneCore core;
  SocketPair pair(tiny, tiny);
  Ending ended = Ending::none;
  core.run(never_read(core.proactor, pair.ours, ended));
  EXPECT_EQ(ended, Ending::timed_out);
  EXPECT_NE(read_all(pair.peer).find("<errno 104>"), std::string::npos) << "a reset says that the stream was cut";
}

Task<void> wait_for_reader(Proactor& proactor, Descriptor socket, Ending& ended) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  connection.put(std::string(8000, 'a'));
  ended = co_await connection.until_acknowledged(connection.position(), seconds(5));
  EXPECT_TRUE(connection.acknowledged(8000));
  EXPECT_FALSE(connection.acknowledged(8001));
  co_await connection.close(true, seconds(1));
}

TEST(ConnectionOutput, WhatThePeersTcpAcknowledgedHasArrived) {
  OneCore core;
  SocketPair pair;
  Ending ended = Ending::timed_out;
  std::thread peer([&] {
    read_all(pair.peer);
    ::shutdown(pair.peer, SHUT_WR);
  });
  core.run(wait_for_reader(core.proactor, pair.ours, ended));
  peer.join();
  EXPECT_EQ(ended, Ending::none);
}

struct FileCase {
  Connection::FileSent sent;
  SendCounters counters;
  std::uint64_t position = 0;
};

Task<void> send_one(Proactor& proactor, Descriptor socket, Descriptor file, FileRange range, FileCase& out,
                    bool with_mapping = true) {
  Connection connection(proactor, socket, {}, out.counters);
  const Mapping mapping = with_mapping ? proactor.map(file, 64 << 20) : Mapping{};
  out.sent = co_await connection.send_file(file, mapping, range, seconds(5));
  out.position = connection.position();
  proactor.unmap(mapping);
  co_await connection.close(out.sent.file_error == 0, seconds(5));
}

std::string send_and_hear(const File& file, FileRange range, FileCase& out, bool with_mapping = true) {
  OneCore core;
  SocketPair pair;
  std::string heard;
  std::thread peer([&] {
    heard = read_all(pair.peer);
    ::shutdown(pair.peer, SHUT_WR);
  });
  core.run(send_one(core.proactor, pair.ours, file.fd, range, out, with_mapping));
  peer.join();
  return heard;
}

TEST(ConnectionOutput, ARangeOfAFileLeavesBySendfile) {
  TemporaryFolder folder;
  const std::string content = pattern(3 << 20);
  const File file(folder, content);
  for (const bool with_mapping : {true, false}) {
    FileCase result;
    EXPECT_TRUE(send_and_hear(file, {1000, 2 << 20}, result, with_mapping) == content.substr(1000, 2 << 20));
    EXPECT_EQ(result.sent.octets, 2U << 20);
    EXPECT_EQ(result.counters.octets_by_sendfile, 2U << 20);
    EXPECT_EQ(result.counters.octets_cold, 0U);
    EXPECT_EQ(result.position, 2U << 20);
  }
}

TEST(ConnectionOutput, AColdFileIsReadThroughTheRingFirst) {
  TemporaryFolder folder;
  const std::string content = pattern(3 << 20);
  const File file(folder, content);
  ::fdatasync(file.fd);
  ::posix_fadvise(file.fd, 0, 0, POSIX_FADV_DONTNEED);
  FileCase result;
  EXPECT_TRUE(send_and_hear(file, {0, 3 << 20}, result) == content);
  struct statfs system{};
  ::fstatfs(file.fd, &system);
  const bool has_a_disk = system.f_type != 0x01021994;  // tmpfs keeps its pages
  EXPECT_TRUE(!has_a_disk || result.counters.octets_cold > 0U);
}

// R075: cut before: nothing was sent, so the session can still answer -ERR; cut during: the rest never comes.
TEST(ConnectionOutput, AFileThatIsShorterThanSaidEndsInsteadOfTurningForEver) {
  TemporaryFolder folder;
  const std::string content = pattern(100000);
  const File file(folder, content);
  for (const std::uint64_t left : {0UL, 1000UL, 50000UL, 99999UL}) {
    ASSERT_EQ(::ftruncate(file.fd, static_cast<off_t>(left)), 0);
    FileCase result;
    const std::string heard = send_and_hear(file, {1000, 99000}, result);
    EXPECT_EQ(result.sent.file_error, ENODATA) << left;
    EXPECT_EQ(result.sent.ending, Ending::none);
    EXPECT_EQ(result.position, result.sent.octets);
    EXPECT_TRUE(left > 1000 || result.sent.octets == 0U);
    EXPECT_LT(result.sent.octets, 99000U);
  }
}

Task<void> send_to_slow(Proactor& proactor, Descriptor socket, Descriptor file, std::uint64_t length, FileCase& out,
                        std::uint64_t& turns, UringProactor& real) {
  Connection connection(proactor, socket, {}, out.counters);
  out.sent = co_await connection.send_file(file, {}, {0, length}, seconds(5));
  turns = real.counters().turns;
  co_await connection.close(false, seconds(1));
}

// R075 with a slow reader: the file is cut while the send waits for the socket.
TEST(ConnectionOutput, AFileCutDuringASlowSendEndsTheConnectionWithoutTheRest) {
  OneCore core;
  TemporaryFolder folder;
  const std::string content = pattern(8 << 20);
  const File file(folder, content);
  SocketPair pair(tiny, tiny);
  std::string heard;
  std::thread peer([&] {
    std::this_thread::sleep_for(milliseconds(50));
    EXPECT_EQ(::ftruncate(file.fd, 1 << 20), 0);
    heard = read_all(pair.peer, 8192);
  });
  FileCase result;
  std::uint64_t turns = 0;
  core.run(send_to_slow(core.proactor, pair.ours, file.fd, content.size(), result, turns, core.proactor));
  peer.join();
  EXPECT_EQ(result.sent.file_error, ENODATA);
  EXPECT_LE(heard.size(), (1U << 20) + 20);
  EXPECT_LT(turns, 50000U) << "it does not turn idly";
}

Task<void> count_turns(Proactor& proactor, Gate& others, int& turns) {
  while (others.count() > 1) {
    Awaited turn(proactor, OpKind::next_turn);
    co_await turn;
    ++turns;
  }
}

Task<void> send_fast(Proactor& proactor, Descriptor socket, Descriptor file, std::uint64_t length) {
  SendCounters counters;
  Connection connection(proactor, socket, {}, counters);
  const Mapping mapping = proactor.map(file, 64 << 20);
  const auto sent = co_await connection.send_file(file, mapping, {0, length}, seconds(5));
  EXPECT_EQ(sent.octets, length);
  proactor.unmap(mapping);
  co_await connection.close(true, seconds(1));
}

TEST(ConnectionOutput, OneSessionSendsNoMoreThanItsShareATurn) {
  OneCore core;
  TemporaryFolder folder;
  const std::string content = pattern(16 << 20);
  const File file(folder, content);
  SocketPair pair(8 << 20, 8 << 20);
  std::thread peer([&] {
    read_all(pair.peer, 1 << 20);
    ::shutdown(pair.peer, SHUT_WR);
  });
  int turns = 0;
  spawn(core.gate, send_fast(core.proactor, pair.ours, file.fd, content.size()));
  core.run(count_turns(core.proactor, core.gate, turns));
  peer.join();
  EXPECT_GE(turns, 64 - 1);  // 16 MiB in shares of 256 KiB
}

}  // namespace
}  // namespace ringpost::ring
