#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ringpost/control/client.h>

namespace ringpost::control {
namespace {

constexpr std::size_t line_octets_max = 16 << 20;

template <typename Call>
int with_address(const std::string& path, Call call) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  int folder = -1;
  std::string shown = path;
  if (path.size() >= sizeof address.sun_path) {
    const std::filesystem::path whole(path);
    folder = open(whole.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return errno;
    shown = fmt::format("/proc/self/fd/{}/{}", folder, whole.filename().string());
  }
  int result = ENAMETOOLONG;
  if (shown.size() < sizeof address.sun_path) {
    std::memcpy(address.sun_path, shown.c_str(), shown.size() + 1);
    result = call(reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  }
  if (folder >= 0) close(folder);
  return result;
}

}  // namespace

int bind_unix(int socket, const std::string& path) {
  return with_address(path, [&](const sockaddr* address, socklen_t size) { return bind(socket, address, size); });
}

int connect_unix(int socket, const std::string& path) {
  return with_address(path, [&](const sockaddr* address, socklen_t size) { return ::connect(socket, address, size); });
}

std::expected<std::unique_ptr<Client>, std::string> Client::connect(const std::string& socket_path) {
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return std::unexpected(fmt::format("no socket: {}", std::strerror(errno)));
  auto client = std::make_unique<Client>(descriptor);
  const int failed = connect_unix(descriptor, socket_path);
  if (failed == ENOENT || failed == ECONNREFUSED || failed == ENOTDIR) return nullptr;
  if (failed != 0) return std::unexpected(fmt::format("{}: {}", socket_path, std::strerror(failed)));
  return client;
}

Client::~Client() {
  close(descriptor_);
}

std::expected<void, std::string> Client::send(std::string_view line, Octets stream) {
  std::string head(line);
  head += '\n';
  for (Octets rest : {octets_of(head), stream})
    while (!rest.empty()) {
      const ssize_t sent = ::send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) {
        const int error = errno;
        take_what_came();
        return std::unexpected(fmt::format("the daemon takes nothing more: {}", std::strerror(error)));
      }
      rest = rest.subspan(static_cast<std::size_t>(sent));
    }
  return {};
}

// A daemon that refuses a request closes without reading what was announced: why, it has said before that.
void Client::take_what_came() {
  char part[16384];
  for (ssize_t got; (got = recv(descriptor_, part, sizeof part, MSG_DONTWAIT)) > 0;)
    received_.append(part, static_cast<std::size_t>(got));
}

std::expected<std::string, std::string> Client::receive_line() {
  std::size_t searched = 0;
  while (true) {
    const std::size_t end = received_.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    searched = received_.size();
    if (searched > line_octets_max) return std::unexpected("the daemon's answer is too long");
    char part[16384];
    const ssize_t got = recv(descriptor_, part, sizeof part, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(fmt::format("no answer from the daemon: {}", std::strerror(errno)));
    if (got == 0) return std::unexpected("the daemon ended without an answer");
    received_.append(part, static_cast<std::size_t>(got));
  }
}

std::expected<std::size_t, std::string> Client::receive(MutableOctets into) {
  if (!received_.empty()) {
    const std::size_t taken = std::min(into.size(), received_.size());
    std::memcpy(into.data(), received_.data(), taken);
    received_.erase(0, taken);
    return taken;
  }
  while (true) {
    const ssize_t got = recv(descriptor_, into.data(), into.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got > 0) return static_cast<std::size_t>(got);
    return std::unexpected("the daemon ended in the middle of an answer");
  }
}

}  // namespace ringpost::control
