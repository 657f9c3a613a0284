#include "../../src/daemon/openings.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <ringpost/control/client.h>
#include <ringpost/ring/listen.h>

namespace ringpost::daemon {
namespace {

using ::testing::HasSubstr;

class OpeningsTest : public ::testing::Test {
 protected:
  OpeningsTest() {
    char path[] = "/tmp/ringpost-openings-XXXXXX";
    folder_ = mkdtemp(path);
    value_.appliance.data_dir = folder_ + "/data";
    value_.accounts.file = folder_ + "/users";
    value_.admin.socket = folder_ + "/admin.sock";
  }
  ~OpeningsTest() override {
    unlink((folder_ + "/users").c_str());
    unlink((folder_ + "/log").c_str());
    unlink((folder_ + "/admin.sock").c_str());
    rmdir((folder_ + "/data").c_str());
    rmdir(folder_.c_str());
  }
  mode_t mode_of(const std::string& name) {
    struct stat found{};
    EXPECT_EQ(lstat((folder_ + "/" + name).c_str(), &found), 0);
    return found.st_mode & 0777;
  }

  std::string folder_;
  config::Configuration value_;
};

TEST_F(OpeningsTest, TheDataFolderIsMadeForItsOwnerAndLocked) {  // M19
  const auto identity = control::identity_of(value_.appliance);
  ASSERT_TRUE(identity);
  Openings first;
  ASSERT_TRUE(first.add_data_dir(value_, *identity));
  EXPECT_EQ(mode_of("data"), 0700u);
  struct stat found{};
  stat(value_.appliance.data_dir.c_str(), &found);
  EXPECT_EQ(found.st_uid, identity->user);
  Openings second;
  const auto refused = second.add_data_dir(value_, *identity);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("another process owns this data folder"));
}

TEST_F(OpeningsTest, AMissingAccountsFileIsNamed) {
  const auto refused = Openings().add_accounts(value_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr(value_.accounts.file));
}

TEST_F(OpeningsTest, TheLogFileIsMadePrivate) {
  value_.log.file = folder_ + "/log";
  ASSERT_TRUE(Openings().add_log_file(value_));
  EXPECT_EQ(mode_of("log"), 0600u);
}

TEST_F(OpeningsTest, TheAdminSocketIsPrivateAndReplacesADeadOne) {
  {
    Openings dead;
    ASSERT_TRUE(dead.add_admin_socket(value_));
    EXPECT_EQ(mode_of("admin.sock"), 0600u);
    Openings second;
    EXPECT_THAT(second.add_admin_socket(value_).error(), HasSubstr("another daemon answers there"));
  }
  Openings next;
  EXPECT_TRUE(next.add_admin_socket(value_));
}

TEST_F(OpeningsTest, AFileInTheAdminSocketsPlaceIsLeftAlone) {
  std::ofstream(value_.admin.socket) << "precious";
  EXPECT_THAT(Openings().add_admin_socket(value_).error(), HasSubstr("something else"));
  std::string word;
  std::ifstream(value_.admin.socket) >> word;
  EXPECT_EQ(word, "precious");
}

TEST_F(OpeningsTest, ALongAdminSocketPathWorksToo) {
  const std::string deep = folder_ + "/" + std::string(120, 'x');
  ASSERT_EQ(mkdir(deep.c_str(), 0700), 0);
  value_.admin.socket = deep + "/admin.sock";
  {
    Openings openings;
    EXPECT_TRUE(openings.add_admin_socket(value_));
    EXPECT_TRUE(*control::Client::connect(value_.admin.socket));
  }
  unlink(value_.admin.socket.c_str());
  rmdir(deep.c_str());
}

TEST_F(OpeningsTest, APortThatAnotherServerHasIsRefusedThoughItSharesItsPorts) {
  const std::uint32_t cpus[] = {0, 1};  // SO_REUSEPORT: a second bind would succeed
  const auto other = ring::open_listening_group({"127.0.0.1", 0}, cpus);
  ASSERT_TRUE(other);
  const config::Endpoint endpoint{"127.0.0.1", ring::port_of(other->front())};
  Openings openings;
  const auto refused = openings.add_listeners({endpoint}, {0, 1}, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("another process"));
  for (const int socket : *other) close(socket);
}

TEST_F(OpeningsTest, APortThatAKilledServerStillHasIsWaitedFor) {
  const std::uint32_t cpus[] = {0};
  const auto other = ring::open_listening_group({"127.0.0.1", 0}, cpus);
  ASSERT_TRUE(other);
  const config::Endpoint endpoint{"127.0.0.1", ring::port_of(other->front())};
  std::thread kernel([socket = other->front()] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    close(socket);
  });
  Openings openings;
  const auto opened = openings.add_listeners({endpoint}, {0}, std::chrono::minutes(1));
  kernel.join();
  EXPECT_TRUE(opened) << opened.error();
}

TEST_F(OpeningsTest, WhatIsHandedOverArrivesInOrderAndEndsWithCommit) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
  Channel parent(pair[0]), child(pair[1]);
  std::ofstream(value_.accounts.file) << "";
  Openings openings;
  ASSERT_TRUE(openings.add_configuration({"[log]\n", {"/a/ringpost.toml", "host"}, nullptr}));
  ASSERT_TRUE(openings.add_accounts(value_));
  ASSERT_TRUE(openings.hand_over(parent));
  EXPECT_EQ(child.receive()->note, Note::configuration);
  EXPECT_EQ(child.receive()->note, Note::accounts);
  EXPECT_EQ(child.receive()->note, Note::commit);
}

TEST(ChooseCpus, TakesWhatTheProcessMayUse) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  config::Appliance appliance;
  EXPECT_EQ(choose_cpus(appliance)->size(), static_cast<std::size_t>(CPU_COUNT(&allowed)));
  appliance.core_count = 1;
  EXPECT_EQ(choose_cpus(appliance)->size(), 1u);
  appliance.core_count = 1024;
  EXPECT_THAT(choose_cpus(appliance).error(), HasSubstr("appliance.cores: 1024 are wanted"));
  appliance.core_count = 0;
  appliance.cores = {4000};
  EXPECT_THAT(choose_cpus(appliance).error(), HasSubstr("may not use CPU 4000"));
}

TEST(EndpointsOf, DisabledServersListenNowhere) {
  config::Configuration value;
  value.virtual_servers.resize(2);
  value.virtual_servers[0].pop3 = {{"127.0.0.1", 1}};
  value.virtual_servers[1].pop3 = {{"127.0.0.1", 2}};
  value.virtual_servers[1].enabled = false;
  EXPECT_EQ(endpoints_of(value), (std::set<config::Endpoint>{{"127.0.0.1", 1}}));
}

}  // namespace
}  // namespace ringpost::daemon
