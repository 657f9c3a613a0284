// Every kind of file operation against the real kernel.

#include <fstream>
#include <string>
#include <sys/stat.h>

#include "one_core.h"

namespace ringpost::ring {
namespace {

using std::chrono::milliseconds;

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Task<std::int64_t> open_at(Proactor& proactor, Descriptor folder, const char* path, int flags) {
  Awaited open(proactor, OpKind::open);
  open.fd = folder;
  open.path = path;
  open.flags = flags;
  open.mode = 0600;
  const std::int64_t fd = co_await open;
  co_return fd;
}

Task<std::int64_t> simple(Proactor& proactor, OpKind kind, Descriptor fd, std::uint64_t length = 0) {
  Awaited operation(proactor, kind);
  operation.fd = fd;
  operation.length = length;
  const std::int64_t result = co_await operation;
  co_return result;
}

Task<std::int64_t> transfer(Proactor& proactor, OpKind kind, Descriptor fd, std::string& octets, std::uint64_t offset) {
  const std::size_t half = octets.size() / 2;
  const iovec vectors[2] = {{octets.data(), half}, {octets.data() + half, octets.size() - half}};
  Awaited operation(proactor, kind);
  operation.fd = fd;
  operation.vectors = vectors;
  operation.vector_count = 2;
  operation.offset = offset;
  const std::int64_t result = co_await operation;
  co_return result;
}

Task<std::int64_t> names(Proactor& proactor, OpKind kind, Descriptor folder, const char* path,
                         const char* path2 = nullptr, int flags = 0) {
  Awaited operation(proactor, kind);
  operation.fd = folder;
  operation.path = path;
  if (path2) operation.fd2 = folder;
  operation.path2 = path2;
  operation.flags = flags;
  operation.mode = 0700;
  const std::int64_t result = co_await operation;
  co_return result;
}

Task<void> files(Proactor& proactor, Descriptor folder) {
  const auto fd = static_cast<Descriptor>(co_await open_at(proactor, folder, "mail", O_RDWR | O_CREAT | O_EXCL));
  EXPECT_GE(fd, 0);
  EXPECT_EQ(co_await open_at(proactor, folder, "mail", O_RDWR | O_CREAT | O_EXCL), -EEXIST);
  std::string text = "0123456789";
  EXPECT_EQ(co_await transfer(proactor, OpKind::write, fd, text, 100), 10);
  EXPECT_EQ(co_await simple(proactor, OpKind::sync_data, fd), 0);
  EXPECT_EQ(co_await simple(proactor, OpKind::sync_folder, folder), 0);
  std::string back(20, '.');
  EXPECT_EQ(co_await transfer(proactor, OpKind::read, fd, back, 98), 12);
  EXPECT_EQ(back, std::string("\0\0", 2) + "0123456789........");
  EXPECT_EQ(co_await simple(proactor, OpKind::truncate, fd, 105), 0);

  FileInfo info;
  Awaited status(proactor, OpKind::stat);
  status.fd = folder;
  status.path = "mail";
  status.info = &info;
  EXPECT_EQ(co_await status, 0);
  EXPECT_EQ(info.octets, 105U);
  EXPECT_TRUE(S_ISREG(info.mode));
  EXPECT_EQ(info.mode & 0777, 0600U);
  EXPECT_EQ(info.owner, getuid());
  EXPECT_NEAR(static_cast<double>(info.modified_microseconds), static_cast<double>(proactor.wall().microseconds), 5e6);
  FileInfo itself;
  Awaited own_status(proactor, OpKind::stat);
  own_status.fd = fd;
  own_status.info = &itself;
  EXPECT_EQ(co_await own_status, 0);
  EXPECT_EQ(itself.inode, info.inode);

  Awaited room(proactor, OpKind::allocate);
  room.fd = fd;
  room.offset = 0;
  room.length = 1 << 20;
  EXPECT_EQ(co_await room, 0);
  EXPECT_GT(co_await simple(proactor, OpKind::room_left, folder), 0);
  proactor.close(fd);
}

Task<void> folders(Proactor& proactor, Descriptor folder) {
  EXPECT_EQ(co_await names(proactor, OpKind::make_folder, folder, "a"), 0);
  EXPECT_EQ(co_await names(proactor, OpKind::make_folder, folder, "a"), -EEXIST);
  const auto fd = static_cast<Descriptor>(co_await open_at(proactor, folder, "a/one", O_WRONLY | O_CREAT));
  proactor.close(fd);
  EXPECT_EQ(co_await names(proactor, OpKind::rename, folder, "a/one", "a/two"), 0);
  EXPECT_EQ(co_await names(proactor, OpKind::link, folder, "a/two", "three"), 0);
  std::vector<FolderEntry> entries;
  Awaited list(proactor, OpKind::list_folder);
  list.fd = folder;
  list.entries = &entries;
  EXPECT_EQ(co_await list, 2);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_TRUE(entries[0].is_folder);
  EXPECT_EQ(entries[1].name, "three");
  EXPECT_FALSE(entries[1].is_folder);
  EXPECT_EQ(co_await names(proactor, OpKind::unlink, folder, "a/two"), 0);
  EXPECT_EQ(co_await names(proactor, OpKind::unlink, folder, "a", nullptr, AT_REMOVEDIR), 0);
  EXPECT_EQ(co_await names(proactor, OpKind::unlink, folder, "a"), -ENOENT);
}

Task<void> unnamed(Proactor& proactor, Descriptor folder) {
  const auto fd = static_cast<Descriptor>(co_await open_at(proactor, folder, ".", O_RDWR | O_TMPFILE));
  EXPECT_GE(fd, 0);
  std::string text = "an unnamed file gets its name";
  EXPECT_EQ(co_await transfer(proactor, OpKind::write, fd, text, 0), static_cast<std::int64_t>(text.size()));
  Awaited link(proactor, OpKind::link);
  link.fd = fd;
  link.path = "";
  link.fd2 = folder;
  link.path2 = "named";
  EXPECT_EQ(co_await link, 0);

  const auto copy = static_cast<Descriptor>(co_await open_at(proactor, folder, "copy", O_RDWR | O_CREAT));
  Awaited range(proactor, OpKind::copy_range);
  range.fd = fd;
  range.offset = 3;
  range.fd2 = copy;
  range.offset2 = 1;
  range.length = 7;
  EXPECT_EQ(co_await range, 7);
  proactor.close(copy);
  proactor.close(fd);
}

TEST(Operations, FilesAreOpenedWrittenSyncedReadAndCut) {
  OneCore core;
  TemporaryFolder folder;
  core.run(files(core.proactor, folder.fd()));
  EXPECT_EQ(slurp(folder.path() + "/mail").size(), 1U << 20);
}

TEST(Operations, FoldersAreMadeListedAndEmptied) {
  OneCore core;
  TemporaryFolder folder;
  core.run(folders(core.proactor, folder.fd()));
}

TEST(Operations, AnUnnamedFileGetsItsNameAndARangeIsCopied) {
  OneCore core;
  TemporaryFolder folder;
  core.run(unnamed(core.proactor, folder.fd()));
  EXPECT_EQ(slurp(folder.path() + "/named"), "an unnamed file gets its name");
  EXPECT_EQ(slurp(folder.path() + "/copy"), std::string("\0", 1) + "unnamed");
}

Task<void> at_once(UringProactor& proactor, Descriptor folder) {
  const auto fd = static_cast<Descriptor>(co_await open_at(proactor, folder, "file", O_RDWR | O_CREAT));
  std::string text(300000, 'x');
  EXPECT_EQ(co_await transfer(proactor, OpKind::write, fd, text, 0), 300000);
  EXPECT_EQ(co_await simple(proactor, OpKind::sync_data, fd), 0);
  const Mapping mapping = proactor.map(fd, 1 << 20);
  EXPECT_NE(mapping.address, nullptr);
  EXPECT_TRUE(proactor.peek_resident(mapping, 0, 300000));
  EXPECT_FALSE(proactor.peek_resident(mapping, 299000, 100000)) << "past the end it is absent";
  EXPECT_FALSE(proactor.peek_resident(mapping, 0, 2 << 20)) << "past the mapping it is absent";
  EXPECT_EQ(::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
  if (!proactor.peek_resident(mapping, 100000, 1)) {  // tmpfs keeps its pages
    std::byte octet{};
    EXPECT_EQ(proactor.read_now(fd, 100000, {&octet, 1}), -EAGAIN) << "a core never reads a disk";
  }
  proactor.unmap(mapping);
  proactor.close(fd);
}

TEST(Operations, ResidencyIsAskedWithoutReadingADisk) {
  OneCore core;
  TemporaryFolder folder;
  core.run(at_once(core.proactor, folder.fd()));
}

Task<void> pauses(Proactor& proactor, Duration& slept) {
  const Instant before = proactor.now();
  co_await Pause(proactor, before + milliseconds(30));
  slept = proactor.now() - before;
  for (int i = 0; i < 10; ++i) {
    Awaited turn(proactor, OpKind::next_turn);
    const std::int64_t result = co_await turn;
    EXPECT_EQ(result, 0);
  }
}

TEST(Operations, PausesAreNeverShortAndTurnsComeByThemselves) {
  OneCore core;
  Duration slept{};
  core.run(pauses(core.proactor, slept));
  EXPECT_GE(slept, milliseconds(30));
  EXPECT_LT(slept, milliseconds(500));
}

TEST(Operations, RandomOctetsDiffer) {
  OneCore core;
  std::array<std::byte, 1000> first{};
  std::array<std::byte, 1000> second{};
  core.proactor.fill_random(first);
  core.proactor.fill_random(second);
  EXPECT_NE(first, second);
  EXPECT_NE(std::count(first.begin(), first.end(), std::byte{0}), 1000);
}

struct Cancelled final : Operation {
  std::int64_t result = 1;
  void completed(const Completion& completion) noexcept override { result = completion.result; }
};

TEST(Operations, ACancelledOperationStillCompletesAndCancellingNothingIsNothing) {
  OneCore core;
  SocketPair pair;
  Cancelled receive;
  core.proactor.cancel(receive);
  receive.kind = OpKind::receive;
  receive.fd = pair.ours;
  core.proactor.start(receive);
  core.proactor.cancel(receive);
  core.proactor.run_until_idle();
  EXPECT_EQ(receive.result, -ECANCELED);
  EXPECT_FALSE(receive.in_flight);
  core.proactor.close(pair.ours);
}

TEST(OperationsDeath, ClosingADescriptorWithSomethingInFlightStopsTheProcess) {
  OneCore core;
  SocketPair pair;
  Cancelled receive;
  receive.kind = OpKind::receive;
  receive.fd = pair.ours;
  core.proactor.start(receive);
  EXPECT_DEATH(core.proactor.close(pair.ours), "held");  // R070
  core.proactor.cancel(receive);
  core.proactor.run_until_idle();
  core.proactor.close(pair.ours);
}

}  // namespace
}  // namespace ringpost::ring
