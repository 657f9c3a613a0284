#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ringpost/ring/listen.h>

namespace ringpost::ring {

namespace {

constexpr int backlog_max = 4096;  // the kernel takes less where net.core.somaxconn says so

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

std::expected<Address, std::string> parse(const ListenAt& at) {
  Address address;
  auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET, at.address.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(at.port);
    address.length = sizeof *four;
    return address;
  }
  if (inet_pton(AF_INET6, at.address.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(at.port);
    address.length = sizeof *six;
    return address;
  }
  return std::unexpected(fmt::format("'{}' is no numeric IPv4 or IPv6 address", at.address));
}

void set_port(Address& address, std::uint16_t port) {
  if (address.storage.ss_family == AF_INET) {
    reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port = htons(port);
  }
}

bool turn_on(Descriptor socket, int level, int option) {
  const int on = 1;
  return ::setsockopt(socket, level, option, &on, sizeof on) == 0;
}

// Bound, not listening yet: nothing arrives before the whole group stands. -errno, or the descriptor.
Descriptor bind_one(const Address& address, bool in_group) {
  const int family = address.storage.ss_family;
  const Descriptor fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return -errno;
  const bool set = turn_on(fd, SOL_SOCKET, SO_REUSEADDR) && turn_on(fd, IPPROTO_TCP, TCP_NODELAY) &&
                   (!in_group || turn_on(fd, SOL_SOCKET, SO_REUSEPORT)) &&
                   (family != AF_INET6 || turn_on(fd, IPPROTO_IPV6, IPV6_V6ONLY));
  if (!set || ::bind(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0) {
    const int error = errno;
    ::close(fd);
    return -error;
  }
  return fd;
}

// A = the CPU that handles the packet; its position in `cpus` is the socket's. A CPU that has no core: by remainder.
bool steer(Descriptor socket, std::span<const std::uint32_t> cpus) {
  std::vector<sock_filter> program;
  const auto add = [&](int code, std::uint32_t k, int if_true = 0, int if_false = 0) {
    program.push_back({static_cast<__u16>(code), static_cast<__u8>(if_true), static_cast<__u8>(if_false), k});
  };
  add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_CPU));
  for (std::uint32_t i = 0; i < cpus.size(); ++i) {
    add(BPF_JMP | BPF_JEQ | BPF_K, cpus[i], 0, 1);
    add(BPF_RET | BPF_K, i);
  }
  add(BPF_ALU | BPF_MOD | BPF_K, static_cast<std::uint32_t>(cpus.size()));
  add(BPF_RET | BPF_A, 0);
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof filter) == 0;
}

std::string refusal(const ListenAt& at, const char* what, int error) {
  return fmt::format("cannot {} {} port {}: {}", what, at.address, at.port, std::strerror(error));
}

}  // namespace

std::expected<std::vector<Descriptor>, std::string> open_listening_group(const ListenAt& at,
                                                                         std::span<const std::uint32_t> cpus) {
  auto address = parse(at);
  if (!address) return std::unexpected(address.error());
  std::vector<Descriptor> group;
  const auto give_up = [&](const char* what, int error) {
    for (const Descriptor fd : group) ::close(fd);
    return std::unexpected(refusal(at, what, error));
  };
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    const Descriptor fd = bind_one(*address, cpus.size() > 1);
    if (fd < 0) return give_up("bind", -fd);
    group.push_back(fd);
    if (i == 0 && at.port == 0) set_port(*address, port_of(fd));
  }
  if (group.size() > 1 && !steer(group.front(), cpus)) return give_up("steer packets of", errno);
  for (const Descriptor fd : group)
    if (::listen(fd, backlog_max) != 0) return give_up("listen at", errno);
  return group;
}

std::expected<void, std::string> adopt_listening(Descriptor socket) {
  int listening = 0;
  socklen_t length = sizeof listening;
  if (::getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0)
    return std::unexpected(fmt::format("descriptor {} is no socket: {}", socket, std::strerror(errno)));
  if (!listening) return std::unexpected(fmt::format("descriptor {} does not listen", socket));
  const int flags = ::fcntl(socket, F_GETFL);
  if (flags < 0 || ::fcntl(socket, F_SETFL, flags | O_NONBLOCK) != 0 || ::fcntl(socket, F_SETFD, FD_CLOEXEC) != 0 ||
      !turn_on(socket, IPPROTO_TCP, TCP_NODELAY))
    return std::unexpected(fmt::format("descriptor {} cannot be adopted: {}", socket, std::strerror(errno)));
  return {};
}

std::uint16_t port_of(Descriptor socket) {
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &length) != 0) return 0;
  if (bound.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
  if (bound.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port);
  return 0;
}

}  // namespace ringpost::ring
