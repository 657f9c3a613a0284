#include "../../src/daemon/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/daemon/handover.h"

namespace ringpost::daemon {
namespace {

struct Ends {
  Ends() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0); }
  int pair[2];
};

int file_with(const std::string& text) {
  char path[] = "/tmp/ringpost-channel-XXXXXX";
  const int file = mkostemp(path, O_CLOEXEC);
  unlink(path);
  EXPECT_EQ(write(file, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return file;
}

bool is_open(int descriptor) {
  return fcntl(descriptor, F_GETFD) >= 0;
}

TEST(Channel, KeepsMessagesApartAndCarriesDescriptors) {
  Ends ends;
  Channel parent(ends.pair[0]), child(ends.pair[1]);
  const int file = file_with("x");
  ASSERT_TRUE(parent.send(Note::accounts, "users", {file}));
  ASSERT_TRUE(parent.send(Note::commit));
  close(file);
  const auto first = child.receive();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->note, Note::accounts);
  EXPECT_EQ(first->text, "users");
  ASSERT_EQ(first->descriptors.size(), 1u);
  EXPECT_EQ(fcntl(first->descriptors[0], F_GETFD), FD_CLOEXEC);
  char octet = 0;
  EXPECT_EQ(pread(first->descriptors[0], &octet, 1, 0), 1);
  EXPECT_EQ(octet, 'x');
  close(first->descriptors[0]);
  const auto second = child.receive();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->note, Note::commit);
  EXPECT_TRUE(second->descriptors.empty());
}

TEST(Channel, CarriesAsManyDescriptorsAsItPromises) {
  Ends ends;
  Channel parent(ends.pair[0]), child(ends.pair[1]);
  const int file = file_with("x");
  ASSERT_TRUE(parent.send(Note::listeners, "127.0.0.1:110", std::vector<int>(Channel::descriptors_max, file)));
  close(file);
  const auto message = child.receive();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->descriptors.size(), Channel::descriptors_max);
  for (const int descriptor : message->descriptors) close(descriptor);
}

// A process whose clients hold every descriptor it may have: the daemon must live on, and refuse the reload.
TEST(Channel, DescriptorsThatFindNoRoomAreToldOfAndEndNobody) {
  Ends ends;
  Channel parent(ends.pair[0]), child(ends.pair[1]);
  const int one = file_with("x"), two = file_with("y");
  ASSERT_TRUE(parent.send(Note::listeners, "127.0.0.1:110", {one, two}));
  const int next = dup(one);
  close(next);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(next) + 1;  // room for one of the two
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  auto message = child.receive();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text, "127.0.0.1:110");
  EXPECT_TRUE(message->lacks_descriptors);
  EXPECT_TRUE(message->descriptors.empty());
  EXPECT_FALSE(is_open(next));
  Handover handover;
  EXPECT_FALSE(handover.lacks_descriptors());
  handover.add(std::move(*message));
  EXPECT_TRUE(handover.lacks_descriptors());
  EXPECT_TRUE(Handover(std::move(handover)).lacks_descriptors());
  close(one);
  close(two);
}

TEST(Channel, ALongTextIsCutAndNotLost) {
  Ends ends;
  Channel parent(ends.pair[0]), child(ends.pair[1]);
  ASSERT_TRUE(parent.send(Note::refused, std::string(200'000, 'x')));
  const auto message = child.receive();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text, std::string(Channel::text_octets_max, 'x'));
}

TEST(Channel, TellsThatTheOtherEndIsGone) {
  Ends ends;
  Channel child(ends.pair[1]);
  {
    Channel parent(ends.pair[0]);
  }
  EXPECT_FALSE(child.receive());
  EXPECT_FALSE(child.send(Note::ready));
}

Received message(Note note, std::string text, std::vector<int> descriptors) {
  return {note, std::move(text), std::move(descriptors), false};
}

TEST(Handover, GivesWhatArrivedAndClosesTheRest) {
  const int configuration = file_with("[log]\nlevel = \"debug\"\n"), accounts = file_with("alice:{PLAIN}x\n"),
            data = file_with("");
  const int one = file_with(""), two = file_with("");
  {
    Handover handover;
    EXPECT_FALSE(handover.has_configuration());
    handover.add(message(Note::configuration, "/etc/ringpost/ringpost.toml\nmail.example.test", {configuration}));
    handover.add(message(Note::accounts, "/etc/ringpost/users", {accounts}));
    handover.add(message(Note::data_dir, "data", {data}));
    handover.add(message(Note::listeners, "127.0.0.1:110", {one}));
    handover.add(message(Note::listeners, "127.0.0.1:110", {two}));
    EXPECT_TRUE(handover.has_configuration());
    const auto value = handover.configuration();
    ASSERT_TRUE(value);
    EXPECT_EQ((*value)->appliance.hostname, "mail.example.test");
    EXPECT_EQ((*value)->log.level, LogLevel::debug);
    const auto file = handover.accounts(true);
    ASSERT_TRUE(file);
    EXPECT_NE((*file)->find("ALICE"), nullptr);
    const auto listeners = handover.take_listeners();
    EXPECT_EQ(listeners.at("127.0.0.1:110"), (std::vector<int>{one, two}));
    EXPECT_TRUE(handover.take_listeners().empty());
  }
  EXPECT_FALSE(is_open(configuration));
  EXPECT_FALSE(is_open(accounts));
  EXPECT_FALSE(is_open(data));
  EXPECT_TRUE(is_open(one));
  close(one);
  close(two);
}

TEST(Handover, ABrokenConfigurationSaysEverythingThatIsWrong) {
  Handover handover;
  handover.add(message(Note::configuration, "/a/ringpost.toml\nhost", {file_with("[log]\nlevel = 1\n[nonsense]\n")}));
  const auto value = handover.configuration();
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().find("/a/ringpost.toml:2: log.level"), std::string::npos) << value.error();
  EXPECT_NE(value.error().find("/a/ringpost.toml:3: nonsense"), std::string::npos) << value.error();
}

TEST(Handover, ABrokenAccountsFileNamesItsLineAndNoSecret) {
  Handover handover;
  handover.add(message(Note::accounts, "users", {file_with("alice:{NONSENSE}swordfish\n")}));
  const auto file = handover.accounts(true);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().find("swordfish"), std::string::npos) << file.error();
}

}  // namespace
}  // namespace ringpost::daemon
