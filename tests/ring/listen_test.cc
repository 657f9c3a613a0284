#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ringpost/ring/listen.h>

namespace ringpost::ring {
namespace {

const std::uint32_t one_cpu[] = {0};

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0 ? fd : -1;
}

TEST(Listen, AcceptedSocketsInheritNoDelay) {
  auto group = open_listening_group({"127.0.0.1", 0}, one_cpu);
  ASSERT_TRUE(group) << group.error();
  ASSERT_EQ(group->size(), 1U);
  const int client = connect_to(port_of(group->front()));
  const int accepted = ::accept(group->front(), nullptr, nullptr);
  ASSERT_GE(accepted, 0);
  int no_delay = 0;
  socklen_t length = sizeof no_delay;
  ::getsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &no_delay, &length);
  EXPECT_NE(no_delay, 0);
  ::close(accepted);
  ::close(client);
  ::close(group->front());
}

// Every connection lands on the socket of the CPU that handled its packets; over loopback that is the client's CPU.
TEST(Listen, AGroupSteersByCpu) {
  cpu_set_t allowed;
  sched_getaffinity(0, sizeof allowed, &allowed);
  std::vector<std::uint32_t> cpus;
  for (std::uint32_t cpu = 0; cpu < CPU_SETSIZE && cpus.size() < 2; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  if (cpus.size() == 1) cpus.push_back(cpus[0] + 1);
  std::swap(cpus[0], cpus[1]);  // the order is the caller's, not the system's
  auto group = open_listening_group({"127.0.0.1", 0}, cpus);
  ASSERT_TRUE(group) << group.error();
  ASSERT_EQ(group->size(), 2U);
  ASSERT_EQ(port_of((*group)[0]), port_of((*group)[1]));
  for (std::size_t i = 0; i < 2; ++i) {
    if (!CPU_ISSET(cpus[i], &allowed)) continue;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpus[i], &only);
    ASSERT_EQ(sched_setaffinity(0, sizeof only, &only), 0);
    for (int n = 0; n < 50; ++n) {
      const int client = connect_to(port_of((*group)[0]));
      ASSERT_GE(client, 0);
      const int accepted = ::accept((*group)[i], nullptr, nullptr);
      EXPECT_GE(accepted, 0) << "connection " << n << " of CPU " << cpus[i];
      ::close(accepted);
      ::close(client);
    }
    sched_setaffinity(0, sizeof allowed, &allowed);
  }
  for (const Descriptor fd : *group) ::close(fd);
}

TEST(Listen, ARefusalNamesAddressPortAndCause) {
  auto first = open_listening_group({"127.0.0.1", 0}, one_cpu);
  ASSERT_TRUE(first);
  const std::uint16_t port = port_of(first->front());
  const auto second = open_listening_group({"127.0.0.1", port}, one_cpu);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().find("127.0.0.1"), std::string::npos);
  EXPECT_NE(second.error().find(std::to_string(port)), std::string::npos);
  EXPECT_NE(second.error().find("in use"), std::string::npos);
  ::close(first->front());
  EXPECT_FALSE(open_listening_group({"localhost", 1110}, one_cpu)) << "names are not looked up";
}

TEST(Listen, Ipv6Works) {
  auto group = open_listening_group({"::1", 0}, one_cpu);
  if (!group) {
    EXPECT_NE(group.error().find("::1"), std::string::npos);  // a machine without IPv6
    return;
  }
  EXPECT_NE(port_of(group->front()), 0);
  ::close(group->front());
}

TEST(Listen, OnlyListeningSocketsAreAdopted) {
  auto group = open_listening_group({"127.0.0.1", 0}, one_cpu);
  ASSERT_TRUE(group);
  EXPECT_TRUE(adopt_listening(group->front()));
  const int plain = ::socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_FALSE(adopt_listening(plain));
  EXPECT_FALSE(adopt_listening(-1));
  ::close(plain);
  ::close(group->front());
}

}  // namespace
}  // namespace ringpost::ring
