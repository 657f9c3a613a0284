// Mail in and out by both ways: on the files, and through a control socket that serves the same store.
#include <atomic>
#include <fcntl.h>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <ringpost/control/client.h>
#include <ringpost/control/server.h>
#include <ringpost/store/wire_form.h>

#include "../../src/program/daemon_way.h"
#include "../../src/program/local_way.h"

namespace ringpost::program {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<Prepared> mail(const std::string& text, std::uint8_t source = 0, const std::string& uidl = "") {
  auto message = std::make_unique<Prepared>();
  store::WireFormer former;
  former.feed(octets_of(text), message->wire);
  former.finish(message->wire);
  message->octets = former.octets();
  message->header_octets = former.header_octets();
  message->wire_crc32c = former.crc32c();
  message->received = {1'700'000'000'000'000};
  message->source.id.octets[0] = static_cast<std::byte>(source);
  message->uidl = uidl;
  message->origin = "mail-" + std::to_string(source);
  return message;
}

// What the control server asks of the daemon; the store's requests need little of it.
class StandIn final : public control::Appliance {
 public:
  StandIn(const config::Configuration& value, int data) : value_(value), data_(data) {}
  void reload(std::function<void(const Reloaded&)> then) override { then({"not here", {}}); }
  void reload_accounts(std::function<void(const Reloaded&)> then) override { then({}); }
  const config::Configuration& configuration() const override { return value_; }
  control::LogCounters log_counters() const override { return {}; }
  PoolCounters pool_counters() const override { return {}; }
  int data_dir() const override { return data_; }
  double seconds_running() const override { return 0; }

 private:
  const config::Configuration& value_;
  int data_;
};

class WayTest : public ::testing::TestWithParam<bool> {
 protected:
  WayTest() {
    char path[] = "/var/tmp/ringpost-way-XXXXXX";
    folder_ = mkdtemp(path);
    chmod(folder_.c_str(), 0755);
    auto value = std::make_shared<config::Configuration>();
    value->appliance.data_dir = folder_ + "/data";
    value->store.reserve = 0;
    value->store.spool_threshold = 64 << 10;
    configuration_ = value;
    auto opened = LocalStore::open(configuration_);
    EXPECT_TRUE(opened) << opened.error();
    if (!opened) return;
    store_ = std::move(*opened);
    if (GetParam()) serve();
  }
  ~WayTest() override {
    client_.reset();
    if (thread_.joinable()) {
      ending_ = true;
      thread_.join();
    }
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<Appender> appender() { return client_ ? daemon_appender(*client_) : local_appender(*store_); }
  std::unique_ptr<MaildropReader> reader() {
    if (!client_) return local_reader(*store_);
    connect();  // one maildrop a connection
    return daemon_reader(*client_);
  }

  std::string folder_;
  std::shared_ptr<const config::Configuration> configuration_;
  std::unique_ptr<LocalStore> store_;
  std::unique_ptr<control::Client> client_;

 private:
  void connect() {
    auto client = control::Client::connect(folder_ + "/admin.sock");
    ASSERT_TRUE(client && *client);
    client_ = std::move(*client);
  }
  void serve() {
    const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ASSERT_EQ(control::bind_unix(listening, folder_ + "/admin.sock"), 0);
    ASSERT_EQ(listen(listening, 8), 0);
    thread_ = std::thread([this, listening] { run_server(listening); });
    connect();
  }
  void run_server(int listening) {
    const int data = open(configuration_->appliance.data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    StandIn appliance(*configuration_, data);
    control::Loop loop;
    {
      control::Server server(loop, store_->cores(), appliance, listening, {});
      loop.watch(store_->cores().descriptor(), POLLIN, [this](short) { store_->cores().deliver(); });
      const auto look = [&](auto& self) -> void {
        if (ending_) server.close();
        if (ending_ && !server.busy()) return loop.stop();
        loop.at(control::Loop::Clock::now() + std::chrono::milliseconds(5), [&] { self(self); });
      };
      look(look);
      loop.run();
    }
    close(data);
  }

  std::thread thread_;
  std::atomic<bool> ending_{false};
};

TEST_P(WayTest, MessagesComeOutAsTheyWentInAndInTheirOrder) {
  const auto in = appender();
  std::vector<std::string> texts;
  for (int n = 0; n < 600; ++n)  // more than may be under way
    texts.push_back("Subject: " + std::to_string(n) + "\r\n\r\n.dot\r\n" +
                    std::string(static_cast<std::size_t>(n) * 7, 'x') + "\r\n");
  texts[300] += std::string(3 << 20, 'y') + "\r\n";  // waits in a file on its way
  std::vector<std::string> wires;
  std::size_t settled = 0;
  const auto settle = [&] {
    const auto outcome = in->next();
    ASSERT_TRUE(outcome && *outcome) << (outcome ? outcome->error() : "");
    EXPECT_FALSE((*outcome)->already_there);
    EXPECT_EQ((*outcome)->message->wire, wires[settled++]);
  };
  for (const std::string& text : texts) {
    auto message = mail(text);
    wires.push_back(message->wire);
    while (in->under_way() >= in_flight_max) settle();
    in->submit("alice", std::move(message));
  }
  while (in->under_way() > 0) settle();
  EXPECT_FALSE(in->next());

  const auto out = reader();
  const auto list = out->list("alice");
  ASSERT_TRUE(list) << list.error();
  ASSERT_EQ(list->size(), texts.size());
  for (std::size_t at = 0; at < texts.size(); ++at) {
    EXPECT_EQ((*list)[at].number, at + 1);
    EXPECT_EQ((*list)[at].octets, texts[at].size());
    EXPECT_EQ((*list)[at].received.microseconds, 1'700'000'000'000'000);
    std::string wire;
    const auto read = out->read(static_cast<std::uint32_t>(at + 1), [&](Octets piece) { wire += text_of(piece); });
    ASSERT_TRUE(read) << read.error();
    ASSERT_EQ(wire, wires[at]) << at;
  }
}

TEST_P(WayTest, AKnownSourceAddsNothingAndATakenUidlIsReplaced) {  // M16, M17
  const auto in = appender();
  in->submit("bob", mail("a\r\n\r\n1\r\n", 1, "uidl-1"));
  in->submit("bob", mail("a\r\n\r\n1\r\n", 1, "uidl-1"));
  in->submit("bob", mail("a\r\n\r\n2\r\n", 2, "uidl-1"));
  const auto first = in->next(), second = in->next(), third = in->next();
  ASSERT_TRUE(*first && *second && *third);
  EXPECT_EQ((*first)->uidl, "uidl-1");
  EXPECT_TRUE((*second)->already_there);
  EXPECT_TRUE((*third)->uidl_replaced);
  const auto list = reader()->list("bob");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->size(), 2u);
}

TEST_P(WayTest, AnEmptyMaildropListsNothing) {
  const auto out = reader();
  const auto list = out->list("nobody");
  ASSERT_TRUE(list) << list.error();
  EXPECT_TRUE(list->empty());
  EXPECT_FALSE(out->read(1, [](Octets) {}));
}

TEST_P(WayTest, AReaderThatGoesInTheMiddleOfAMessageHoldsNothing) {
  const auto in = appender();
  in->submit("carol", mail("a\r\n\r\n" + std::string(8 << 20, 'z') + "\r\n"));
  ASSERT_TRUE(*in->next());
  for (int round = 0; round < 3; ++round) {
    const auto out = reader();
    ASSERT_TRUE(out->list("carol"));
    if (client_)  // the request, and nothing of its answer taken
      ASSERT_TRUE(client_->send(R"({"verb":"read","number":1})"));
  }
  // The store comes to rest in the destructor only when nothing is lent.
}

TEST_P(WayTest, TheDataFolderHasOneOwner) {  // M19
  const auto second = LocalStore::open(configuration_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), HasSubstr("another process owns this data folder"));
}

TEST_P(WayTest, FilesAreBornPrivateAndTheDataFoldersOwners) {  // M19
  const auto in = appender();
  in->submit("dave", mail("a\r\n\r\n" + std::string(200 << 10, 'x') + "\r\n"));
  ASSERT_TRUE(*in->next());
  struct stat data{};
  ASSERT_EQ(stat((folder_ + "/data").c_str(), &data), 0);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/data")) {
    struct stat found{};
    ASSERT_EQ(lstat(entry.path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, entry.is_directory() ? 0700u : 0600u) << entry.path();
    EXPECT_EQ(found.st_uid, data.st_uid) << entry.path();
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, WayTest, ::testing::Values(false, true),
                         [](const auto& parameter) { return parameter.param ? "ThroughTheDaemon" : "OnTheFiles"; });

class ServerTest : public WayTest {};

// A connection that cannot be accepted stays readable: the control thread must not turn for it.
TEST_P(ServerTest, WithoutDescriptorsTheControlThreadRests) {
  const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  ASSERT_EQ(control::bind_unix(listening, folder_ + "/admin.sock"), 0);
  ASSERT_EQ(listen(listening, 8), 0);
  StandIn appliance(*configuration_, -1);
  control::Loop loop;
  control::Server server(loop, store_->cores(), appliance, listening, {});
  const auto client = control::Client::connect(folder_ + "/admin.sock");
  ASSERT_TRUE(client && *client);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = dup(listening);
  close(next);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(next);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  bool over = false;
  loop.at(control::Loop::Clock::now() + std::chrono::milliseconds(50), [&] { over = true; });
  int turns = 0;
  while (!over && turns < 1000) {
    loop.run_once();
    ++turns;
  }
  EXPECT_LT(turns, 20);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  while (!server.busy()) loop.run_once();  // there is room: it is accepted after all
  server.close();
}

INSTANTIATE_TEST_SUITE_P(Server, ServerTest, ::testing::Values(false), [](const auto&) { return "OnTheFiles"; });

// Requests that make no sense.
class AdminRequestTest : public WayTest {
 protected:
  std::string ask(std::string_view line) {
    EXPECT_TRUE(client_->send(line));
    const auto answer = client_->receive_line();
    return answer ? *answer : "ended: " + answer.error();
  }
};

TEST_P(AdminRequestTest, NonsenseIsRefusedAndTheNextRequestIsAnswered) {
  for (const char* wrong :
       {"", "x", "[]", "{}", "{\"verb\":7}", "{\"verb\":\"nonsense\"}", "{\"verb\":\"list\"}", "{\"verb\":\"read\"}"})
    EXPECT_THAT(ask(wrong), HasSubstr("\"ok\":false")) << wrong;
  EXPECT_THAT(ask(R"({"verb":"accounts"})"), HasSubstr("\"ok\":true"));
  EXPECT_THAT(ask(R"({"verb":"reload"})"), HasSubstr("not here"));
}

TEST_P(AdminRequestTest, AClientThatHasFinishedSendingStillGetsItsAnswer) {
  ASSERT_TRUE(client_->send(R"({"verb":"accounts"})"));
  ASSERT_EQ(shutdown(client_->descriptor(), SHUT_WR), 0);
  const auto answer = client_->receive_line();
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_THAT(*answer, HasSubstr("\"ok\":true"));
  EXPECT_FALSE(client_->receive_line());
}

TEST_P(AdminRequestTest, AnEmptyMessageMayBeAppended) {
  EXPECT_THAT(
      ask(R"({"verb":"append","id":1,"account":"a","wire_octets":0,"source":"00000000000000000000000000000001"})"),
      HasSubstr("\"ok\":true"));
  EXPECT_THAT(ask(R"({"verb":"open","account":"a"})"), HasSubstr("\"messages\":1"));
}

// Behind an append whose length is wrong nothing can be told from anything else.
TEST_P(AdminRequestTest, AnAppendWithoutALengthEndsTheConnection) {
  EXPECT_THAT(ask(R"({"verb":"append","id":1,"account":"a"})"), HasSubstr("\"ok\":false"));
  EXPECT_FALSE(client_->receive_line());
}

TEST_P(AdminRequestTest, ALineWithoutAnEndEndsTheConnection) {
  (void)client_->send(std::string(100'000, 'x'));
  const auto answer = client_->receive_line();
  EXPECT_THAT(answer ? *answer : std::string("\"ok\":false"), HasSubstr("\"ok\":false"));
}

INSTANTIATE_TEST_SUITE_P(Requests, AdminRequestTest, ::testing::Values(true),
                         [](const auto&) { return "ThroughTheDaemon"; });

}  // namespace
}  // namespace ringpost::program
